"""Losses in all variants, and draws to try them on."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from archrank.losses import (
    LOSSES,
    exp_mse,
    hinge,
    kl_pair,
    lambdarank,
    list_mle,
    mape,
    mixed,
    ranknet,
    warp,
)

RANK_BY = ("predicted", "true_desc", "true_asc")
POINTWISE = (
    "mse", "l1", "blog_mixed", "exp_mse", "exp_mse_steep", "mape", "mape_bound", "hinge_mape",
)  # fmt: skip
VARIANTS = {
    **{name: LOSSES.get(name) for name in LOSSES.names()},
    **{f"lambdarank_{r}": partial(lambdarank, rank_by=r, sigma=1.7) for r in RANK_BY},
    "exp_mse_steep": partial(exp_mse, steepness=2.5),
    "mape_bound": partial(mape, bound=4.5),
    "warp_near": partial(warp, margin=0.1),
    "hinge_threshold": partial(hinge, margin=1.0, threshold=0.5),
    "list_mle_top": partial(list_mle, top=2),
    "mixed": mixed([(0.3, ranknet), (2.0, kl_pair)]),
}


def tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(loss, s, t) -> torch.Tensor:
    leaf = tensor(s).requires_grad_()
    (found,) = torch.autograd.grad(loss(leaf, tensor(t)), leaf)
    return found


def draws(seed: int, n: int) -> tuple[list[float], list[float]]:
    """Distinct scores; relevances with ties."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).tolist(), rng.integers(0, 4, n).astype(float).tolist()
