"""Ranking losses: scalar torch functions of ``scores: (n,)`` and ``targets: (n,)``.

Higher targets are better, and gradients come from autograd. The pairwise and listwise ones see only
differences of scores: adding a constant to all changes nothing.

**Ties.** Pairs with equal targets carry no order and are left out (:func:`kl_pair` keeps them: it
learns that they are equal). A batch without any pair to compare has loss 0 and gradient 0, never
NaN. Where a loss needs positions, its docstring says how ties are placed.

**Memory.** Up to :data:`MAX_PAIRS` pairs are enumerated; above, that many are sampled uniformly
without replacement, so memory stays linear in ``n``; ``max_pairs`` sets another number. Sampling
draws from ``generator``, and without one from a fixed seed: the same rows are compared each time,
so give one where pairs should differ from step to step. Sums over pairs are scaled up to all pairs,
so sampling keeps their expectation.
"""

from __future__ import annotations

from archrank.losses.checks import Loss
from archrank.losses.listwise import approx_ndcg, lambdarank, list_mle, list_net
from archrank.losses.mixtures import blog_mixed, mixed
from archrank.losses.pairs import MAX_PAIRS
from archrank.losses.pairwise import hinge, kl_pair, ranknet
from archrank.losses.piecewise import (
    Piecewise,
    Progress,
    hinge_mape,
    hinge_warp,
    list_mle_warp,
    loss_at,
)
from archrank.losses.pointwise import l1, mse
from archrank.losses.relevances import relevance
from archrank.losses.top_heavy import exp_mse, mape, warp
from archrank.registry import Registry

LOSSES = Registry(
    "loss",
    {
        name: f"archrank.losses:{name}"
        for name in (
            "approx_ndcg", "blog_mixed", "exp_mse", "hinge", "hinge_mape", "hinge_warp", "kl_pair",
            "l1", "lambdarank", "list_mle", "list_mle_warp", "list_net", "mape", "mse", "ranknet",
            "warp",
        )
    },
    plural="losses",
)  # fmt: skip

__all__ = [
    "LOSSES", "MAX_PAIRS", "Loss", "Piecewise", "Progress", "approx_ndcg", "blog_mixed", "exp_mse",
    "hinge", "hinge_mape", "hinge_warp", "kl_pair", "l1", "lambdarank", "list_mle",
    "list_mle_warp", "list_net", "loss_at", "mape", "mixed", "mse", "ranknet", "relevance", "warp",
]  # fmt: skip
