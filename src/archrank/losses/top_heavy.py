"""Losses in which the best architectures count more than the others."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor
from torch.nn import functional

from archrank.errors import LabelError
from archrank.losses.checks import checked, zero
from archrank.losses.pairs import MAX_PAIRS, distinct


def warp(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Weighted approximate-rank pairwise loss (WARP): who leads by enough has no say.

    .. math:: L = \mathrm{mean}_i \frac{H(v_i)}{v_i} \sum_{j \in V_i} (m + s_j - s_i), \quad
        V_i = \{j : t_j < t_i,\; m + s_j > s_i\},\; v_i = |V_i|

    with :math:`H(v) = \sum_{k=1}^v 1/k`: the first of those who wrongly lead costs most, as in
    WSABIE (Weston, Bengio and Usunier, IJCAI 2011, Eqs. 5-9). There, one item of a query is drawn
    after the other until one leads wrongly, and the number of draws estimates :math:`v_i`; here
    all are counted, which is the expectation of it. The mean is over architectures that are better
    than some other.

    With graded targets every architecture has those below it for opponents, and the best one has
    most of them.

    Args:
        scores: ``(n,)`` predictions, unsquashed.
        targets: ``(n,)`` labels.
        margin: by how much the better one must lead.
        generator: where there are more than :data:`~archrank.losses.MAX_PAIRS` pairs, draws the
            opponents that all are compared with; :math:`v_i` is scaled up.

    Example:
        >>> s = torch.tensor([0.0, 0.0, 0.0], requires_grad=True)
        >>> warp(s, torch.tensor([3.0, 2.0, 1.0])).backward()
        >>> s.grad  # the best one is to rise most
        tensor([-0.7500, -0.1250,  0.8750])
    """
    t = checked(scores, targets)
    n = len(t)
    against = torch.arange(n, device=t.device)
    if n * n > MAX_PAIRS:
        against = distinct(n, max(MAX_PAIRS // n, 1), generator).to(t.device)
    scale = n / len(against)
    short = margin + scores[against] - scores[:, None]  # (n, opponents)
    below = t[against] < t[:, None]
    with torch.no_grad():
        wrong = below & (short > 0)
        count = wrong.sum(1)  # v of those who are compared
        harmonic = torch.cumsum(1 / torch.arange(1, n + 1, device=t.device, dtype=t.dtype), 0)
        rank = (count * scale).round().long().clamp(1, n)
        weight = wrong * (harmonic[rank - 1] / count.clamp(min=1))[:, None]
        compared = int(below.any(1).sum())
    if compared == 0:
        return zero(scores)
    return (weight * short).sum() / compared


def mape(scores: Tensor, targets: Tensor, *, bound: float | None = None) -> Tensor:
    r"""Mean absolute percentage error of what is left to a bound.

    .. math:: L = \frac1n \sum_i \Big|\frac{b - s_i}{b - t_i} - 1\Big|

    The nearer a target is to the bound :math:`b`, the more its error counts. BANANAS (White et
    al., AAAI 2021, section 5) writes the same of validation errors and a lower bound of them.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` labels.
        bound: above all targets, such as 1 for accuracies. By default it lies one standard
            deviation of the targets above the best of them, which suits labels in any unit.

    Raises:
        LabelError: a target reaches the bound.
    """
    t = checked(scores, targets)
    best = t.max()
    if bound is None:
        spread = t.std(correction=0)
        top = best + torch.where(spread > 0, spread, torch.ones_like(spread))
    else:
        top = best.new_tensor(bound)
        if not isfinite(bound) or not bool(top > best):
            raise LabelError(
                f"mape needs a bound above all targets, got bound={bound:g} and a target of "
                f"{float(best):g}"
            )
    return ((scores - t).abs() / (top - t)).mean()


def exp_mse(scores: Tensor, targets: Tensor, *, steepness: float = 1.0) -> Tensor:
    r"""Squared error with weights that grow exponentially with the targets.

    .. math:: L = \sum_i w_i (s_i - t_i)^2, \quad w = \mathrm{softmax}(a \, t)

    The study of losses by Ji et al. (ICCV 2025) has :math:`e^{t_i - 1} / n` of accuracies for
    weights; here they sum to 1, so the learning rate does not depend on the unit of the targets.

    Args:
        scores: ``(n,)`` predictions.
        targets: ``(n,)`` labels.
        steepness: :math:`a`, per unit of the targets; 0 gives :func:`~archrank.losses.mse`.
    """
    t = checked(scores, targets)
    weight = torch.softmax(steepness * t, 0)
    return (weight * functional.mse_loss(scores, t, reduction="none")).sum()
