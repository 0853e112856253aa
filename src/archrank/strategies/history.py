"""What a strategy sees of a run: every evaluated architecture, in proposal order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

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
        allowed: tells which candidates may be proposed at all, ``(k, d) -> (k,)``: those that the
            evaluator knows and that meet the constraints that need no evaluation.
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
        return np.isfinite(self.objectives).all(axis=1) & np.isfinite(self.violation)

    @cached_property
    def scores(self) -> Floats:
        """One number per architecture, ``(n,)``, higher is better, NaN where failed.

        A single objective counts as it is; several count by minus their Pareto rank.
        """
        values = np.where(self.ok, self.objectives[:, 0], np.nan)
        if self.objectives.shape[1] > 1:  # feasible ones are ranked among themselves
            feasible = self.ok & (self.violation <= 0)
            values[feasible] = -pareto_ranks(self.objectives[feasible])
        return feasible_first(values, self.violation)


def pareto_ranks(objectives: Floats) -> Floats:
    """Non-domination rank of each row of ``(n, m)`` objectives: 0 is the front, higher is worse."""
    import moocore

    if len(objectives) == 0:
        return np.zeros(0)
    ranks = moocore.pareto_rank(np.ascontiguousarray(objectives), maximise=True)
    return np.asarray(ranks, dtype=np.float64)


def feasible_first(values: Floats, violation: Floats) -> Floats:
    """Put infeasible architectures below all feasible ones, by how little they violate.

    The feasibility rules of Deb (2000), as one number: ``values: (n,)``, higher is better, and
    ``violation: (n,)`` -> ``(n,)``. NaN stays NaN.
    """
    broken = violation > 0
    if not broken.any():
        return values
    feasible = values[(violation <= 0) & np.isfinite(values)]
    floor = feasible.min() if len(feasible) else 0.0
    spread = max(np.ptp(feasible), 1e-9 * abs(floor)) if len(feasible) else 1.0
    spread = spread or 1.0
    below = floor - spread * (0.01 + violation)  # strictly below the worst feasible one
    return np.where(broken, np.where(np.isfinite(values), below, np.nan), values)
