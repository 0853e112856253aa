"""Input that cannot be ranked."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.criteria import (
    best_ranking_at,
    kendall_tau,
    kendall_tau_a,
    pair_accuracy,
    pearson,
    precision_at,
    precision_at_bottom,
    spearman,
    top_k_accuracy,
    worst_ranking_at,
)
from archrank.errors import LabelError

CORRELATIONS = [kendall_tau, kendall_tau_a, spearman, pearson]


@pytest.mark.parametrize("criterion", [*CORRELATIONS, pair_accuracy])
def test_labels_cast_to_integers(criterion) -> None:
    for cast in (np.array([0.9, 0.8, 1.0]).astype(np.int32), [0, 0, 0], np.ones(3, np.uint8)):
        with pytest.raises(
            LabelError, match=r"3 truth values are 0 or 1 of type u?int\d+: .* as floats"
        ):
            criterion([1, 2, 3], cast)
    assert criterion([1, 2, 3], [0.0, 1.0, 1.0]) > 0  # floats are taken at their word


@pytest.mark.parametrize("criterion", [*CORRELATIONS, pair_accuracy])
@pytest.mark.parametrize(
    ("scores", "truth", "message"),
    [
        ([1, np.nan, 3], [1, 2, 3], "1 of 3 scores are NaN"),
        ([1, 2, 3], [1, np.inf, 3], "1 of 3 truth are NaN or infinite, the first at row 1"),
        ([1, 1, 1], [1, 2, 3], "all 3 scores are 1"),
        ([1, 2, 3], [2, 2, 2], "all 3 truth are 2"),
        ([1], [1], "at least 2"),
        ([], [], "at least 2"),
        ([1, 2], [1, 2, 3], "the same length"),
        ([[1, 2]], [[1, 2]], "the same length"),
    ],
)
def test_unusable_input(criterion, scores, truth, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        criterion(scores, truth)


def test_a_fraction_rounds_down() -> None:
    truth = np.arange(100.0)
    assert worst_ranking_at(truth, truth, 0.29) == 0.29  # .29 * 100 = 28.999999999999996
    assert worst_ranking_at(truth, truth, 0.299) == 0.29
    assert worst_ranking_at(truth, truth, np.int64(3), absolute=True) == 3
    assert worst_ranking_at(truth, truth, np.float64(1)) == 1


@pytest.mark.parametrize(
    "criterion", [precision_at, precision_at_bottom, best_ranking_at, top_k_accuracy]
)
@pytest.mark.parametrize(
    ("k", "message"),
    [
        (0, "k=0: choose from 1 to 4"),
        (5, "k=5: choose from 1 to 4"),
        (0.0, r"k=0.0: a float is a fraction"),
        (1.5, "must be an integer"),
        (float("nan"), "a float is a fraction"),
        (0.2, "k=0.2 of 4 architectures is less than one"),
        (True, "got True"),
        ("10", "got '10'"),
    ],
)
def test_unusable_k(criterion, k, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        criterion([1, 2, 3, 4], [1, 2, 3, 4], k)
