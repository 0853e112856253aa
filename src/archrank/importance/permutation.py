"""Permutation importance: how much worse a ranker orders when a decision is shuffled.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
3.2, Eq. 7: ``I(f) = L_f / L_total``, the loss of the ranker on a sample of architectures with the
feature permuted among them, over its loss on the sample as it is; after Breiman, "Random forests",
2001.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archrank.checks import instance, whole
from archrank.criteria.correlation import kendall_tau
from archrank.errors import (
    FAILURES,
    ArchrankError,
    LabelError,
    SettingsError,
    UnknownNameError,
    describe,
)
from archrank.importance.groups import Groups, decision_groups
from archrank.rankers.base import NotFittedError, Ranker, check_scores
from archrank.spaces.base import Space
from archrank.types import Archs, Floats, Ints

Loss = Literal["auto", "pairs", "order"]
LOSSES = ("auto", "pairs", "order")
LEVEL = 0.95  # of intervals
DONORS = 16  # other architectures that are tried where a permuted row is not valid
PAIRED = 1_000  # architectures whose pairs are compared at most


@dataclass(frozen=True, eq=False)
class Importance:
    """Importance of groups of decisions, most important first.

    Attributes:
        names: Names of the ``m`` groups.
        columns: Their columns of an architecture.
        ratios: ``(m, repeats)`` values of I(f), one per permutation.
        loss: L_total, the loss on the sample as it is.
        measure: ``pairs`` or ``order``.
        n: Number of architectures in the sample.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, ...], ...]
    ratios: Floats
    loss: float
    measure: str
    n: int

    @cached_property
    def mean(self) -> Floats:
        """I(f), the mean over permutations: ``(m,)``."""
        mean: Floats = self.ratios.mean(axis=1)
        return mean

    @cached_property
    def half_width(self) -> Floats:
        """Half of the 95 % interval of :attr:`mean` over permutations: ``(m,)``; NaN of one."""
        from scipy.stats import t

        repeats = self.ratios.shape[1]
        if repeats < 2:
            return np.full(len(self.names), np.nan)
        spread = self.ratios.std(axis=1, ddof=1) / np.sqrt(repeats)
        width: Floats = t.ppf((1 + LEVEL) / 2, repeats - 1) * spread
        return width

    def __len__(self) -> int:
        return len(self.names)


def permutation_importance(
    ranker: Ranker,
    archs: NDArray[np.generic],
    scores: ArrayLike,
    *,
    by: Groups = "kind",
    repeats: int = 10,
    folds: int = 0,
    loss: Loss = "auto",
    seed: int = 0,
) -> Importance:
    """Measure how much a ranker's loss rises when decisions are permuted among architectures.

    The decisions of a group are permuted together, as rows of a space, so this works with every
    ranker, whatever it reads. Where a permuted row is not an architecture of the space, others
    donate the decision instead; where none of 16 can, the row stays as it is.

    Difference from the paper, which permutes once: ``repeats``.

    Args:
        ranker: Fitted; with ``folds``, copies of it are fitted, and it need not be.
        archs: ``(n, d)`` sample of the space (paper: 200 or 300).
        scores: ``(n,)`` their labels, higher is better, such as ``-loss`` or ``-latency_ms``.
        by: Groups of decisions, see :func:`decision_groups`.
        repeats: Number of permutations of every group.
        folds: 0 judges the ranker on ``archs``. A ranker that was fitted to the same labels has
            next to no loss there: then give 5, which fits it without each fifth in turn and judges
            it on that.
        loss: ``pairs``: the mean cross entropy of all pairs' order (Eq. 6), the loss that rankers
            which learn pairs minimise; ``order``: the share of pairs in wrong order, (1 - tau) / 2,
            for any ranker; ``auto``: ``pairs`` of :class:`~archrank.rankers.RankNAS` and of
            pairwise boosting, else ``order``.
        seed: Seed of the permutations and folds.

    Raises:
        ArchrankError: The ranker fails to predict, or predicts NaN.
        LabelError: No labels, fewer than 4, NaN, or all equal.
        NotFittedError: The ranker is not fitted, and ``folds`` is 0.
        SettingsError: Groups cannot be used; or more folds than half of the labels.

    Example:
        >>> import numpy as np
        >>> from archrank.rankers import Linear
        >>> from archrank.spaces import HAT
        >>> space = HAT("small")
        >>> archs = space.sample(100, rng=np.random.default_rng(0))
        >>> latency_ms = 5 * space.values(archs, "dec_layers")[:, 0] + np.arange(100) / 50
        >>> permutation_importance(Linear(space), archs, -latency_ms, folds=5).names[0]
        'dec_layers'
    """
    instance(ranker, Ranker, "permutation_importance: ranker")
    whole(repeats, "repeats", at_least=1, error=SettingsError)
    whole(folds, "folds", at_least=0, error=SettingsError)
    if loss not in LOSSES:
        raise UnknownNameError("loss", str(loss), LOSSES)
    space = ranker.space
    rows = space.validate(archs)
    labels = check_scores(scores, len(rows), 4, "permutation importance")
    if folds == 1 or 2 * folds > len(rows):
        raise SettingsError(
            f"{folds} folds of {len(rows)} labels: give 0, or 2 to {len(rows) // 2}"
        )
    groups = decision_groups(space, by)
    measure = _measure(ranker) if loss == "auto" else loss
    judge = pair_entropy if measure == "pairs" else wrong_order
    total, parts = 0.0, np.zeros((len(groups), repeats))
    for k, (fitted, some) in enumerate(_fitted(ranker, rows, labels, folds, seed)):
        rng = np.random.default_rng([seed, 1, k])
        share = len(some) / len(rows)
        total += share * judge(_predicted(fitted, rows[some]), labels[some])
        for g, columns in enumerate(groups.values()):
            losses = _permuted(fitted, rows[some], labels[some], columns, judge, repeats, rng)
            parts[g] += share * losses
    ratios = parts / total
    order = np.argsort(-ratios.mean(axis=1), kind="stable")
    names, owned = list(groups), list(groups.values())
    return Importance(
        tuple(names[g] for g in order),
        tuple(owned[g] for g in order),
        ratios[order],
        total,
        measure,
        len(rows),
    )


