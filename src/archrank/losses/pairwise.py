"""Losses that compare two scores at a time."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from archrank.losses.checks import checked, zero
from archrank.losses.pairs import compare


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
    t = checked(scores, targets)
    better, worse, _ = compare(t, threshold, max_pairs, generator)
    if len(better) == 0:
        return zero(scores)
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
    t = checked(scores, targets)
    better, worse, _ = compare(t, 0.0, max_pairs, generator)
    if len(better) == 0:
        return zero(scores)
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
    t = checked(scores, targets)
    i, j, _ = compare(t, None, max_pairs, generator)
    if len(i) == 0:
        return zero(scores)
    truth, guess = t[i] - t[j], scores[i] - scores[j]  # logits of "i is better"
    p = torch.sigmoid(truth)
    return (
        p * (functional.logsigmoid(truth) - functional.logsigmoid(guess))
        + (1 - p) * (functional.logsigmoid(-truth) - functional.logsigmoid(-guess))
    ).mean()
