"""Candidates that are chosen while a supernet trains: by losses, or by a ranker that learns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import EvaluationError
from archrank.rankers import AttentiveNASForest
from archrank.supernets import Supernet, SupernetTraining, train_supernet
from archrank.supernets.ahead import ahead
from archrank.supernets.ranks import Ranks
from archrank.supernets.samplers import AttentiveLoss, AttentiveRanker, Sampler, Uniform
from archrank.supernets.updates import Sandwich
from archrank.tasks.base import Split
from archrank.types import Archs
from tests.supernets.elastic import TASK, space, supernet


class Free(AttentiveLoss):
    """Candidates of any FLOPs: the elastic perceptrons are too few to have equal ones."""

    def sample(self, networks: Any, *, rng: np.random.Generator) -> Archs:
        return Uniform(self.m * self.k).sample(networks, rng=rng)


class Spied(SupernetTraining):
    """Notes what was trained, and what should have been."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.trained: list[Archs] = []
        self.expected: list[Archs] = []
        super().__init__(*arguments, **options)

    def _chosen(self, batch: Split, rows: Archs) -> Archs:
        twin = supernet(drop=0.3)
        twin.load_state_dict(self.supernet.state_dict())
        losses = [TASK.loss(twin.eval()(batch.x, row), batch.y).item() for row in rows]
        pick = np.argmin if self.sampler.front == "best" else np.argmax  # type: ignore[attr-defined]
        k = self.sampler.candidates
        places = [g * k + int(pick(losses[g * k : (g + 1) * k])) for g in range(len(rows) // k)]
        self.expected.append(rows[places])
        self.trained.append(super()._chosen(batch, rows))
        return self.trained[-1]


@pytest.mark.parametrize("front", ["best", "worst"])
def test_the_winner_by_its_loss_is_trained(front: Any) -> None:
    torch.set_num_threads(1)
    found = Spied(supernet(drop=0.3), TASK, Free(front=front, k=4), rule=Sandwich())
    found.run_epoch()
    assert np.array_equal(found.trained, found.expected)
    assert {rows.shape for rows in found.trained} == {(2, 2)}


def test_losses_leave_no_trace() -> None:
    found = SupernetTraining(supernet(drop=0.3), TASK, Free(), rule=Sandwich())
    batch = next(iter(found._draws.epoch()))
    found.supernet.train()
    losses = found._session.peek(batch, space().enumerate())
    assert losses.shape == (12,)
    assert not losses.requires_grad
    assert found.supernet.training
    assert all(w.grad is None for w in found.supernet.parameters())


@pytest.mark.parametrize("kind", ["loss", "ranker"])
def test_a_resumed_training_is_the_same_bit_for_bit(kind: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    recipe = replace(TASK.recipe, epochs=4)

    def new() -> SupernetTraining:
        sampler: Sampler = Free()
        if kind == "ranker":
            forest = AttentiveNASForest(space(), trees=3)
            sampler = AttentiveRanker(k=3, ranker=forest, learns=(1, 3), labels=8)
        return SupernetTraining(supernet(drop=0.3), TASK, sampler, rule=Sandwich(), recipe=recipe)

    whole = new()
    train_supernet(whole)
    for stop in (1, 2, 3):
        first, again = new(), new()
        for _ in range(stop):
            first.run_epoch()
        first.save(tmp_path / "checkpoint")
        again.load(tmp_path / "checkpoint")
        while again.epoch < 4:
            again.run_epoch()
        assert same(again.supernet, whole.supernet)
        assert again.losses == whole.losses


def same(a: Supernet, b: Supernet) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(w, theirs[name]) for name, w in a.state_dict().items())


def test_the_ranker_learns_from_held_out_scores() -> None:
    forest = AttentiveNASForest(space(), trees=3)
    sampler = AttentiveRanker(k=3, ranker=forest, learns=(1,), labels=30)
    found = SupernetTraining(supernet(), TASK, sampler, rule=Sandwich())
    found.run_epoch()
    assert not found._sampler.knows  # type: ignore[attr-defined]
    weights = {n: w.clone() for n, w in found.supernet.state_dict().items()}
    found._learn()
    assert found._sampler.knows  # type: ignore[attr-defined]
    valid = TASK.load().valid
    for row, score in zip(*found._labels.values(), strict=True):
        right = found.supernet.eval()(valid.x, row.numpy()).argmax(1) == valid.y
        assert right.double().mean().item() == pytest.approx(float(score))
    assert all(torch.equal(w, weights[n]) for n, w in found.supernet.state_dict().items())


def test_scores_without_an_order_teach_nothing() -> None:
    forest = AttentiveNASForest(space(), trees=3)
    sampler = AttentiveRanker(k=3, ranker=forest, learns=(1,), labels=8)
    found = SupernetTraining(supernet(), TASK, sampler, rule=Sandwich())
    with torch.no_grad():
        for weight in found.supernet.parameters():
            weight.zero_()
    found._learn()
    assert found._sampler is sampler
    assert "labels" not in found.state()[0]


def test_rows_depend_on_the_seed_and_the_update_alone() -> None:
    a = SupernetTraining(supernet(), TASK, Free(), rule=Sandwich(), seed=5)
    b = SupernetTraining(supernet(seed=1), TASK, Free(), rule=Sandwich(), seed=5)
    a.run_epoch()
    for update in (0, 3, 7):
        assert np.array_equal(a._drawn(update), b._drawn(update))
    other = SupernetTraining(supernet(), TASK, Free(), ranks=Ranks(1, 2), seed=5)
    assert np.array_equal(a._drawn(3), other._drawn(3))  # all processes share candidates
    alone, second = (
        SupernetTraining(supernet(), TASK, Uniform(4), ranks=r, seed=5)
        for r in (Ranks(0, 2), Ranks(1, 2))
    )
    assert not np.array_equal(alone._drawn(3), second._drawn(3))


# ---- drawing ahead -------------------------------------------------------------------------------


@pytest.mark.parametrize("in_thread", [True, False])
def test_calls_are_made_in_order_beside_the_block(in_thread: bool) -> None:
    made: list[int] = []

    def call(number: int) -> int:
        made.append(number)
        return number**2

    with ahead(call, range(5), in_thread=in_thread) as results:
        assert in_thread or made == list(range(5))
        assert [result() for result in results] == [0, 1, 4, 9, 16]
    assert made == list(range(5))


def test_calls_that_nobody_needs_are_not_made() -> None:
    made: list[int] = []

    def call(number: int) -> None:
        made.append(number)
        time.sleep(0.01)

    with ahead(call, range(10_000)) as results:
        next(results)()
    assert len(made) < 1_000


class Failing(Sampler):
    """Fails."""

    def sample(self, networks: Any, *, rng: np.random.Generator) -> Archs:
        raise ZeroDivisionError("no rows today")


def test_failures_are_told_with_their_update() -> None:
    found = SupernetTraining(supernet(), TASK, Failing())
    with pytest.raises(EvaluationError, match="update 0 of the supernet of elastic failed: Zero"):
        found.run_epoch()


@pytest.mark.parametrize("call", [lambda n: 1 / n, lambda n: [][n]])
def test_errors_are_raised_where_the_result_is_needed(call: Callable[[int], Any]) -> None:
    with ahead(call, [0, 1]) as results, pytest.raises((ZeroDivisionError, IndexError)):
        next(results)()
