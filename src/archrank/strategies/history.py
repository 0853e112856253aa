"""What a strategy sees of a run: every evaluated architecture, in proposal order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archrank.pareto import pareto_ranks
from archrank.spaces.base import Space
from archrank.types import Archs, Bools, Floats


def _all_allowed(archs: Archs) -> Bools:
    return np.ones(len(archs), dtype=bool)


@dataclass(frozen=True)
class History:
    """The evaluations of all finished rounds.

    Attributes:
        space: where the architectures come from.
        archs: ``(n, d)`` evaluated architectures in proposal order, failed ones included.
        objectives: ``(n, m)`` higher is better; NaN where the evaluation failed.
        violation: ``(n,)`` by how much constraints are broken (relative, summed); 0 is feasible.
        allowed: tells which candidates meet the constraints that need no evaluation
            (``(k, d) -> (k,)``); strategies propose only those.
    """

    space: Space
    archs: Archs
    objectives: Floats
    violation: Floats
    allowed: Callable[[Archs], Bools] = field(default=_all_allowed)

    def __len__(self) -> int:
        return len(self.archs)

    @cached_property
    def ok(self) -> Bools:
        """Which evaluations succeeded: ``(n,)``."""
        return np.isfinite(self.objectives).all(1) & np.isfinite(self.violation)

    @cached_property
    def scores(self) -> Floats:
        """One number per architecture, ``(n,)``, higher is better, NaN where failed.

        A single objective counts as it is; several count by minus their Pareto rank. Feasible
        architectures come before infeasible ones, which are ordered by how little they violate
        (feasibility rules of Deb, 2000).
        """
        scores = np.full(len(self), np.nan)
        ok = self.ok
        feasible = ok & (self.violation <= 0)
        scores[feasible] = scalarise(self.objectives[feasible])
        broken = ok & ~feasible
        floor = scores[feasible].min() if feasible.any() else 0.0
        scores[broken] = floor - self.violation[broken] - 1e-9
        return scores


def scalarise(objectives: Floats) -> Floats:
    """``(n, m)`` objectives -> ``(n,)``: themselves for ``m == 1``, else minus the Pareto rank."""
    if objectives.shape[1] == 1:
        return objectives[:, 0]
    return -pareto_ranks(objectives).astype(np.float64)
