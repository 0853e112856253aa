"""Limits that a run learns: what is not predicted to keep one is not measured any more.

A limit on latency, say, is checked by measuring before anything is trained
(:mod:`archrank.study.stages`). Once enough is measured, a calibrated ranker predicts the metric
with a margin (:class:`~archrank.rankers.CalibratedLatency`), and what exceeds the limit by that is
not proposed. All else is measured as ever, so a prediction rules out and never lets in.

The ranker begins with :data:`FIRST` measurements, at least one of them beyond the limit, and learns
anew whenever there are a quarter more. Its margin is trusted if, of those that rankers say to keep
the limit without having seen them, at most a tenth (or one) do not; otherwise predictions count
without it, and a ranker of almost no order is not asked. Where it knows of too few others that keep
the limit, the next nearest are measured, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import ArchrankError
from archrank.rows import distinct, is_new
from archrank.spaces.base import Space
from archrank.study.objectives import Constraint
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from archrank.rankers.calibrated_latency import CalibratedLatency

FIRST = 20  # measurements before the first fit
GROWTH = 1.25  # from one fit to the next
MOST = 512  # latest measurements that are learnt
COVERAGE = 0.9  # of the margin
WRONG = 0.1  # share of those that are said to keep the limit and do not
USEFUL = 0.3  # Kendall's tau below which a ranker is not asked at all
ORDERED = 0.5  # Kendall's tau where none keeps it
POOL = 2_000  # random architectures among which the nearest are looked for, and mutants
LISTED = 20_000  # spaces up to this size are looked through instead
SPARE = 8  # architectures that are let through beyond what is measured until the next fit
DIGITS = 9  # of logarithms; last bits depend on what is predicted together


class LearntLimit:
    """A limit on a metric that is predicted.

    Args:
        model: of the metric, or of one over it for a limit from below.
        bound: of the model's metric, from above.
    """

    def __init__(self, model: CalibratedLatency, bound: float) -> None:
        self._model = model
        self._bound = bound

    def excess(self, archs: Archs) -> Floats:
        """Return how far ``archs: (n, d)``, margin included, are beyond the limit: ``(n,)``."""
        excess: Floats = np.maximum(self.highest(archs) / self._bound - 1.0, 0.0)
        return excess

    def highest(self, archs: Archs) -> Floats:
        """Return predictions with their margin: ``(n,)``."""
        upper = self._model.upper_ms(archs)
        return np.asarray(np.exp(np.round(np.log(upper), DIGITS)))

    def at_least(self, archs: Archs, n: int) -> LearntLimit:
        """Return a limit that lets through ``n`` of ``archs: (k, d)``, or all if these are fewer.

        It is this one if that does.
        """
        if len(archs) == 0:
            return self
        highest = np.sort(self.highest(archs))
        return LearntLimit(self._model, max(self._bound, float(highest[min(n, len(highest)) - 1])))


class LearningLimits:
    """Learns limits from the measurements of a run; the same ones from the same measurements.

    Args:
        space: of the architectures.
        constraints: on positive metrics that are measured before anything is trained.
        allowed: ``(n, d) -> (n,)`` marks what may be proposed by all other limits.
    """

    def __init__(
        self,
        space: Space,
        constraints: Sequence[Constraint],
        allowed: Callable[[Archs], Bools],
    ) -> None:
        self._space = space
        self._constraints = tuple(c for c in constraints if c.bound > 0)
        self._allowed = allowed
        self._fitted: dict[Constraint, tuple[int, LearntLimit | None]] = {}

    def learn(self, archs: Archs, values: Mapping[str, Floats]) -> list[LearntLimit]:
        """Return the limits that are known well after some measurements.

        They are the same objects as long as nothing new is learnt.

        Args:
            archs: ``(n, d)`` all that was evaluated, in proposal order.
            values: ``{metric: (n,)}``, NaN where one was not measured.
        """
        found = []
        for constraint in self._constraints:
            costs = _costs(constraint, values[constraint.metric])
            known = np.flatnonzero(np.isfinite(costs))
            at = last_fit(len(known))
            if self._fitted.get(constraint, (-1, None))[0] != at:
                rows = known[:at][-MOST:]
                self._fitted[constraint] = at, self._fit(constraint, archs, costs, rows)
            limit = self._fitted[constraint][1]
            if limit is not None:
                found.append(limit)
        return found

    def _fit(
        self,
        constraint: Constraint,
        archs: Archs,
        costs: Floats,
        rows: Ints,
    ) -> LearntLimit | None:
        """Fit a ranker to some of the measurements; ``None`` where it cannot be trusted."""
        from threadpoolctl import threadpool_limits

        from archrank.rankers import CalibratedLatency, GaussianProcess

        bound = constraint.bound if constraint.is_upper else 1.0 / constraint.bound
        if len(rows) == 0 or (costs[rows] <= bound).all():
            return None
        model = CalibratedLatency(GaussianProcess(self._space), COVERAGE)
        try:
            with threadpool_limits(1):  # sums must not depend on the number of cores
                model.fit(archs[rows], costs[rows])
                if model.held_out.tau < USEFUL:
                    return None
                others = self._others(archs[: rows[-1] + 1], costs, rows)
                n = next_fit(len(rows)) - len(rows) + SPARE
                margin = 1.0 if trusted(model, bound) else 1.0 + model.margin
                return LearntLimit(model, bound * margin).at_least(others, n)
        except ArchrankError:  # such as labels that are all the same
            return None

    def _others(self, archs: Archs, costs: Floats, rows: Ints) -> Archs:
        """Return architectures that are none of ``archs`` and may be proposed: ``(k, d)``."""
        space, rng = self._space, np.random.default_rng(len(rows))
        if space.size <= LISTED:
            pool = space.enumerate()
        else:
            fastest = archs[rows[np.argsort(costs[rows], kind="stable")[:FIRST]]]
            parents = fastest[rng.integers(len(fastest), size=POOL)]
            mutants = space.mutate(parents, rng=rng, rate=min(1.0, 3.0 / space.d))
            pool = np.concatenate([space.sample(POOL, rng=rng), mutants])
        pool = distinct(pool, space.canonical(pool))
        pool = pool[is_new(space.canonical(pool), space.canonical(archs))]
        return pool[self._allowed(pool)]


def trusted(model: CalibratedLatency, bound: float) -> bool:
    """Tell whether the margin of a model may be trusted, by models that have not seen the labels.

    Where none keeps the limit, their order is to be good.
    """
    keep, within, right = model.check(bound)
    if not keep:
        return model.held_out.tau >= ORDERED
    return within - right <= max(1.0, WRONG * within)


def last_fit(n: int) -> int:
    """Return the number of measurements that the last fit learns, of ``n``; 0 before the first.

    Example:
        >>> [last_fit(n) for n in (19, 20, 24, 25, 1000)]
        [0, 20, 20, 25, 929]
    """
    at = FIRST if n >= FIRST else 0
    while at and next_fit(at) <= n:
        at = next_fit(at)
    return at


def next_fit(at: int) -> int:
    """Return the number of measurements of the fit after that of ``at``."""
    return int(np.ceil(at * GROWTH))


def _costs(constraint: Constraint, values: Floats) -> Floats:
    """Return values as costs that have an upper limit, ``(n,)``; NaN where they are unknown."""
    positive = np.where(values > 0, values, np.nan)
    return positive if constraint.is_upper else 1.0 / positive
