"""Limits that candidates are held to before they are evaluated, and what is told about them.

They are those on cheap metrics; those that the run has learnt from measurements; and those that
single architectures were found to break when they were measured.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_ as _is
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.evaluators.base import Evaluator
from archrank.evaluators.cost import Cost
from archrank.rows import is_new
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.strategies.unseen import remaining
from archrank.study.learning_limits import LearningLimits, LearntLimit
from archrank.study.objectives import Constraint, Goals
from archrank.study.stages import early_limits
from archrank.types import Archs, Bools, Floats


class Measured(NamedTuple):
    """All that a run has measured, in proposal order.

    Attributes:
        archs: ``(n, d)``.
        values: ``{metric: (n,)}`` of the constraints; NaN where one is unknown.
        rejected: ``(n,)`` marks those that broke a limit before they were evaluated to the end.
    """

    archs: Archs
    values: dict[str, Floats]
    rejected: Bools


class Limits:
    """Rule of what may be proposed: the evaluator has it, and it keeps all cheap constraints.

    Args:
        space: of the architectures.
        evaluator: bound to ``space``; its cheap parts measure what the constraints are about.
        goals: of the run; constraints on other metrics need an evaluation, and hold nobody back,
            unless they are measured before the last stage and can be learnt.
    """

    def __init__(self, space: Space, evaluator: Evaluator, goals: Goals) -> None:
        self.space = space
        self.evaluator = evaluator
        cheap = {m.name for part in evaluator.parts() if part.cheap for m in part.metrics}
        kept = tuple(c for c in goals.constraints if c.metric in cheap)
        self._goals = Goals(goals.objectives, kept)
        self._cheap = Region(self._excess, evaluator.listed, slow=self._builds())
        early = early_limits(evaluator, goals)
        self._early = early
        self._learning = LearningLimits(space, early, lambda archs: self._excess(archs) <= 0)
        self._learnt: list[LearntLimit] = []
        self._whole = self._cheap  # all but what was found to break a limit
        self._left_out = 0
        self.region = self._cheap

    def update(self, measured: Measured) -> Region:
        """Learn from all that was measured; return what may be proposed now, as strategies see it.

        It follows from ``measured`` alone, and stays the same object as long as nothing changes.
        """
        learnt = self._learning.learn(measured.archs, measured.values)
        rejected = measured.archs[measured.rejected]
        same = len(learnt) == len(self._learnt) and all(map(_is, learnt, self._learnt))
        if not same:
            self._learnt = learnt
            self._whole = self._cheap
            if learnt:
                excess, slow = self._with(learnt), self._cheap.slow
                self._whole = Region(excess, self.evaluator.listed, slow=slow)
        if not same or len(rejected) != self._left_out:
            self._left_out = len(rejected)
            canonical = self.space.canonical
            none = not len(rejected)
            self.region = self._whole if none else self._whole.without(rejected, canonical)
        return self.region

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints on cheap metrics."""
        return self._goals.constraints

    def why_nothing(self, history: History, strategy: Strategy) -> str:
        """Say why ``strategy`` has proposed nothing after ``history``."""
        rows = self.region.rows(self.space)
        if rows is None:
            further = "further " if len(history) else ""
            return (
                f"no {further}{self._those} were found among {self.region.counted:,} drawn"
                f"{self._nearest}"
            )
        if not len(rows):
            return f"there are no {self._those}{self._nearest}"
        left = remaining(history)
        if not len(left):
            return f"all {len(rows):,} {self._those} are evaluated"
        canonical = self.space.canonical
        if not is_new(canonical(left), canonical(history.archs)).any():
            return (
                f"{len(left):,} of {len(rows):,} {self._those} are left, all isomorphic to "
                "evaluated ones"
            )
        return (
            f"{type(strategy).__name__} proposes no more, though {len(left):,} of {len(rows):,} "
            f"{self._those} are left"
        )

    def _with(self, learnt: list[LearntLimit]) -> Callable[[Archs], Floats]:
        """Return the excess over cheap limits and learnt ones; these of the rest alone."""

        def excess(archs: Archs) -> Floats:
            found = self._excess(archs)
            rest = np.flatnonzero(np.isfinite(found))
            for limit in learnt:
                found[rest] += limit.excess(archs[rest])
            return found

        return excess

    # ---- what the cheap parts measure ----------------------------------------------------------

    def _excess(self, archs: Archs) -> Floats:
        available = self.evaluator.available(archs)
        violation = self._goals.violation(self._costs(archs), len(archs))
        return np.where(available, violation, np.inf)

    def _costs(self, archs: Archs) -> dict[str, Floats]:
        """Measure what the constraints are about: ``{metric: (n,)}``."""
        values: dict[str, Floats] = {}
        for part in self._parts:
            values |= part.evaluate(archs)
        return values

    @property
    def _parts(self) -> list[Evaluator]:
        """The cheap parts that the constraints are about."""
        wanted = {c.metric for c in self.constraints}
        parts = [part for part in self.evaluator.parts() if part.cheap]
        return [p for p in parts if not wanted.isdisjoint(m.name for m in p.metrics)]

    def _builds(self) -> bool:
        """Tell whether networks are built to measure what the constraints are about."""
        parts = [part.unscoped for part in self._parts]
        return any(isinstance(part, Cost) and not part.networks.closed_form for part in parts)

    # ---- what is told --------------------------------------------------------------------------

    @property
    def _those(self) -> str:
        """Name the architectures that may be proposed."""
        marks = [] if self.evaluator.listed() is None else ["can be evaluated"]
        marks += [f"keep {', '.join(map(str, self.constraints))}"] if self.constraints else []
        if self._left_out or self._learnt:
            marks.append(f"may keep {', '.join(map(str, self._early))}")
        which = f" that {' and '.join(marks)}" if marks else ""
        return f"architectures of {self.space.name}{which}"

    @property
    def _nearest(self) -> str:
        """Say what the architecture nearest to the limits costs, of those drawn in this round."""
        arch: NDArray[np.uint8] | None = self.region.nearest
        if arch is None:
            return ", none of which can be evaluated"
        costs = self._costs(arch[None])
        values = [
            f"{c.metric} {costs[c.metric][0]:.10g}"
            for c in self.constraints
            if c.violation(costs[c.metric])[0] > 0
        ]
        name = self.space.format(arch[None])[0]
        return f"; the nearest, {name}, has {', '.join(values)}" if values else ""
