"""Rules for the networks of every registered space, and of the ones yet to be added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from archrank.errors import SpaceError
from archrank.spaces import SPACES, EdgeCellSpace, Networks, Space
from archrank.tasks import ImageClassification, Splits, Task
from tests.spaces.sequences import Tokens

COUNTED, TRAINED = 2, 2
LARGE = 3e7  # parameters of networks that are counted, but too large to train in a test


@dataclass(frozen=True)
class Images(ImageClassification):
    input_shape: tuple[int, ...] = (3, 15, 15)
    n_classes: int = 11

    name = "images"

    def load(self) -> Splits:
        raise NotImplementedError


KINDS: tuple[Task, ...] = (
    Images(),
    Tokens(input_shape=(7,)),
    Tokens(input_shape=(2, 7)),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def takes(space: Space, task: Task) -> bool:
    try:
        space.networks(task)
    except SpaceError:
        return False
    return True


@cache
def made_for(name: str) -> Task:
    """The one kind of task that a space builds networks for."""
    kinds = [task for task in KINDS if takes(SPACES.get(name)(), task)]
    assert len(kinds) == 1, f"{name} takes {kinds}"
    return kinds[0]


def inputs(task: Task, b: int) -> Tensor:
    kind = torch.float32 if isinstance(task, Images) else torch.int64
    return torch.ones(b, *task.input_shape, dtype=kind)


def made(name: str, n: int, seed: int) -> tuple[Networks, Task, np.ndarray]:
    task = made_for(name)
    space: Space = SPACES.get(name)()
    return space.networks(task), task, space.sample(n, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("name", SPACES.names())
def test_closed_form_costs_equal_the_counter(name: str) -> None:
    networks, task, archs = made(name, COUNTED, seed=0)
    space = networks.space
    if isinstance(space, EdgeCellSpace):  # published counts have edges that networks do not run
        assert space.none is not None
        archs[archs == space.none] = space.ops.index("skip_connect")
    cost = networks.cost(archs)
    for i, arch in enumerate(archs):
        with torch.device("meta"):
            network, x = networks.build(arch).eval(), inputs(task, 1)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x)
        assert counter.get_total_flops() == 2 * cost["macs"][i]
        assert sum(p.numel() for p in network.parameters()) == cost["params"][i]


@pytest.mark.parametrize("name", SPACES.names())
def test_random_networks_run_forward_and_backward(name: str) -> None:
    networks, task, archs = made(name, 50, seed=1)
    small = archs[np.argsort(networks.cost(archs)["params"])][:TRAINED]
    if networks.cost(small)["params"].max() > LARGE:
        pytest.skip("too large for a test; benchmarks/spaces.py trains twenty")
    for arch in small:
        network = networks.build(arch)
        outputs = network(inputs(task, 2))
        assert outputs.shape[:2] == (2, task.n_classes)
        outputs.square().mean().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        assert gradients
        assert all(torch.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("name", SPACES.names())
def test_tasks_of_another_kind_are_refused(name: str) -> None:
    space = SPACES.get(name)()
    builder = "hat_union" if name == "hat_averages" else space.name  # which has the averages
    for task in (task for task in KINDS if task != made_for(name)):
        with pytest.raises(SpaceError, match=f"{builder} builds networks for .*{task.name}"):
            space.networks(task)
