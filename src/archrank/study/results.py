"""Results of a run: its records as columns, the best one, the Pareto front, a table.

The same for a study that runs and for a finished run that is read from disk.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import EvaluationError, InfeasibleError
from archrank.evaluators.base import Evaluator
from archrank.metrics import Metric
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.strategies.history import pareto_ranks, scores_of, succeeded
from archrank.study.asked import Asked
from archrank.study.objectives import Constraint, Goals, Objective
from archrank.study.recommendation import Recommendation
from archrank.study.record import Description, Record
from archrank.study.repetitions import Repetition
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd


def columns(places: Sequence[Record | Asked], names: Sequence[str]) -> dict[str, Floats]:
    """Return metrics of evaluations as columns ``{name: (n,)}``; NaN where one is missing.

    All are missing of what was asked for and awaits an answer.
    """
    return {
        name: np.array([p.values.get(name, math.nan) for p in places], dtype=np.float64)
        for name in names
    }


def infeasible_note(goals: Goals, records: Sequence[Record], evaluated: int = 0) -> str:
    """Say that no architecture keeps the constraints, and what the nearest has.

    Values have the unit and the digits of the limits, which they are compared with.

    Args:
        goals: of the run.
        records: architectures whose metrics of some constraints are known.
        evaluated: evaluations that were made to the end, or failed; 0: limits ended all.
    """

    def violation(record: Record) -> float:
        return sum(
            float(c.violation(np.array([record.values[c.metric]]))[0])
            for c in goals.broken(record.values)
        )

    nearest = min(records, key=violation)
    limits = ", ".join(map(str, goals.constraints))
    values = ", ".join(
        f"{c.metric} {nearest.values[c.metric]:.10g}" for c in goals.broken(nearest.values)
    )
    which = f"{evaluated} evaluations" if evaluated else f"{len(records)} measured architectures"
    return (
        f"none of {which} keeps {limits}; the nearest, {nearest.string}, has {values}. Loosen the "
        "limit, or search longer"
    )


@dataclass(frozen=True, eq=False)
class Results:
    """Evaluations of a run, in proposal order.

    Attributes:
        description: metrics, goals and decisions of the run.
        records: the evaluations, failed ones included.
        rejected: architectures that broke a limit before they were evaluated to the end; they have
            the metrics that were measured until then.
        space: the space, to draw and to rank architectures; ``None`` where it is not at hand.
        evaluator: the evaluator, likewise.
        strategy: the strategy, likewise.
        absent: why one of these is not at hand, by its name.
        repetitions: repeated evaluations of some records, with other seeds.
        recommendation: what the run recommended at its end; ``None`` where that is what has the
            highest score, or where it was decided by fewer evaluations than there are now.
    """

    description: Description
    records: Sequence[Record]
    rejected: Sequence[Record] = ()
    space: Space | None = None
    evaluator: Evaluator | None = None
    strategy: Strategy | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    repetitions: Sequence[Repetition] = ()
    recommendation: Recommendation | None = None

    @classmethod
    def of(
        cls,
        description: Description,
        records: Sequence[Record],
        confirmed: Mapping[tuple[int, int], Mapping[str, float]] | None = None,
        repetitions: Sequence[Repetition] = (),
        recommendation: Recommendation | None = None,
    ) -> Results:
        """Return the results of all stored records of a run.

        Args:
            description: of the run.
            records: in proposal order.
            confirmed: metrics of some records that were measured once more, by their places.
            repetitions: of some records.
            recommendation: that was decided last.
        """
        again = confirmed or {}
        known = [
            replace(r, values={**r.values, **again[r.key]}) if r.key in again else r
            for r in records
        ]
        out = [description.goals.rejects(r.values) for r in records]
        evaluated = tuple(r for r, rejected in zip(known, out, strict=True) if not rejected)
        rest = tuple(r for r, rejected in zip(known, out, strict=True) if rejected)
        if recommendation is not None and not recommendation.is_of(evaluated, repetitions):
            recommendation = None
        return cls(
            description,
            evaluated,
            rest,
            repetitions=tuple(repetitions),
            recommendation=recommendation,
        )

    # ---- goals ---------------------------------------------------------------------------------

    @property
    def goals(self) -> Goals:
        """Objectives and constraints."""
        return self.description.goals

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives, at least one."""
        return self.goals.objectives

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints; may be empty."""
        return self.goals.constraints

    @property
    def objective(self) -> Objective:
        """The first objective."""
        return self.goals.objectives[0]

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """All measured metrics by name."""
        return {m.name: m for m in self.description.metrics}

    # ---- columns -------------------------------------------------------------------------------

    def column(self, name: str) -> Floats:
        """Return a metric of every record, ``(n,)``, as measured; NaN where it failed."""
        return columns(self.records, [name])[name]

    @cached_property
    def archs(self) -> Archs:
        """The evaluated architectures: ``(n, d)``."""
        d = len(self.description.decisions)
        return np.array([r.arch for r in self.records], dtype=np.uint8).reshape(-1, d)

    @cached_property
    def matrix(self) -> Floats:
        """The objectives, ``(n, m)``, higher is better; NaN where an evaluation failed."""
        return self.goals.matrix(columns(self.records, self.goals.metrics))

    @cached_property
    def violation(self) -> Floats:
        """Sum of the relative constraint violations, ``(n,)``; 0 is feasible."""
        return self.goals.violation(columns(self.records, self.goals.metrics), len(self.records))

    @cached_property
    def ok(self) -> Bools:
        """Mark the evaluations that succeeded: ``(n,)``."""
        return succeeded(self.matrix, self.violation)

    @cached_property
    def feasible(self) -> Bools:
        """Mark the evaluations that succeeded and keep every constraint: ``(n,)``."""
        return self.ok & (self.violation <= 0)

    @cached_property
    def order(self) -> Ints:
        """Successful evaluations, best first: ``(n_ok,)`` numbers of records.

        Feasible ones come first, then the objective decides (of several: the Pareto rank, then the
        first objective), then who was first, as in Optuna.
        """
        scores = np.where(self.ok, scores_of(self.matrix, self.violation), -np.inf)
        first = np.where(self.ok, self.matrix[:, 0], -np.inf)
        order: Ints = np.lexsort((-np.arange(len(first)), first, scores))[::-1]
        return order[self.ok[order]]

    @cached_property
    def front_rows(self) -> Ints:
        """Numbers of the records of :attr:`front`: ``(k,)``."""
        candidates = np.flatnonzero(self.feasible)
        front = candidates[pareto_ranks(self.matrix[candidates]) == 0]
        order: Ints = front[np.argsort(-self.matrix[front, 0], kind="stable")]
        return order

    # ---- records -------------------------------------------------------------------------------

    @property
    def best(self) -> Record:
        """The best feasible evaluation by the objective (of several: by the first).

        Raises:
            InfeasibleError: no evaluated architecture keeps every constraint; names the nearest.
            EvaluationError: nothing was evaluated successfully yet.
        """
        nearest = self.nearest
        if not self.is_feasible(nearest):
            raise InfeasibleError(self.infeasible_note())
        return nearest

    @property
    def recommended(self) -> Record:
        """The feasible evaluation to go on with: :attr:`best`, unless that is likely to be luck.

        Where scores are noisy, the highest is in part the luckiest. At its end a run decides what
        is best by its repetitions and by what similar architectures scored, too
        (:mod:`archrank.study.recommending`).

        Raises:
            InfeasibleError: no evaluated architecture keeps every constraint; names the nearest.
            EvaluationError: nothing was evaluated successfully yet.
        """
        best = self.best
        if self.recommendation is None:
            return best
        record = self.records[self._numbers[self.recommendation.key] - 1]
        return record if self.is_feasible(record) else best

    @property
    def sureness(self) -> list[str]:
        """Sentences on how sure :attr:`recommended` is; none where only the score decides."""
        if self.recommendation is None or self.recommended.key != self.recommendation.key:
            return []
        return self.recommendation.told(self)

    @property
    def nearest(self) -> Record:
        """The best feasible evaluation, or, if there is none, that of the least violation.

        Raises:
            InfeasibleError: limits were broken before anything was evaluated to the end.
            EvaluationError: nothing was evaluated successfully yet.
        """
        if not self.records and self.rejected:
            raise InfeasibleError(self.infeasible_note())
        if not self.ok.any():
            reasons = [r.reason for r in self.records if r.reason]
            raise EvaluationError(
                f"none of {len(self.records)} evaluations succeeded"
                + (f"; the last: {reasons[-1]}" if reasons else "")
                + ("" if self.records else ": nothing has been evaluated yet")
            )
        return self.records[int(self.order[0])]

    @property
    def rejected_note(self) -> str:
        """Say how many architectures broke a limit on the way; empty if none did."""
        n = len(self.rejected)
        return f"{n:,} not evaluated: broke a limit" if n else ""

    def infeasible_note(self) -> str:
        """Say that no evaluation is feasible, and what the nearest architecture has."""
        tried = [r for r, ok in zip(self.records, self.ok, strict=True) if ok]
        return infeasible_note(self.goals, [*tried, *self.rejected], len(self.records))

    @property
    def front(self) -> list[Record]:
        """Feasible evaluations that none dominates, best of the first objective first.

        Empty where nothing is feasible.
        """
        return [self.records[i] for i in self.front_rows.tolist()]

    def is_feasible(self, record: Record) -> bool:
        """Tell whether an evaluation succeeded and keeps every constraint."""
        values = columns([record], self.goals.metrics)
        kept = self.goals.violation(values, 1)[0] <= 0
        return bool(kept) and not self.goals.missing(record.values)

    def number(self, record: Record) -> int:
        """Return the number of an evaluation in proposal order, from 1."""
        return self._numbers[record.key]

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        return {r.key: i for i, r in enumerate(self.records, 1)}

    @property
    def elapsed(self) -> float:
        """Working time of the run in seconds, over all its sessions."""
        return max((r.elapsed for r in (*self.records, *self.rejected)), default=0.0)

    @cached_property
    def failures(self) -> list[tuple[str, int, str]]:
        """Reasons of failures, most frequent first: reason, count and one architecture's text."""
        failed = [r for r, ok in zip(self.records, self.ok, strict=True) if not ok]
        counts = Counter(r.reason or "no reason was given" for r in failed)
        example = {r.reason or "no reason was given": r.string for r in reversed(failed)}
        return [(reason, count, example[reason]) for reason, count in counts.most_common()]

    def table(self) -> pd.DataFrame:
        """Return all evaluations as a data frame: architecture, metrics, seconds and failure."""
        import pandas as pd

        rows = [
            {"arch": r.string, **r.values, "seconds": r.seconds, "failure": r.reason}
            for r in self.records
        ]
        return pd.DataFrame(rows)
