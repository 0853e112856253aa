"""Losses that look at the whole order at once."""

from __future__ import annotations

from math import log
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from archrank.errors import LabelError, UnknownNameError
from archrank.losses import pairs
from archrank.losses.checks import checked, checked_relevances, zero


def lambdarank(
    scores: Tensor,
    targets: Tensor,
    *,
    rank_by: Literal["predicted", "true_desc", "true_asc"] = "predicted",
    sigma: float = 1.0,
    max_pairs: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""LambdaRank: each pair's logistic loss, weighted by what swapping the two does to NDCG.

    .. math:: L = \sum_{y_i > y_j} |\Delta_{ij}| \log(1 + e^{-\sigma (s_i - s_j)}), \quad
        \Delta_{ij} = \frac{2^{y_i} - 2^{y_j}}{IDCG}
        \Big(\frac1{\log_2(r_i + 1)} - \frac1{\log_2(r_j + 1)}\Big)

    Burges 2010 (MSR-TR-2010-82, section 4); AceNAS, Eqs. 3-4. The weights are constants to
    autograd, so :math:`\partial L / \partial s_i` is exactly
    :math:`\lambda_i = \sum_j \sigma (\frac{1 - S_{ij}}2 - \frac1{1 + e^{\sigma(s_i - s_j)}})
    |\Delta_{ij}|`: summed over pairs, not averaged, as AceNAS feeds it to the optimiser.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` relevances >= 0, of :func:`~archrank.losses.relevance`.
        rank_by: where the positions :math:`r` come from. ``"predicted"``: descending scores, the
            textbook's; tied scores stand worst target first, so that a constant prediction still
            learns. ``"true_asc"``: ascending relevance, AceNAS's released code (its weights hardly
            see neighbours at the top); ``"true_desc"``: descending relevance. Tied relevances
            stand in the order given.
        sigma: steepness :math:`\sigma`.
        max_pairs: at most so many pairs, the sum scaled up to all of them.
        generator: draws the pairs.

    Example:
        >>> s = torch.tensor([0.3, 0.1, 0.2], requires_grad=True)
        >>> lambdarank(s, torch.tensor([0.0, 20.0, 5.0])).backward()
        >>> s.grad.sign()  # the best one's score is to rise
        tensor([ 1., -1.,  1.])
    """
    y = checked_relevances(scores, targets, "lambdarank")
    better, worse, scale = pairs.compare(y, 0.0, max_pairs, generator)
    if len(better) == 0:
        return zero(scores)
    gains, ideal = _gains(y)
    order = _positions(scores.detach(), y, rank_by)
    discounts = torch.empty_like(gains)
    discounts[order] = _discounts(gains)  # (n,)
    delta = (gains[better] - gains[worse]) / ideal * (discounts[better] - discounts[worse])
    logistic = functional.softplus(-sigma * (scores[better] - scores[worse]))  # (pairs,)
    return scale * (delta.abs() * logistic).sum()


def list_mle(scores: Tensor, targets: Tensor, *, top: int | None = None) -> Tensor:
    r"""Minus the Plackett-Luce log likelihood of the true order, per position.

    .. math:: L = \mathrm{mean}_k \Big[\log \sum_{m \ge k} e^{s_{(m)}} - s_{(k)}\Big]

    Xia et al., ICML 2008; divided by the list's length as in the Surgery study's code. Tied targets
    share the denominator of the first of them (Breslow 1974), so their order does not matter; only
    a tie across the ``top`` cut is cut in the order given.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` labels.
        top: only the best ``top`` positions count (all by default).
    """
    t = checked(scores, targets)
    if top is not None and top < 1:
        raise LabelError(f"list_mle needs at least the top 1 position, got top={top}")
    order = torch.argsort(t, descending=True, stable=True)
    s, key = scores[order], -t[order]
    remaining = torch.logcumsumexp(s.flip(0), 0).flip(0)  # (n,) log of the sum from k on
    first = torch.searchsorted(key, key)  # where each tie begins
    return (remaining[first] - s)[:top].mean()


def list_net(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Cross entropy of top-one probabilities.

    .. math:: L = -\sum_i \mathrm{softmax}(t)_i \log \mathrm{softmax}(s)_i

    Cao et al., ICML 2007. Its least value is the entropy of ``softmax(targets)``.
    """
    t = checked(scores, targets)
    return -(torch.softmax(t, 0) * torch.log_softmax(scores, 0)).sum()


def approx_ndcg(scores: Tensor, targets: Tensor, *, temperature: float = 0.1) -> Tensor:
    r"""One minus a smooth NDCG, with :math:`\hat{r}_i = 1 + \sum_{j \ne i} \sigma((s_j - s_i)/T)`.

    Qin, Liu and Li, Information Retrieval 2010 (their :math:`\alpha = 1/T`). Tied scores
    share their mean rank. Above :data:`~archrank.losses.MAX_PAIRS` pairs, ranks are estimated
    from fewer opponents: all who lead now, and of those behind one for each stratum of ranks,
    strata growing in geometric progression as discounts flatten.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` relevances >= 0, of :func:`~archrank.losses.relevance`.
        temperature: :math:`T`; smaller is closer to NDCG and flatter.
    """
    if not temperature > 0:
        raise LabelError(f"temperature must be above 0, got {temperature}")
    y = checked_relevances(scores, targets, "approx_ndcg")
    if bool((y == y[0]).all()):
        return zero(scores)
    ranks = _soft_ranks(scores, temperature)  # (n,)
    gains, ideal = _gains(y)
    return 1 - (gains / torch.log2(ranks + 1)).sum() / ideal


def _soft_ranks(scores: Tensor, temperature: float) -> Tensor:
    """Differentiable ranks ``(n,)``, the best about 1."""
    n = len(scores)
    if n * n <= pairs.MAX_PAIRS:
        ahead = torch.sigmoid((scores - scores[:, None]) / temperature)  # (n, n)
        return 0.5 + ahead.sum(1)  # 0.5: each is among its own opponents
    size = min(n, max(128, pairs.MAX_PAIRS // n))
    lead = size // 2
    tail = np.geomspace(lead, n, size - lead + 1).round().astype(np.int64)
    edges = np.unique(np.concatenate([np.arange(lead), tail]))  # strata of ranks
    middles = torch.from_numpy((edges[:-1] + edges[1:] - 1) // 2).to(scores.device)
    widths = torch.from_numpy(np.diff(edges)).to(scores)
    order = torch.argsort(scores.detach(), descending=True)
    opponents = scores[order[middles]]
    ahead = torch.sigmoid((opponents - scores[:, None]) / temperature)  # (n, strata)
    return 0.5 + ahead @ widths


def _gains(y: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`2^y - 1` and the ideal DCG, both over :math:`2^{\max y}`: no overflow."""
    gains = -torch.exp2(y - y.max()) * torch.expm1(-y * log(2))
    ideal = (gains.sort(descending=True).values * _discounts(gains)).sum()
    return gains, ideal


def _discounts(like: Tensor) -> Tensor:
    """Return ``1 / log2(rank + 1)`` of ranks ``1..n``."""
    return 1 / torch.log2(torch.arange(2, len(like) + 2, device=like.device, dtype=like.dtype))


def _positions(scores: Tensor, y: Tensor, rank_by: str) -> Tensor:
    """Return the indices ``(n,)`` of the architectures at ranks 1, 2, ..."""
    if rank_by == "predicted":
        order = torch.argsort(y, stable=True)  # the later key first: ties worst target first
        return order[torch.argsort(scores[order], descending=True, stable=True)]
    if rank_by not in ("true_desc", "true_asc"):
        raise UnknownNameError("rank_by", rank_by, ["predicted", "true_desc", "true_asc"])
    return torch.argsort(y, descending=rank_by == "true_desc", stable=True)