def _measure(ranker: Ranker) -> str:
    """Return ``pairs`` if a ranker minimises the cross entropy of pairs, else ``order``."""
    pairwise = getattr(ranker, "objective", "") == "pairwise"
    return "pairs" if pairwise and getattr(ranker, "loss", "pairwise") == "pairwise" else "order"


def _fitted(
    ranker: Ranker, rows: Archs, labels: Floats, folds: int, seed: int
) -> list[tuple[Ranker, Ints]]:
    """Return fitted rankers, and the numbers of the rows that each is judged on."""
    from sklearn.base import clone

    if not folds:
        if not hasattr(ranker, "n_labels_"):
            name = type(ranker).__name__
            raise NotFittedError(
                f"this {name} is not fitted yet; call fit(archs, scores) first, or give folds=5, "
                "which fits copies of it"
            )
        return [(ranker, np.arange(len(rows)))]
    order = np.random.default_rng([seed, 0]).permutation(len(rows))
    found = []
    for some in np.array_split(order, folds):
        others = np.setdiff1d(order, some)
        if np.ptp(labels[others]) == 0 or np.ptp(labels[some]) == 0:
            raise LabelError(
                f"{folds} folds: all labels of one are equal; give fewer folds or more labels"
            )
        found.append((clone(ranker).fit(rows[others], labels[others]), np.sort(some)))
    return found


def _permuted(
    ranker: Ranker,
    rows: Archs,
    labels: Floats,
    columns: tuple[int, ...],
    judge: Callable[[Floats, Floats], float],
    repeats: int,
    rng: np.random.Generator,
) -> Floats:
    """Return the loss after each permutation of ``columns`` among ``rows: (n, d)``: (repeats,)."""
    mixed = [permute(ranker.space, rows, columns, rng=rng) for _ in range(repeats)]
    scores = _predicted(ranker, np.concatenate(mixed)).reshape(repeats, len(rows))
    return np.array([judge(one, labels) for one in scores])


def _predicted(ranker: Ranker, rows: Archs) -> Floats:
    """Return the predictions of any ranker, a user's too: ``(n,)``, all finite."""
    name = type(ranker).__name__
    try:
        scores = ranker.predict(rows)
    except ArchrankError:
        raise
    except FAILURES as error:
        raise ArchrankError(
            f"importance cannot be told: {name} failed to predict {len(rows)} architectures: "
            f"{describe(error)}"
        ) from error
    if scores.shape != (len(rows),) or not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores)).sum())
        raise ArchrankError(
            f"importance cannot be told: {name} must predict {len(rows)} finite scores, got shape "
            f"{scores.shape}, {bad} of them NaN or infinite"
        )
    return scores


def permute(
    space: Space, rows: Archs, columns: tuple[int, ...], *, rng: np.random.Generator
) -> Archs:
    """Return ``rows: (n, d)`` with some columns permuted among them, as valid rows: ``(n, d)``."""
    at = list(columns)
    mixed = rows.copy()
    mixed[:, at] = rows[rng.permutation(len(rows))][:, at]
    bad = np.flatnonzero(~space.valid(mixed))
    for _ in range(DONORS):
        if not len(bad):
            break
        tried = rows[bad]
        tried[:, at] = rows[rng.integers(len(rows), size=len(bad))][:, at]
        valid = space.valid(tried)
        mixed[bad[valid]] = tried[valid]
        bad = bad[~valid]
    mixed[bad] = rows[bad]
    return space.canonical(mixed) if space.conditions else mixed


def wrong_order(scores: Floats, labels: Floats) -> float:
    """Return the share of pairs in wrong order, (1 - tau) / 2; ties count half.

    A perfect order counts half a pair, so that ratios are finite.
    """
    pairs = len(labels) * (len(labels) - 1) / 2
    tau = kendall_tau(scores, labels) if np.ptp(scores) > 0 else 0.0
    return (pairs * (1 - tau) / 2 + 0.5) / (pairs + 1)


def pair_entropy(scores: Floats, labels: Floats) -> float:
    """Return the mean cross entropy of the order of all pairs (Eq. 6); of up to 1,000 scores."""
    from archrank.rankers.trees.gbdt import pair_loss

    some = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), PAIRED)).astype(int))
    return pair_loss(scores[some], labels[some])
