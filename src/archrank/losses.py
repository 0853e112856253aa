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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, log
from typing import Literal, TypeAlias, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from archrank import criteria
from archrank.criteria.gain import relevance_bounds
from archrank.errors import LabelError, UnknownNameError
from archrank.registry import Registry
from archrank.types import Floats

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``loss(scores (n,), targets (n,)) -> scalar``; bind options with ``functools.partial``."""

MAX_PAIRS = 2**20  # 8 MB per float64 column of pairs

LOSSES = Registry(
    "loss",
    {
        name: f"archrank.losses:{name}"
        for name in (
            "approx_ndcg", "blog_mixed", "hinge", "kl_pair", "l1", "lambdarank", "list_mle",
            "list_net", "mse", "ranknet",
        )
    },
    plural="losses",
)  # fmt: skip


def mse(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Mean squared error, :math:`\frac1n \sum_i (s_i - t_i)^2`.

    Example:
        >>> mse(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(2.)
    """
    return functional.mse_loss(scores, _checked(scores, targets))


def l1(scores: Tensor, targets: Tensor) -> Tensor:
    r"""Mean absolute error, :math:`\frac1n \sum_i |s_i - t_i|`."""
    return functional.l1_loss(scores, _checked(scores, targets))


def hinge(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 0.1,
    threshold: float = 0.0,
    max_pairs: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Pairwise margin ranking: mean of :math:`\max(0, m - \mathrm{sgn}(t_i-t_j)(s_i-s_j))`.

    GATES (Ning et al., ECCV 2020) and the Surgery study train with ``margin=0.1`` and
    ``max_pairs=4 * n`` per batch of ``n``.

    Args:
        scores: ``(n,)`` predictions, unsquashed.
        targets: ``(n,)`` labels.
        margin: by how much the better one must lead.
        threshold: only pairs with :math:`|t_i - t_j|` above it are compared.
        max_pairs: at most so many pairs, sampled uniformly without replacement.
        generator: draws the pairs.
    """
    t = _checked(scores, targets)
    better, worse, _ = _pairs(t, threshold, max_pairs, generator)
    if len(better) == 0:
        return _zero(scores)
    return functional.relu(margin - (scores[better] - scores[worse])).mean()


def ranknet(
    scores: Tensor,
    targets: Tensor,
    *,
    max_pairs: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Pairwise logistic loss: mean of :math:`\log(1 + e^{-(s_i - s_j)})` over :math:`t_i > t_j`.

    Burges et al., ICML 2005; RankNAS, Eqs. 3-6. Equal targets are left out, where AceNAS's released
    code pairs the two halves of a batch and takes a tie for an inversion.
    """
    t = _checked(scores, targets)
    better, worse, _ = _pairs(t, 0.0, max_pairs, generator)
    if len(better) == 0:
        return _zero(scores)
    return functional.softplus(scores[worse] - scores[better]).mean()


def kl_pair(
    scores: Tensor,
    targets: Tensor,
    *,
    max_pairs: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""BRP-NAS's loss: mean of :math:`KL(\mathrm{softmax}[t_i,t_j] \| \mathrm{softmax}[s_i,s_j])`.

    Dudziak et al., NeurIPS 2020, on the scores of a pointwise model as AceNAS's
    baseline does (``batchmean`` over all ordered pairs; both orders of a pair have one
    divergence, so each is computed once). Targets in [0, 1] are nearly flat under softmax:
    :math:`p \le \sigma(1) = .73`. Pairs with equal targets teach that scores are equal.
    """
    t = _checked(scores, targets)
    i, j, _ = _pairs(t, None, max_pairs, generator)
    if len(i) == 0:
        return _zero(scores)
    truth, guess = t[i] - t[j], scores[i] - scores[j]  # logits of "i is better"
    p = torch.sigmoid(truth)
    return (
        p * (functional.logsigmoid(truth) - functional.logsigmoid(guess))
        + (1 - p) * (functional.logsigmoid(-truth) - functional.logsigmoid(-guess))
    ).mean()


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
        targets: ``(n,)`` relevances >= 0, of :func:`relevance`.
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
    y = _relevances(scores, targets, "lambdarank")
    better, worse, scale = _pairs(y, 0.0, max_pairs, generator)
    if len(better) == 0:
        return _zero(scores)
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
    t = _checked(scores, targets)
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
    t = _checked(scores, targets)
    return -(torch.softmax(t, 0) * torch.log_softmax(scores, 0)).sum()


def approx_ndcg(scores: Tensor, targets: Tensor, *, temperature: float = 0.1) -> Tensor:
    r"""One minus a smooth NDCG, with :math:`\hat r_i = 1 + \sum_{j \ne i} \sigma((s_j - s_i)/T)`.

    Qin, Liu and Li, Information Retrieval 2010 (their :math:`\alpha = 1/T`). Tied scores
    share their mean rank. Above :data:`MAX_PAIRS` pairs, ranks are estimated from fewer opponents:
    all who lead now, and of those behind one for each stratum of ranks, strata growing in
    geometric progression as discounts flatten.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` relevances >= 0, of :func:`relevance`.
        temperature: :math:`T`; smaller is closer to NDCG and flatter.
    """
    if not temperature > 0:
        raise LabelError(f"temperature must be above 0, got {temperature}")
    y = _relevances(scores, targets, "approx_ndcg")
    if bool((y == y[0]).all()):
        return _zero(scores)
    ranks = _soft_ranks(scores, temperature)  # (n,)
    gains, ideal = _gains(y)
    return 1 - (gains / torch.log2(ranks + 1)).sum() / ideal


def _soft_ranks(scores: Tensor, temperature: float) -> Tensor:
    """Differentiable ranks ``(n,)``, the best about 1."""
    n = len(scores)
    if n * n <= MAX_PAIRS:
        ahead = torch.sigmoid((scores - scores[:, None]) / temperature)  # (n, n)
        return 0.5 + ahead.sum(1)  # 0.5: each is among its own opponents
    size = min(n, max(128, MAX_PAIRS // n))
    lead = size // 2
    tail = np.geomspace(lead, n, size - lead + 1).round().astype(np.int64)
    edges = np.unique(np.concatenate([np.arange(lead), tail]))  # strata of ranks
    middles = torch.from_numpy((edges[:-1] + edges[1:] - 1) // 2).to(scores.device)
    widths = torch.from_numpy(np.diff(edges)).to(scores)
    order = torch.argsort(scores.detach(), descending=True)
    opponents = scores[order[middles]]
    ahead = torch.sigmoid((opponents - scores[:, None]) / temperature)  # (n, strata)
    return 0.5 + ahead @ widths


@dataclass(frozen=True)
class _Mixed:
    parts: tuple[tuple[float, Loss], ...]

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        return sum(
            (weight * loss(scores, targets) for weight, loss in self.parts), scores.new_zeros(())
        )


def mixed(parts: Sequence[tuple[float, Loss]]) -> Loss:
    """A weighted sum of losses; it pickles if its parts do.

    Example:
        >>> half = mixed([(0.5, mse), (0.5, partial(hinge, margin=0.01))])
        >>> half(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(1.)
    """
    if not parts:
        raise LabelError("mixed needs at least one (weight, loss)")
    for weight, _ in parts:
        if not isfinite(weight):
            raise LabelError(f"mixed got the weight {weight}; weights must be finite")
    return _Mixed(tuple((float(weight), loss) for weight, loss in parts))


def blog_mixed(
    scores: Tensor,
    targets: Tensor,
    *,
    pairs: int = 64,
    margin: float = 0.01,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The recursive ranking model's loss: half MSE, half margin ranking over sampled pairs.

    Its blog post draws 64 pairs of a batch; pairs with equal targets, which would add a constant,
    are not drawn here.
    """
    ranking = partial(hinge, margin=margin, max_pairs=pairs, generator=generator)
    return mixed([(0.5, mse), (0.5, ranking)])(scores, targets)


@overload
def relevance(
    scores: Tensor,
    *,
    scale: float = 20.0,
    quantile: float = 0.2,
    lower: float | None = None,
    upper: float | None = None,
) -> Tensor: ...
@overload
def relevance(
    scores: NDArray[np.generic],
    *,
    scale: float = 20.0,
    quantile: float = 0.2,
    lower: float | None = None,
    upper: float | None = None,
) -> Floats: ...
def relevance(
    scores: NDArray[np.generic] | Tensor,
    *,
    scale: float = 20.0,
    quantile: float = 0.2,
    lower: float | None = None,
    upper: float | None = None,
) -> Floats | Tensor:
    """AceNAS's relevance of labels, the targets of :func:`lambdarank` and :func:`approx_ndcg`.

    A tensor gives a tensor, an array an array; see :func:`archrank.criteria.relevance`.

    Raises:
        LabelError: NaN, no labels, or an upper bound that is not above the lower one.
    """
    if not isinstance(scores, Tensor):
        return criteria.relevance(scores, scale=scale, quantile=quantile, lower=lower, upper=upper)
    x = scores.detach()
    x = x if x.is_floating_point() else x.double()
    low, high = relevance_bounds(
        x.double().cpu().numpy(), quantile=quantile, lower=lower, upper=upper
    )
    return scale * ((x - low) / (high - low)).clamp(0, 1)


def _checked(scores: Tensor, targets: Tensor) -> Tensor:
    """``targets`` as constants of the scores' type, if the two fit."""
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise LabelError(
            f"a loss needs scores and targets of one shape (n,), got {tuple(scores.shape)} and "
            f"{tuple(targets.shape)}"
        )
    if not scores.is_floating_point():
        raise LabelError(f"a loss needs floating-point scores, got {scores.dtype}")
    if len(scores) == 0:
        raise LabelError("a loss needs at least 1 architecture, got none")
    t = targets.detach().to(scores)
    if not bool(torch.isfinite(t).all()):
        raise LabelError("targets hold NaN or infinite values; drop failed evaluations first")
    return t


def _relevances(scores: Tensor, targets: Tensor, who: str) -> Tensor:
    y = _checked(scores, targets)
    least = float(y.min())
    if least < 0:
        raise LabelError(
            f"{who} needs relevances >= 0 as targets, got {least:g}; use relevance(scores)"
        )
    return y


def _zero(scores: Tensor) -> Tensor:
    """No loss, with a gradient of zeros: ``backward()`` works and changes nothing."""
    return scores.sum() * 0.0


def _pairs(
    targets: Tensor,
    apart: float | None,
    max_pairs: int | None,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, float]:
    """Indices of the better and the worse one of each pair, and pairs there are per pair given.

    Args:
        targets: ``(n,)``.
        apart: only pairs whose targets differ by more; all pairs if None.
        max_pairs: at most so many.
        generator: draws where there are too many.
    """
    if max_pairs is not None and max_pairs < 1:
        raise LabelError(f"max_pairs must be at least 1, got {max_pairs}")
    n = len(targets)
    total, bound = n * (n - 1) // 2, max(MAX_PAIRS, max_pairs or 0)
    scale = 1.0
    if total <= bound:
        i, j = torch.triu_indices(n, n, 1, device=targets.device)
    else:
        i, j = _unranked(_distinct(total, bound, generator).to(targets.device))
        scale = total / bound
    if apart is not None:
        keep = (targets[i] - targets[j]).abs() > apart
        i, j = i[keep], j[keep]
    if max_pairs is not None and len(i) > max_pairs:
        pick = _distinct(len(i), max_pairs, generator).to(targets.device)
        scale *= len(i) / max_pairs
        i, j = i[pick], j[pick]
    first = targets[i] >= targets[j]
    return torch.where(first, i, j), torch.where(first, j, i), scale


def _distinct(count: int, size: int, generator: torch.Generator | None) -> Tensor:
    """``size`` different numbers of ``range(count)``, uniformly; memory linear in ``size``."""
    g = torch.Generator().manual_seed(0) if generator is None else generator
    if count <= 4 * size:
        return torch.randperm(count, generator=g, device=g.device)[:size]
    drawn = torch.empty(0, dtype=torch.int64, device=g.device)
    while len(drawn) < size:  # few repeat, as there are over 4 per one wanted
        more = torch.randint(count, (size + size // 2,), generator=g, device=g.device)
        drawn = torch.cat([drawn, more]).unique()  # type: ignore[no-untyped-call]
    return drawn[torch.randperm(len(drawn), generator=g, device=g.device)[:size]]


def _unranked(index: Tensor) -> tuple[Tensor, Tensor]:
    """The pairs ``i < j`` that stand at ``index`` of 01, 02, 12, 03, 13, 23, ..."""
    j = ((1 + torch.sqrt(1 + 8 * index.double())) / 2).long()
    j -= (j * (j - 1) // 2 > index).long()  # the root may round up
    j += (j * (j + 1) // 2 <= index).long()  # or down
    return index - j * (j - 1) // 2, j


def _gains(y: Tensor) -> tuple[Tensor, Tensor]:
    r""":math:`2^y - 1` and the ideal DCG, both over :math:`2^{\max y}`: no overflow."""
    gains = -torch.exp2(y - y.max()) * torch.expm1(-y * log(2))
    ideal = (gains.sort(descending=True).values * _discounts(gains)).sum()
    return gains, ideal


def _discounts(like: Tensor) -> Tensor:
    """``1 / log2(rank + 1)`` of ranks ``1..n``."""
    return 1 / torch.log2(torch.arange(2, len(like) + 2, device=like.device, dtype=like.dtype))


def _positions(scores: Tensor, y: Tensor, rank_by: str) -> Tensor:
    """Indices ``(n,)`` of the architectures at ranks 1, 2, ..."""
    if rank_by == "predicted":
        order = torch.argsort(y, stable=True)  # the later key first: ties worst target first
        return order[torch.argsort(scores[order], descending=True, stable=True)]
    if rank_by not in ("true_desc", "true_asc"):
        raise UnknownNameError("rank_by", rank_by, ["predicted", "true_desc", "true_asc"])
    return torch.argsort(y, descending=rank_by == "true_desc", stable=True)
