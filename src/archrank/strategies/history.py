"""The history of a run, as strategies see it: all evaluated architectures, in proposal order."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archrank.spaces.base import Space
from archrank.strategies.region import Region
from archrank.types import Archs, Bools, Floats


@dataclass(frozen=True)
class History:
    """Evaluations of all finished rounds.

    Attributes:
        space: The space of the architectures.
        archs: ``(n, d)`` evaluated architectures in proposal order, including failed ones.
        objectives: ``(n, m)`` values, higher is better; NaN where the evaluation failed.
        violation: ``(n,)`` sum of relative constraint violations; 0 is feasible.
        region: What may be proposed: what the evaluator can evaluate, and satisfies every
            constraint that can be checked without an evaluation.
        known_canonical: ``(n, d)`` canonical rows of ``archs`` where they are known; ``None`` lets
            :attr:`canonical` compute them.
        failed: ``(n,)`` marks the evaluations that failed, where that is known: without a value is
            also what somebody still evaluates.
        pending: Number of the last rows that are still being evaluated; they look as failed ones.
    """

    space: Space
    archs: Archs
    objectives: Floats
    violation: Floats
    region: Region = field(default_factory=Region)
    known_canonical: Archs | None = None
    failed: Bools | None = None
    pending: int = 0

    def __len__(self) -> int:
        return len(self.archs)

    def allowed(self, archs: Archs) -> Bools:
        """Mark which of ``archs: (k, d)`` may be proposed: ``(k,)``."""
        return self.region.allowed(archs)

    def first(self, n: int) -> History:
        """Return the first ``n`` evaluations."""
        known = None if self.known_canonical is None else self.known_canonical[:n]
        failed = None if self.failed is None else self.failed[:n]
        return History(
            self.space,
            self.archs[:n],
            self.objectives[:n],
            self.violation[:n],
            self.region,
            known,
            failed,
            max(min(n, len(self)) - self.settled, 0),
        )

    def followed_by(self, archs: Archs) -> History:
        """Return this history and ``archs: (k, d)``, which are still being evaluated."""
        k = len(archs)
        return History(
            self.space,
            np.concatenate([self.archs, archs]),
            np.concatenate([self.objectives, np.full((k, self.objectives.shape[1]), np.nan)]),
            np.concatenate([self.violation, np.full(k, np.nan)]),
            self.region,
            np.concatenate([self.canonical, self.space.canonical(archs)]),
            None if self.failed is None else np.concatenate([self.failed, np.zeros(k, bool)]),
            self.pending + k,
        )

    @property
    def settled(self) -> int:
        """Number of evaluations before those that are still being made."""
        return len(self.archs) - self.pending

    @cached_property
    def canonical(self) -> Archs:
        """Canonical rows of the architectures: ``(n, d)``."""
        known = self.known_canonical
        return self.space.canonical(self.archs) if known is None else known

    @cached_property
    def ok(self) -> Bools:
        """Mark the evaluations that succeeded: ``(n,)``."""
        return succeeded(self.objectives, self.violation)

    @cached_property
    def scores(self) -> Floats:
        """Score each architecture by one number: ``(n,)``, higher is better, NaN where failed.

        The score is the objective if there is one, and minus the Pareto rank if there are several.
        """
        return scores_of(self.objectives, self.violation)


def succeeded(objectives: Floats, violation: Floats) -> Bools:
    """Mark the evaluations, ``(n, m)`` and ``(n,)``, of which every value is known: ``(n,)``."""
    return np.isfinite(objectives).all(axis=1) & np.isfinite(violation)


def scores_of(objectives: Floats, violation: Floats) -> Floats:
    """Score evaluations, ``(n, m)`` and ``(n,)``, as :attr:`History.scores` does: ``(n,)``."""
    ok = succeeded(objectives, violation)
    values = np.where(ok, objectives[:, 0], np.nan)
    if objectives.shape[1] > 1:  # feasible ones are ranked among themselves
        feasible = ok & (violation <= 0)
        values[feasible] = -pareto_ranks(objectives[feasible])
    return feasible_first(values, violation)


def pareto_ranks(objectives: Floats) -> Floats:
    """Compute the non-domination rank of each row of ``(n, m)`` objectives: ``(n,)``.

    Rank 0 is the Pareto front; higher is worse.
    """
    import moocore

    if len(objectives) == 0:
        return np.zeros(0)
    ranks = moocore.pareto_rank(np.ascontiguousarray(objectives), maximise=True)
    return np.asarray(ranks, dtype=np.float64)


def feasible_first(values: Floats, violation: Floats) -> Floats:
    """Lower the values of infeasible architectures below those of all feasible ones.

    Among infeasible ones, the smaller violation is better: the feasibility rules of Deb (2000) in
    one number. ``values: (n,)``, higher is better, and ``violation: (n,)`` -> ``(n,)``; NaN stays
    NaN.
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
