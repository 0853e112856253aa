"""Criteria of large tables: neither a Python loop over architectures nor a matrix of pairs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from archrank import criteria
from tests.effort import effort

N = 423_624  # the rows of NAS-Bench-101

PLAIN = [
    criteria.kendall_tau,
    criteria.kendall_tau_a,
    criteria.pair_accuracy,
    criteria.spearman,
    criteria.pearson,
    criteria.ndcg,
    criteria.regret,
]
OF_THE_TOP = [
    criteria.precision_at,
    criteria.precision_at_bottom,
    criteria.best_ranking_at,
    criteria.worst_ranking_at,
    criteria.tau_at_top,
    criteria.top_k_accuracy,
]


@pytest.fixture(scope="module")
def table() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=N).round(3)
    return truth + rng.normal(size=N), truth, rng.integers(0, 3000, N), np.arange(N) // 2


@pytest.mark.parametrize(
    ("criterion", "args"),
    [
        *((f, "ab") for f in PLAIN),
        *((partial(f, k=0.05), "ab") for f in OF_THE_TOP),
        (criteria.group_tau, "abc"),
        (criteria.group_rank_difference, "abc"),
        (criteria.isomorphism_spread, "ad"),
    ],
)
def test_no_loop_over_architectures(table: Any, criterion: Any, args: str) -> None:
    columns = [table["abcd".index(name)] for name in args]
    criterion(*(x[:100] for x in columns))  # imports
    value, calls, peak = effort(lambda: criterion(*columns))
    assert np.isfinite(value).all()
    assert calls < N / 20  # a loop has one per row
    assert peak < 40 * 8 * N  # forty columns; pairs would be 423,624 columns
