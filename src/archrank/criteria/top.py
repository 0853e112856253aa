"""What matters in a search: who is at the top.

``k`` is a number of architectures if it is an int, a fraction of them (rounded down) if a float.
Where scores tie across the cut, results are exact expectations over all orders of the tied ones:
they depend neither on the order of rows nor on a sorting algorithm.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from archrank.criteria._checks import column, count_of, pair
from archrank.criteria.draws import first_drawn
from archrank.errors import UnknownNameError
from archrank.types import Bools, Floats


def precision_at(scores: ArrayLike, truth: ArrayLike, k: float) -> float:
    r"""P@K: the share of the predicted top ``k`` that belongs to the true top ``k``, in [0, 1].

    :math:`\#\{i : R_i \le k \wedge n_i \le k\} / k` (Surgery, section 3), with true rank
    :math:`R_i` and predicted rank :math:`n_i`. Ties, in truth too, are broken at random and
    independently: the expectation is the sum of products of inclusion probabilities.

    Raises:
        LabelError: NaN, constant, too few, not one score per truth, or ``k`` outside ``1..n``.

    Example:
        >>> scores, truth = [1, 2, 3, 4], [1, 2, 4, 3]
        >>> precision_at(scores, truth, 1), precision_at(scores, truth, 0.5)
        (0.0, 1.0)
    """
    a, b = pair(scores, truth)
    count = count_of(k, len(a))
    return float(_inclusion(a, count) @ _inclusion(b, count)) / count


def precision_at_bottom(scores: ArrayLike, truth: ArrayLike, k: float) -> float:
    """P@bottomK: the share of the predicted bottom ``k`` that belongs to the true bottom ``k``.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    return precision_at(-a, -b, k)


def best_ranking_at(
    scores: ArrayLike, truth: ArrayLike, k: float, *, absolute: bool = False
) -> float:
    r"""BR@K: the best true rank among the predicted top ``k`` (Surgery, section 3).

    :math:`\min_{n_i \le k} R_i / n` in ``(0, 1]``, or the rank itself (1 is best). Equal truths
    share the best of their ranks: who equals the winner is a winner.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        k: a number of architectures (int) or a fraction of them (float).
        absolute: the rank (Surgery, Table A2) instead of the fraction of ``n``.

    Raises:
        LabelError: as :func:`precision_at`.

    Example:
        >>> best_ranking_at([1, 2, 3, 4], [4, 1, 3, 2], 2, absolute=True)
        2.0
    """
    a, b = pair(scores, truth)
    sure, maybe, drawn = _ranks_at_top(a, b, count_of(k, len(a)))
    best = -_expected_max(-sure, -maybe, drawn)
    return best if absolute else best / len(a)


def worst_ranking_at(
    scores: ArrayLike, truth: ArrayLike, k: float, *, absolute: bool = False
) -> float:
    """WR@K: the worst true rank among the predicted top ``k``; as :func:`best_ranking_at`.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    worst = _expected_max(*_ranks_at_top(a, b, count_of(k, len(a))))
    return worst if absolute else worst / len(a)


def top_k_accuracy(
    scores: ArrayLike, truth: ArrayLike, k: float, *, validation: ArrayLike | None = None
) -> float:
    """True score of the best of the predicted top ``k``.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores: test accuracies.
        k: a number of architectures (int) or a fraction of them (float).
        validation: ``(n,)`` what the best of the top is chosen by (AceNAS); ``truth`` by default.
            Candidates that tie in it count with their mean truth.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    count = count_of(k, len(a))
    inside, cut, drawn = _cut(a, count)
    if validation is None:
        return _expected_max(b[inside], b[cut], drawn)
    v = column("validation scores", validation, len(a))
    candidates = np.concatenate([np.flatnonzero(inside), np.flatnonzero(cut)])
    _, group = np.unique(v[candidates], return_inverse=True)  # numbered as validation rises
    means = np.bincount(group, b[candidates]) / np.bincount(group)
    within = int(inside.sum())
    level = int(group[:within].max(initial=0))  # the best of those surely in
    falling = np.sort(group[within:])[::-1]
    weights = first_drawn(len(falling), drawn)
    return float(weights @ means[np.maximum(falling[: len(weights)], level)])


def regret(
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    k: float = 1,
    validation: ArrayLike | None = None,
    reference: Literal["test", "validation"] = "test",
) -> float:
    """What choosing by ``scores`` costs: the space's best true score minus that of the one found.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` test accuracies.
        k: the one found is the best of the predicted top ``k``, as in :func:`top_k_accuracy`.
        validation: ``(n,)`` what the best of the top is chosen by; ``truth`` by default.
        reference: ``"test"``, the best of all in test (AceNAS, footnote 3), or ``"validation"``,
            the test accuracy of the best in validation (AceNAS, Table 7), which luck can beat:
            then the regret is negative.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    found = top_k_accuracy(a, b, k, validation=validation)
    if reference == "test":
        return float(b.max()) - found
    if reference != "validation":
        raise UnknownNameError("reference", reference, ["test", "validation"])
    v = b if validation is None else column("validation scores", validation, len(b))
    return float(b[v == v.max()].mean()) - found


def _cut(scores: Floats, k: int) -> tuple[Bools, Bools, int]:
    """Who is surely in the top ``k``, who ties with the ``k``-th, and how many of those are in."""
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    inside, cut = scores > kth, scores == kth
    return inside, cut, k - int(inside.sum())


def _inclusion(scores: Floats, k: int) -> Floats:
    """Probability ``(n,)`` to be in the top ``k``, ties broken at random."""
    inside, cut, drawn = _cut(scores, k)
    probability: Floats = inside + cut * (drawn / int(cut.sum()))
    return probability


def _expected_max(sure: Floats, maybe: Floats, drawn: int) -> float:
    """Expected largest of all of ``sure`` and of ``drawn`` of ``maybe``, drawn at random."""
    falling = np.sort(maybe)[::-1]
    weights = first_drawn(len(falling), drawn)
    least = sure.max(initial=-np.inf)
    return float(weights @ np.maximum(falling[: len(weights)], least))


def _ranks_at_top(scores: Floats, truth: Floats, k: int) -> tuple[Floats, Floats, int]:
    """True ranks, 1 is best, of those that :func:`_cut` names; equals share the best of theirs."""
    inside, cut, drawn = _cut(scores, k)
    rising = np.sort(truth)

    def ranks(rows: Bools) -> Floats:
        not_better = np.searchsorted(rising, np.sort(truth[rows]), side="right")
        return (1 + len(truth) - not_better).astype(np.float64)

    return ranks(inside), ranks(cut), drawn
