"""Search that fixes what does not matter: after some evaluations the space is pruned.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, sections
3.2 and 4.1: decisions whose permutation importance to a ranker is below a threshold are fixed, and
the search goes on in what is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance, number, whole
from archrank.errors import BudgetError, LabelError, SettingsError, SpaceError
from archrank.importance.groups import Groups
from archrank.importance.permutation import permutation_importance
from archrank.importance.pruning import THRESHOLDS, Pruning, prune
from archrank.spaces.base import Space
from archrank.spaces.restricted import RestrictedSpace
from archrank.strategies.base import Strategy
from archrank.strategies.guided import default_ranker, describe_ranker
from archrank.strategies.history import History
from archrank.strategies.inside import Inside
from archrank.strategies.region import Region
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker

LEAST = 20  # evaluations from which importance can be told
FOLDS = 5  # rankers that importance is the mean of, each judged on what it has not learnt


class Pruned(Strategy):
    """Any strategy, which searches a pruned space from the ``after``-th evaluation on.

    The first ``after`` evaluations tell how important each group of decisions is; those below the
    threshold are fixed as in the best of them. With several objectives, or limits that some
    evaluations broke, each has an importance, and what matters to any is kept. All evaluations
    stay known to the ranker. Everything follows from the history, so a resumed search is pruned
    alike.

    Where nothing can be told, since fewer than 20 evaluations succeeded or no decision reaches the
    threshold, the whole space is searched on; so it is once the pruned one has no more, as where a
    table has few rows of it.

    Args:
        strategy: Proposes architectures, before and after.
        after: Evaluations before the space is pruned (paper: 200 for hardware-aware search, 300
            for high-accuracy search).
        threshold: Importance below which decisions are fixed (paper: 1.15 and 1.25).
        ranker: Tells importance; ``None`` takes the strategy's own, or archrank's default ranker.
        by: Groups of decisions, see :func:`~archrank.importance.decision_groups`.
        repeats: Permutations of every group.

    Raises:
        BudgetError: ``after`` below 20.
        SettingsError: ``threshold`` below 1.

    Example:
        >>> import archrank as ar
        >>> from archrank.strategies import Pruned, Random
        >>> space = ar.spaces.HAT("small")
        >>> strategy = Pruned(Random(), after=60, threshold=1.15)
        >>> study = ar.Study(space, ar.evaluators.Cost(), strategy).run(budget=80)
        >>> "dec_layers" in strategy.pruning(study.history).kept
        True
    """

    def __init__(
        self,
        strategy: Strategy,
        after: int = THRESHOLDS["hardware_aware"][0],
        threshold: float = THRESHOLDS["hardware_aware"][1],
        *,
        ranker: Ranker | None = None,
        by: Groups = "kind",
        repeats: int = 10,
    ) -> None:
        instance(strategy, Strategy, "Pruned: strategy", "such as strategies.Guided()")
        self.strategy = strategy
        self.after = whole(after, "Pruned: after", at_least=LEAST, error=BudgetError)
        self.threshold = number(threshold, "Pruned: threshold", error=SettingsError)
        if self.threshold < 1:
            raise SettingsError(
                f"Pruned: threshold {threshold:g} is below 1, the importance of a decision that "
                "does not matter: nothing would be frozen; RankNAS has 1.15 and 1.25"
            )
        self.judge = ranker
        self.by = by
        self.repeats = repeats
        self._kept: tuple[History, Pruning | None] | None = None

    @property
    def adaptive(self) -> bool:  # type: ignore[override]
        """Always true: the space depends on results."""
        return True

    @property
    def usual_budget(self) -> int:  # type: ignore[override]
        """Evaluations that the strategy has by default, after those that tell importance."""
        return self.after + self.strategy.usual_budget

    @property
    def ranker(self) -> Ranker | None:  # type: ignore[override]
        """The strategy's ranker."""
        return self.strategy.ranker

    def batch(self, history: History) -> int:
        """Return the strategy's batch; none reaches beyond the evaluation that prunes."""
        size = self.strategy.batch(history)
        left = self.after - len(history)
        return min(size, left) if left > 0 else size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose what the strategy does, in the pruned space once there is one."""
        pruning = self.pruning(history)
        if pruning is None or not isinstance(pruning.space, RestrictedSpace):
            return self.strategy.propose(history, n, rng=rng)
        inside = Inside(history.space, pruning.space)
        found = self.strategy.propose(_seen_from(history, inside), n, rng=rng)
        return found if len(found) else self.strategy.propose(history, n, rng=rng)

    def pruning(self, history: History) -> Pruning | None:
        """Return how the space is pruned after ``history``; ``None`` if it is not (yet)."""
        if history.settled < self.after:
            return None
        first = history.first(self.after)
        if self._kept is None or not _same(self._kept[0], first):
            self._kept = first, self._pruning(first)
        return self._kept[1]

    def _pruning(self, history: History) -> Pruning | None:
        ok = history.ok
        if ok.sum() < LEAST:
            return None
        archs = history.archs[ok]
        targets = [y for y in _targets(history, ok) if np.ptp(y) > 0]
        best = archs[int(np.argmax(history.scores[ok]))]
        judge = self._judge(history.space)
        measured: dict[str, Any] = {"by": self.by, "repeats": self.repeats}
        try:
            found = [
                permutation_importance(judge, archs, y, folds=FOLDS, **measured) for y in targets
            ]
        except LabelError:  # too few of them differ
            return None
        try:
            return prune(history.space, found, best, self.threshold) if found else None
        except SpaceError:  # nothing would be left
            return None

    def _judge(self, space: Space) -> Ranker:
        own = self.judge if self.judge is not None else self.strategy.ranker
        return own if own is not None else default_ranker(space)

    def describe(self) -> dict[str, Any]:
        """Return the settings, and those of the strategy, as JSON values."""
        by = self.by if isinstance(self.by, str) else {k: list(v) for k, v in self.by.items()}
        return {
            "strategy": "pruned",
            "after": self.after,
            "threshold": self.threshold,
            "judge": None if self.judge is None else describe_ranker(self.judge),
            "by": by,
            "repeats": self.repeats,
            "inner": self.strategy.describe(),
        }

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}


def _targets(history: History, ok: Any) -> list[Floats]:
    """Return what rankers learn, ``(k,)`` each: objectives, and violations where there are any."""
    targets = list(history.objectives[ok].T)
    broken = history.violation[ok]
    return [*targets, -broken] if (broken > 0).any() else targets


def _same(a: History, b: History) -> bool:
    return (
        a.space is b.space
        and np.array_equal(a.archs, b.archs)
        and np.array_equal(a.objectives, b.objectives, equal_nan=True)
        and np.array_equal(a.violation, b.violation, equal_nan=True)
    )


def _seen_from(history: History, inside: Inside) -> History:
    """Return a history whose space and region are the pruned ones."""
    region = history.region

    def excess(archs: Archs) -> Floats:
        found = np.full(len(archs), np.inf)
        within = inside.contains(archs)
        found[within] = region.excess(archs[within])
        return found

    def listed() -> Archs | None:
        rows = region.rows(history.space)
        return None if rows is None else rows[inside.contains(rows)]

    return replace(history, space=inside, region=Region(excess, listed, slow=region.slow))
