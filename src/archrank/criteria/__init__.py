"""Criteria for rankings, and the expected result of random search for comparison.

Criteria take ``scores: (n,)`` and ``truth: (n,)``, both higher-is-better, and raise
:class:`~archrank.errors.LabelError` for input that cannot be ranked: NaN, all values equal, values
wrapped around by a conversion to integers, or unequal lengths. All are defined for ties, and none
depends on the order of rows:

- correlations handle ties by their definition;
- criteria of the best architectures are exact expectations over all orders of tied *scores*;
- equal *truths* share the best of their ranks in ``best_ranking_at``, ``n_at`` and
  ``worst_ranking_at``, are broken at random in ``precision_at``, and are left out of
  ``pair_accuracy``.
"""

from __future__ import annotations

from archrank.criteria.correlation import (
    kendall_tau,
    kendall_tau_a,
    pair_accuracy,
    pearson,
    spearman,
    tau_at_top,
)
from archrank.criteria.draws import expected_best_of_random
from archrank.criteria.gain import ndcg, relevance
from archrank.criteria.groups import (
    Spread,
    group_rank_difference,
    group_tau,
    isomorphism_spread,
)
from archrank.criteria.resampling import Criterion, bootstrap, bootstrap_all, rank_dynamics
from archrank.criteria.top import (
    best_ranking_at,
    n_at,
    precision_at,
    precision_at_bottom,
    regret,
    top_k_accuracy,
    worst_ranking_at,
)

__all__ = [
    "Criterion",
    "Spread",
    "best_ranking_at",
    "bootstrap",
    "bootstrap_all",
    "expected_best_of_random",
    "group_rank_difference",
    "group_tau",
    "isomorphism_spread",
    "kendall_tau",
    "kendall_tau_a",
    "n_at",
    "ndcg",
    "pair_accuracy",
    "pearson",
    "precision_at",
    "precision_at_bottom",
    "rank_dynamics",
    "regret",
    "relevance",
    "spearman",
    "tau_at_top",
    "top_k_accuracy",
    "worst_ranking_at",
]
