"""Two processes that train together, against one that averages the same gradients by hand."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import ResumeError, SettingsError, WorkerError
from archrank.spaces import NASBench201, Scale
from archrank.supernets import Supernet, SupernetTraining, train_supernet
from archrank.supernets.checkpoints import checkpoint, checkpoints
from archrank.supernets.ranks import Ranks, processes
from archrank.supernets.running import Progress
from archrank.supernets.samplers import AttentiveLoss, Uniform
from archrank.supernets.updates import MeanPerWeight, Sandwich
from archrank.tasks import Augmentation, Digits, Recipe
from archrank.tasks.base import Split
from archrank.training.loop import initialise
from archrank.training.step import Step
from archrank.types import Archs
from tests.supernets import elastic

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no forkserver")

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
RECIPE = Recipe(epochs=2, batch_size=300, lr=0.02, grad_clip=1.0)
TASK = Digits(recipe=RECIPE, augmentation=Augmentation(), copies=1)
NOISY = Digits(recipe=RECIPE, copies=1)
CURED = MeanPerWeight(decay_exponents=(1.5, 0.5), momentum_decision=1)
SIZE, SEED = 2, 3
Weights = dict[str, torch.Tensor]


def training(
    ranks: Ranks | None = None, rule: MeanPerWeight | None = None, m: int = 1
) -> SupernetTraining:
    torch.set_num_threads(1)
    supernet = initialise(SPACE.networks(TASK).supernet, SEED)
    assert isinstance(supernet, Supernet)
    task = TASK if rule is None else NOISY
    return SupernetTraining(supernet, task, Uniform(m), rule=rule, seed=SEED, ranks=ranks)


class Free(AttentiveLoss):
    """Candidates of any FLOPs."""

    def sample(self, networks: Any, *, rng: np.random.Generator) -> Archs:
        return Uniform(self.m * self.k).sample(networks, rng=rng)


class Noting(SupernetTraining):
    """Trains elastic perceptrons by the sandwich rule; notes the winners of each draw."""

    def __init__(self, ranks: Ranks | None = None, per_process: bool = False) -> None:
        torch.set_num_threads(1)
        self.trained: list[Archs] = []
        sampler = Free(k=4, per_process=per_process)
        super().__init__(
            elastic.supernet(), elastic.TASK, sampler, rule=Sandwich(), seed=SEED, ranks=ranks
        )

    def _chosen(self, batch: Split, rows: Archs) -> Archs:
        self.trained.append(super()._chosen(batch, rows))
        return self.trained[-1]


# ---- in each process -----------------------------------------------------------------------------


def play(rank: int, port: int, folder: Path) -> None:
    """Train in one of two processes; write its weights and what went wrong."""
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(SIZE), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with processes() as (ranks, device):
        assert (ranks, device) == (Ranks(rank, SIZE), "cpu")
        for name, rule in (("plain", None), ("cured", CURED)):
            found = training(ranks, rule, m=2)
            told: list[Progress] = []
            keep = folder / name
            train_supernet(found, keep, every=1, keep=(1,), watch=told.append)
            assert [p.epoch for p in told] == ([1, 2] if rank == 0 else [])
            torch.save(found.supernet.state_dict(), folder / f"{name}-{rank}.pt")
            again = training(ranks, rule, m=2)
            again.load(checkpoint(keep, 1))
            again.run_epoch()
            torch.save(again.supernet.state_dict(), folder / f"{name}-again-{rank}.pt")
        for per_process in (False, True):
            choosing = Noting(ranks, per_process)
            for _ in range(2):
                choosing.run_epoch()
            name = f"sandwich-{'own' if per_process else 'agreed'}-{rank}"
            torch.save(choosing.supernet.state_dict(), folder / f"{name}.pt")
            np.save(folder / f"{name}.npy", np.array(choosing.trained))
        lonely = training(ranks)
        if rank == 1:
            os._exit(0)  # as if killed
        with pytest.raises(WorkerError) as caught:
            lonely.run_epoch()
        (folder / "told.txt").write_text(str(caught.value))
        os._exit(0)  # there is nobody left to part from


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of what two processes wrote."""
    folder, context = tmp_path_factory.mktemp("ranks"), get_context("forkserver")
    context.set_forkserver_preload([__name__])
    port = free_port()
    both = [context.Process(target=play, args=(rank, port, folder)) for rank in range(SIZE)]
    for process in both:
        process.start()
    for process in both:
        process.join(600)
    assert [process.exitcode for process in both] == [0, 0]
    return folder


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


