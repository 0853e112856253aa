"""Meters give what the whole split gives, however it is cut."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from torch import Tensor
from torch.nn.functional import cross_entropy

from archrank.tasks import Classification, Meter, Splits
from archrank.tasks.meters import PerExample
from archrank.tasks.regression import as_targets
from tests.tasks.tiny import PAD, Counting, Parity, Sums


def metered(meter: Meter, outputs: Tensor, y: Tensor, sizes: list[int]) -> dict[str, float]:
    for a, b in zip(outputs.split(sizes), y.split(sizes), strict=True):
        meter.update(a, b)
    return meter.compute()


def parts(n: int, cuts: list[int]) -> list[int]:
    edges = [0, *sorted({c % n for c in cuts} - {0}), n]
    return [b - a for a, b in pairwise(edges)]


@settings(deadline=None, max_examples=50)
@given(
    n=st.integers(1, 300),
    cuts=st.lists(st.integers(0, 10_000), max_size=6),
    seed=st.integers(0, 1000),
    smoothing=st.sampled_from([0.0, 0.1]),
)
def test_classification_is_that_of_the_whole_split(
    n: int, cuts: list[int], seed: int, smoothing: float
) -> None:
    g = torch.Generator().manual_seed(seed)
    outputs, y = 3 * torch.randn(n, 7, generator=g), torch.randint(7, (n,), generator=g)
    whole = metered(PerExample(smoothing), outputs, y, [n])
    assert metered(PerExample(smoothing), outputs, y, parts(n, cuts)) == whole  # bit for bit
    assert whole["accuracy"] == np.mean(outputs.argmax(1).numpy() == y.numpy())
    wanted = float(cross_entropy(outputs, y, label_smoothing=smoothing))
    if smoothing == 0:
        assert whole["loss"] == wanted  # bit for bit, so that stored tables stay true
    assert whole["loss"] == pytest.approx(wanted, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    n=st.integers(2, 200),
    cuts=st.lists(st.integers(0, 10_000), max_size=6),
    seed=st.integers(0, 1000),
    offset=st.sampled_from([0.0, 1e4]),
)
def test_regression_agrees_with_scikit_learn(
    n: int, cuts: list[int], seed: int, offset: float
) -> None:
    g = torch.Generator().manual_seed(seed)
    y = torch.randn(n, 2, generator=g, dtype=torch.float64) + offset
    outputs = y + torch.randn(n, 2, generator=g, dtype=torch.float64)
    found = metered(Sums().meter(), outputs, y, parts(n, cuts))
    assert found["mae"] == pytest.approx(oracle.mean_absolute_error(y, outputs), rel=1e-9)
    assert found["loss"] == pytest.approx(oracle.mean_squared_error(y, outputs), rel=1e-9)
    assert found["rmse"] == pytest.approx(found["loss"] ** 0.5, rel=1e-9)
    assert found["r2"] == pytest.approx(oracle.r2_score(y, outputs), rel=1e-6, abs=1e-6)


def test_constant_targets_have_no_r2() -> None:
    y = torch.ones(4, 2)
    found = metered(Sums().meter(), torch.zeros(4, 2), y, [2, 2])
    assert math.isnan(found["r2"])
    assert found["rmse"] == 1


def test_shapes_that_would_broadcast_are_refused() -> None:
    assert as_targets(torch.zeros(4, 1), torch.zeros(4)).shape == (4,)
    assert as_targets(torch.zeros(4), torch.zeros(4, 1)).shape == (4, 1)
    with pytest.raises(ValueError, match=r"returns \(4, 2\) for targets of shape \(4,\)"):
        as_targets(torch.zeros(4, 2), torch.zeros(4))


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=20),
    cuts=st.lists(st.integers(0, 10_000), max_size=4),
    smoothing=st.sampled_from([0.0, 0.1]),
)
def test_tokens_agree_with_a_loop_over_sequences(
    lengths: list[int], cuts: list[int], smoothing: float
) -> None:
    task = Counting(recipe=replace(Counting().recipe, label_smoothing=smoothing))
    n, g = len(lengths), torch.Generator().manual_seed(sum(lengths))
    outputs = 2 * torch.randn(n, 13, 6, generator=g, dtype=torch.float64)
    y = torch.randint(1, 13, (n, 6), generator=g)
    for row, length in zip(y, lengths, strict=True):
        row[length:] = PAD
    found = metered(task.meter(), outputs, y, parts(n, cuts))
    log = outputs.log_softmax(1)
    likelihood, smooth, hits, count = 0.0, 0.0, 0, 0
    for i, length in enumerate(lengths):
        for t in range(length):
            token = int(y[i, t])
            likelihood -= float(log[i, token, t])
            smooth -= float(log[i, :, t].mean())
            hits += int(outputs[i, :, t].argmax()) == token
            count += 1
    if not count:
        assert all(map(math.isnan, found.values()))
        return
    assert found["perplexity"] == pytest.approx(math.exp(likelihood / count), rel=1e-9)
    assert found["accuracy"] == hits / count
    wanted = ((1 - smoothing) * likelihood + smoothing * smooth) / count
    assert found["loss"] == pytest.approx(wanted, rel=1e-9)
    assert float(task.loss(outputs, y)) == pytest.approx(wanted, rel=1e-9)


def test_padding_changes_nothing() -> None:
    task, g = Counting(), torch.Generator().manual_seed(0)
    outputs, y = torch.randn(3, 13, 4, generator=g), torch.randint(1, 13, (3, 4), generator=g)
    more = torch.cat([outputs, torch.randn(3, 13, 5, generator=g)], dim=2)
    padded = torch.cat([y, torch.full((3, 5), PAD)], dim=1)
    assert torch.equal(task.loss(more, padded), task.loss(outputs, y))
    assert metered(task.meter(), more, padded, [2, 1]) == pytest.approx(
        metered(task.meter(), outputs, y, [3])
    )


def test_soft_labels_of_tokens() -> None:
    """Sure ones are labels; those of padding count for nothing, and get no gradient."""
    task, g = Counting(), torch.Generator().manual_seed(0)
    outputs, y = torch.randn(3, 13, 4, generator=g), torch.randint(1, 13, (3, 4), generator=g)
    y[0, 2:] = PAD
    sure = (50 * torch.eye(13)[y]).softmax(-1).movedim(-1, 1)  # (b, vocabulary, t)
    assert task.takes_soft_labels
    assert torch.allclose(task.soft_loss(outputs, sure, y), task.loss(outputs, y))

    soft = torch.randn(3, 13, 4, generator=g).softmax(1).requires_grad_()
    each = -(soft * outputs.log_softmax(1)).sum(1).detach()  # (b, t)
    by_hand = each[y != PAD].mean()
    found = task.soft_loss(outputs.requires_grad_(), soft, y)
    assert torch.allclose(found, by_hand)
    found.backward()  # type: ignore[no-untyped-call]
    assert soft.grad is None
    assert outputs.grad is not None
    assert not outputs.grad[0, :, 2:].any()


def test_soft_labels_are_for_cross_entropy_alone() -> None:
    class OwnLoss(Counting):
        def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return 2 * super().loss(outputs, y)

    assert not OwnLoss().takes_soft_labels
    assert not Sums().takes_soft_labels
    assert Parity().takes_soft_labels


def test_a_huge_loss_has_an_infinite_perplexity() -> None:
    outputs = torch.zeros(1, 13, 1)
    outputs[0, 5] = 2000
    found = metered(Counting().meter(), outputs, torch.full((1, 1), 4), [1])
    assert found["perplexity"] == math.inf
    assert found["loss"] == pytest.approx(2000)


@pytest.mark.parametrize("task", [Parity(), Sums(), Counting()], ids=lambda t: t.name)
def test_nothing_measured_is_nan(task: Classification) -> None:
    found = task.meter().compute()
    assert set(found) == {"loss", *(m.name for m in task.metrics)}
    assert all(map(math.isnan, found.values()))


def test_a_loss_of_your_own_is_averaged_over_examples() -> None:
    class Hinge(Parity):
        def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
            return torch.nn.functional.multi_margin_loss(outputs, y)

        def load(self) -> Splits:
            raise NotImplementedError

    g = torch.Generator().manual_seed(0)
    outputs, y = torch.randn(9, 2, generator=g), torch.randint(2, (9,), generator=g)
    found = metered(Hinge().meter(), outputs, y, [4, 4, 1])
    assert found["loss"] == pytest.approx(float(Hinge().loss(outputs, y)), rel=1e-6)
    assert found["accuracy"] == pytest.approx(oracle.accuracy_score(y, outputs.argmax(1)))
