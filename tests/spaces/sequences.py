"""A task of token sequences, and checks that every Transformer space shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from archrank.spaces import Space
from archrank.tasks import Classification, Split, Splits, Task
from archrank.types import Archs


@dataclass(frozen=True)
class Tokens(Classification):
    """Repeat the first token of what was read."""

    input_shape: tuple[int, ...] = (7,)
    n_classes: int = 11

    name = "tokens"

    def load(self) -> Splits:
        generator = torch.Generator().manual_seed(0)
        x = torch.randint(self.n_classes, (4, *self.input_shape), generator=generator)
        y = x.flatten(1)[:, :1].expand(-1, self.input_shape[-1])
        return Splits(*(Split(x, y) for _ in range(3)))


def check_costs(space: Space, task: Task, archs: Archs) -> None:
    """Closed forms agree with what a counter sees in the built networks."""
    networks = space.networks(task)
    cost = networks.cost(archs)
    for i, arch in enumerate(archs):
        with torch.device("meta"):
            network = networks.build(arch)
            x = torch.zeros(1, *task.input_shape, dtype=torch.int64)
            with FlopCounterMode(display=False) as counter:
                network(x)
        assert counter.get_total_flops() / 2 == cost["macs"][i], space.format(archs)[i]
        assert sum(p.numel() for p in network.parameters()) == cost["params"][i]


def check_learning(space: Space, task: Task, archs: Archs) -> None:
    """Networks run forward and backward, and every parameter gets a gradient."""
    x, y = task.load().train
    for arch in archs:
        network = space.networks(task).build(arch)
        outputs = network(x)
        assert outputs.shape == (len(x), task.n_classes, task.input_shape[-1])
        task.loss(outputs, y).backward()
        assert 0 <= task.measure(outputs, y)["accuracy"] <= 1
        for name, p in network.named_parameters():
            assert p.grad is not None, name
            assert torch.isfinite(p.grad).all(), name


def few(space: Space, n: int, seed: int = 0) -> Archs:
    return space.sample(n, rng=np.random.default_rng(seed))
