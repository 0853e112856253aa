"""Evaluation in stages, cheapest first: what fails a limit on the way is not evaluated further.

Costs come first, then look-ups and scores of untrained networks, then latency, then trainings and
functions (:attr:`.Evaluator.stage`). Of one stage, what no objective needs comes before the rest,
and otherwise the order of the combination decides. So a limit on latency, or on what a function
measures, keeps networks from being trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.evaluators.base import Evaluations, Evaluator
from archrank.study.objectives import Constraint, Goals
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class Staged(Evaluator):
    """Measures with the parts of an evaluator, one after the other, as long as limits are kept.

    An architecture that violates a constraint, or whose metric of a goal could not be measured, is
    measured no further: the metrics of later parts are NaN, and the reason says why.

    Args:
        evaluator: bound to its space; several parts.
        goals: objectives and constraints.

    Attributes:
        order: the parts in the order of measuring.
    """

    def __init__(self, evaluator: Evaluator, goals: Goals) -> None:
        self.metrics = evaluator.metrics
        self.group_size = evaluator.group_size
        self.task = evaluator.task
        self.order = ordered(evaluator, goals)
        self._evaluator = evaluator
        self._goals = goals

    @property
    def space(self) -> Space:
        """The space whose architectures are evaluated."""
        return self._evaluator.space

    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)``; a part sees only those that the parts before it let through.

        Raises:
            ArchrankError: a part is set up wrongly.
        """
        n = len(archs)
        values = {m.name: np.full(n, np.nan) for m in self.metrics}
        reasons: list[list[str]] = [[] for _ in range(n)]
        left = np.arange(n)
        for place, part in enumerate(self.order):
            if not len(left):
                break
            found = part.evaluate(archs[left])
            for name, column in found.items():
                values[name][left] = column
            for row, reason in zip(left.tolist(), found.reasons, strict=True):
                reasons[row] += [reason] if reason else []
            passed = [self._passes(part, found, i) for i in range(len(left))]
            for i in np.flatnonzero(np.logical_not(passed)).tolist():
                measured = {name: float(column[i]) for name, column in found.items()}
                why = told(self._goals.broken(measured), measured, self.order[place + 1 :])
                reasons[left[i]] += [why] if why else []
            left = left[np.array(passed, dtype=bool)]
        texts = ["; ".join(dict.fromkeys(row)) or None for row in reasons]
        return Evaluations(values, texts)

    def _passes(self, part: Evaluator, found: dict[str, Floats], row: int) -> bool:
        """Tell whether an architecture goes on to the next part."""
        values = {name: float(column[row]) for name, column in found.items()}
        needed = {m.name for m in part.metrics} & set(self._goals.missing(values))
        return not needed and not self._goals.broken(values)

    def available(self, archs: Archs) -> Bools:
        """Tell which of ``archs: (n, d)`` can be evaluated: ``(n,)``."""
        return self._evaluator.available(archs)

    def parts(self) -> tuple[Evaluator, ...]:
        """Return the parts in the order of the evaluator."""
        return self._evaluator.parts()

    def describe(self) -> dict[str, Any]:
        """Return the description of the evaluator: stages follow from it and the goals."""
        return self._evaluator.describe()


def ordered(evaluator: Evaluator, goals: Goals) -> tuple[Evaluator, ...]:
    """Return the parts of an evaluator in the order in which limits are checked."""
    objectives = {o.metric for o in goals.objectives}

    def key(part: Evaluator) -> tuple[int, bool]:
        aims = not objectives.isdisjoint(m.name for m in part.metrics)
        return 0 if part.cheap else part.stage, aims

    return tuple(sorted(evaluator.parts(), key=key))


def staged(evaluator: Evaluator, goals: Goals) -> Evaluator:
    """Return an evaluator that measures in stages; the same one where limits spare nothing."""
    return Staged(evaluator, goals) if early_limits(evaluator, goals) else evaluator


def early_limits(evaluator: Evaluator, goals: Goals) -> tuple[Constraint, ...]:
    """Return the constraints on what is measured before the last part, and is not cheap.

    Constraints on cheap metrics keep architectures from being proposed at all.
    """
    before = ordered(evaluator, goals)[:-1]
    names = {m.name for part in before if not part.cheap for m in part.metrics}
    return tuple(c for c in goals.constraints if c.metric in names)


def told(broken: Sequence[Constraint], values: dict[str, float], later: Sequence[Evaluator]) -> str:
    """Say which limits were broken by which values, and what was not done; empty without any."""
    if not broken or not later:
        return ""
    found = ", ".join(f"{c.metric} {_digits(c, values[c.metric])} breaks {c}" for c in broken)
    trains = any(part.task is not None and part.stage == 3 for part in later)
    return f"{found}, so it was not {'trained' if trains else 'evaluated further'}"


def _digits(constraint: Constraint, value: float) -> str:
    """Return a value with as many digits as it takes to see that it breaks a constraint."""
    short = f"{value:.4g}"
    return short if constraint.violation(np.array([float(short)]))[0] > 0 else f"{value:.10g}"
