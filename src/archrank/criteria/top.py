"""Criteria of the best-ranked architectures, which are those that a search evaluates.

``k`` is a number of architectures if it is an int, a fraction of them (rounded down) if a float.
If the ``k``-th and the next score tie, results are exact expectations over all orders of the tied
architectures: they depend neither on the order of rows nor on a sorting algorithm.
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
    r"""Precision P@K: share of the predicted top ``k`` that is in the true top ``k``, in [0, 1].

    ``k=0.05`` is P@5 %, also written P@T or :math:`P_{top}@T` %.
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
    """Precision P@bottomK: share of the predicted bottom ``k`` that is in the true bottom ``k``.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    return precision_at(-a, -b, k)


def best_ranking_at(
    scores: ArrayLike, truth: ArrayLike, k: float, *, absolute: bool = False
) -> float:
    r"""Best ranking BR@K: the best true rank among the predicted top ``k`` (Surgery, section 3).

    :math:`\min_{n_i \le k} R_i / n` in ``(0, 1]``, or the rank itself (1 is best). Equal truths
    share the best of their ranks, so an architecture that equals the best one has rank 1.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores.
        k: a number of architectures (int) or a fraction of them (float).
        absolute: Return the rank (Surgery, Table A2) instead of the fraction of ``n``.

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


def n_at(scores: ArrayLike, truth: ArrayLike, k: float) -> float:
    r"""N@K of studies of predictors: the best true rank among the predicted top ``k``; 1 is best.

    :math:`\min_{n_i \le k} R_i` (Ning et al. 2020, of GATES; Ji et al. 2025): it is
    :func:`best_ranking_at` with ``absolute=True``.

    Raises:
        LabelError: as :func:`precision_at`.

    Example:
        >>> n_at([1, 2, 3, 4], [4, 1, 3, 2], 2)
        2.0
    """
    return best_ranking_at(scores, truth, k, absolute=True)


def worst_ranking_at(
    scores: ArrayLike, truth: ArrayLike, k: float, *, absolute: bool = False
) -> float:
    """Worst ranking WR@K: the worst true rank in the predicted top ``k``.

    Arguments and result are as for :func:`best_ranking_at`.

    Raises:
        LabelError: as :func:`precision_at`.
    """
    a, b = pair(scores, truth)
    worst = _expected_max(*_ranks_at_top(a, b, count_of(k, len(a))))
    return worst if absolute else worst / len(a)


def top_k_accuracy(
    scores: ArrayLike, truth: ArrayLike, k: float, *, validation: ArrayLike | None = None
) -> float:
    """True score of the architecture that is chosen from the predicted top ``k``.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` true scores: test accuracies.
        k: a number of architectures (int) or a fraction of them (float).
        validation: ``(n,)`` values by which one of the top is chosen (AceNAS); by default
            ``truth``. If several tie, their mean truth counts.

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
    _, group = np.unique(v[candidates], return_inverse=True)  # numbered by rising validation
    means = np.bincount(group, b[candidates]) / np.bincount(group)
    within = int(inside.sum())
    level = int(group[:within].max(initial=0))  # the best of those that are certainly in the top
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
    """Best true score of all architectures minus that of the one chosen by ``scores``.

    Args:
        scores: ``(n,)`` predictions.
        truth: ``(n,)`` test accuracies.
        k: The choice is made among the predicted top ``k``, as in :func:`top_k_accuracy`.
        validation: ``(n,)`` values by which one of the top is chosen; by default ``truth``.
        reference: ``"test"`` compares with the best test accuracy of all (AceNAS, footnote 3);
            ``"validation"`` with the test accuracy of the best in validation (AceNAS, Table 7), in
            which case the regret can be negative.

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
    """Find the top ``k``: rows certainly in it, rows that tie with the ``k``-th, open places."""
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    inside, cut = scores > kth, scores == kth
    return inside, cut, k - int(inside.sum())


def _inclusion(scores: Floats, k: int) -> Floats:
    """Compute the probability of being in the top ``k``, with ties broken at random: ``(n,)``."""
    inside, cut, drawn = _cut(scores, k)
    probability: Floats = inside + cut * (drawn / int(cut.sum()))
    return probability


def _expected_max(sure: Floats, maybe: Floats, drawn: int) -> float:
    """Compute the expected maximum of all ``sure`` and of ``drawn`` random ones of ``maybe``."""
    falling = np.sort(maybe)[::-1]
    weights = first_drawn(len(falling), drawn)
    least = sure.max(initial=-np.inf)
    return float(weights @ np.maximum(falling[: len(weights)], least))


def _ranks_at_top(scores: Floats, truth: Floats, k: int) -> tuple[Floats, Floats, int]:
    """Compute true ranks (1 is best; ties share the best) of the rows that :func:`_cut` returns."""
    inside, cut, drawn = _cut(scores, k)
    rising = np.sort(truth)

    def ranks(rows: Bools) -> Floats:
        not_better = np.searchsorted(rising, np.sort(truth[rows]), side="right")
        return (1 + len(truth) - not_better).astype(np.float64)

    return ranks(inside), ranks(cut), drawn