# ---- by hand -------------------------------------------------------------------------------------


def by_hand() -> Weights:
    """Train with torch alone: gradients of all architectures of both processes, averaged."""
    supernet = initialise(SPACE.networks(TASK).supernet, SEED).train()
    recipe, data = TASK.recipe, TASK.load().train
    optimizer = torch.optim.SGD(
        supernet.parameters(),
        recipe.lr,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        fused=False,
    )
    generator = torch.Generator().manual_seed(SEED)
    batches = math.ceil(len(data.y) / recipe.batch_size)
    updates, done = recipe.epochs * batches, 0
    for _ in range(recipe.epochs):
        order = torch.randperm(len(data.y), generator=generator)
        for rows in order.tensor_split(batches):
            given: dict[str, list[torch.Tensor]] = {}
            for rank, part in enumerate(rows.tensor_split(SIZE)):
                rng = np.random.default_rng(np.random.SeedSequence([SEED, done, rank]))
                for arch in SPACE.sample(2, rng=rng):
                    optimizer.zero_grad(set_to_none=True)
                    TASK.loss(supernet(data.x[part], arch), data.y[part]).backward()
                    for name, weight in supernet.named_parameters():
                        if weight.grad is not None:
                            given.setdefault(name, []).append(weight.grad.clone())
            for name, weight in supernet.named_parameters():
                weight.grad = torch.stack(given[name]).mean(dim=0) if name in given else None
            torch.nn.utils.clip_grad_norm_(supernet.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * 0.5 * (1 + math.cos(math.pi * done / updates))
            optimizer.step()
            done += 1
    return supernet.state_dict()


def read(path: Path) -> Weights:
    found: Weights = torch.load(path, weights_only=True)
    return found


def same(a: Weights, b: Weights) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def distance(a: Weights, b: Weights) -> float:
    return math.sqrt(sum(float((a[name] - b[name]).square().sum()) for name in a))


def test_two_processes_are_one_that_averages(played: Path) -> None:
    expected, found = by_hand(), read(played / "plain-0.pt")
    alone = training()
    moved = distance(alone.supernet.state_dict(), expected)
    assert distance(found, expected) < 0.01 * moved  # rounding, which each update enlarges
    train_supernet(alone)
    assert distance(alone.supernet.state_dict(), expected) > 0.1 * moved


@pytest.mark.parametrize("name", ["plain", "cured"])
def test_all_end_with_the_same_weights_also_after_a_stop(played: Path, name: str) -> None:
    first = read(played / f"{name}-0.pt")
    for other in (f"{name}-1.pt", f"{name}-again-0.pt", f"{name}-again-1.pt"):
        assert same(first, read(played / other))
    assert list(checkpoints(played / name)) == [1, 2]
    assert not same(read(played / "plain-0.pt"), read(played / "cured-0.pt"))


@pytest.mark.parametrize("name", ["sandwich-agreed", "sandwich-own"])
def test_processes_of_a_sandwich_have_equal_weights(played: Path, name: str) -> None:
    first, second = (read(played / f"{name}-{rank}.pt") for rank in range(SIZE))
    assert same(first, second)


def test_all_train_the_same_winners_unless_each_chooses_for_itself(played: Path) -> None:
    agreed, own = (
        [np.load(played / f"sandwich-{kind}-{rank}.npy") for rank in range(SIZE)]
        for kind in ("agreed", "own")
    )
    assert np.array_equal(*agreed)
    assert agreed[0].shape == (6, 2, 2)  # updates, architectures, decisions
    assert not np.array_equal(*own)


def test_a_sandwich_of_two_processes_is_one_that_averages(played: Path) -> None:
    """Winners have the lowest loss on the whole batch; gradients are means over both parts."""
    agreed = np.load(played / "sandwich-agreed-0.npy")
    net, moved = elastic.supernet(), elastic.supernet().state_dict()
    data, generator = elastic.TASK.load().train, torch.Generator().manual_seed(SEED)
    batches = math.ceil(len(data.y) / 300)
    step, done = Step(net.parameters(), elastic.TASK.recipe, 2 * batches), 0
    largest, smallest = np.array([2, 3]), np.array([0, 0])
    for _ in range(2):
        for rows in torch.randperm(len(data.y), generator=generator).tensor_split(batches):
            rng = np.random.default_rng(np.random.SeedSequence([SEED, done]))
            candidates = Uniform(8).sample(elastic.space().networks(TASK), rng=rng)
            parts = [data.take(part) for part in rows.tensor_split(SIZE)]
            with torch.no_grad():
                losses = [
                    sum(TASK.loss(net(p.x, a), p.y).item() for p in parts) for a in candidates
                ]
            winners = [
                candidates[4 * g + int(np.argmin(losses[4 * g : 4 * g + 4]))] for g in (0, 1)
            ]
            assert np.array_equal(winners, agreed[done])
            for part in parts:
                outputs = net(part.x, largest)
                soft = outputs.detach().softmax(1)
                total = TASK.loss(outputs, part.y)
                for arch in (*winners, smallest):
                    total = total + torch.nn.functional.cross_entropy(net(part.x, arch), soft)
                step.backward(total / SIZE)
            step.update()
            done += 1
    found = read(played / "sandwich-agreed-0.pt")
    assert distance(found, net.state_dict()) < 1e-3 * distance(found, moved)


def test_a_process_that_ends_is_told(played: Path) -> None:
    told = (played / "told.txt").read_text()
    assert told.startswith("process 0 of 2 waited for another one, which has ended or does not")


def test_another_number_of_processes_is_refused(played: Path) -> None:
    with pytest.raises(ResumeError, match="processes: 2 -> 1"):
        train_supernet(training(m=2), played / "plain")


def test_batches_are_divided() -> None:
    parts = [training(Ranks(rank, SIZE))._draws for rank in range(SIZE)]
    whole = training()._draws
    for batch, *divided in zip(whole.epoch(), *(part.epoch() for part in parts), strict=True):
        assert torch.equal(torch.cat([part.x for part in divided]), batch.x)
        assert {len(part.y) for part in divided} <= {len(batch.y) // 2, -(-len(batch.y) // 2)}
    with pytest.raises(SettingsError, match="cannot be divided among 2 processes"):
        SupernetTraining(
            training().supernet,
            TASK,
            recipe=replace(TASK.recipe, batch_size=1),
            ranks=Ranks(0, SIZE),
        )


def test_one_process_has_nobody_to_talk_to() -> None:
    with processes() as (ranks, device):
        assert (ranks, device) == (Ranks(), "cpu")
        numbers = torch.ones(2)
        ranks.add_up(numbers)
        assert numbers.tolist() == [1, 1]
        assert ranks.told("told") == "told"


# ---- the command line ----------------------------------------------------------------------------

SMALL = """
import archrank as ar

task = ar.tasks.Digits(copies=1)
space = ar.spaces.CustomCells(["skip_connect", "nor_conv_1x1"], nodes=3, name="mine")
"""


def torchrun(folder: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(SIZE)]
    launch += ["--master-port", str(free_port()), "-m", "--", "archrank", "supernet", "train"]
    space = ["--space", "mine.py:space", "--task", "mine.py:task", "--epochs", "2"]
    command = [*launch, *space, "--batch-size", "400", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, text=True, capture_output=True, timeout=300, check=False
    )


def test_torchrun(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SMALL)
    found = torchrun(tmp_path, "--run", "net")
    assert found.returncode == 0, found.stderr
    assert found.stderr.count("supernet of mine") == 1
    assert "on task digits, 2 processes; checkpoints in net" in found.stderr
    assert list(checkpoints(tmp_path / "net")) == [2]
