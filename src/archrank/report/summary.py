"""Results of a run as numbers, for reports and for the command line."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.evaluators.base import Evaluator
from archrank.evaluators.table import Table
from archrank.metrics import Metric
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from archrank.strategies.history import History
    from archrank.study.objectives import Objective
    from archrank.study.record import Record
    from archrank.study.study import Study


def describe_best(study: Study) -> dict[str, Any]:
    """Describe the best architecture and the effort of the search, as JSON values.

    NaN becomes ``None``.

    Raises:
        EvaluationError: No evaluation has succeeded yet.
    """
    results = Results(study)
    best = study.best
    return _describe(results, best) | {
        "evaluations": len(study.records),
        "failures": int((~results.ok).sum()),
        "elapsed_seconds": results.elapsed,
    }


def describe_front(study: Study) -> list[dict[str, Any]]:
    """Describe the Pareto front of feasible evaluations, best of the first objective first."""
    results = Results(study)
    return [_describe(results, record) for record in study.front]


def _describe(results: Results, record: Record) -> dict[str, Any]:
    objectives = [
        {"metric": o.metric, "direction": o.direction, "value": _json(record.values[o.metric])}
        for o in results.study.objectives
    ]
    return {
        "arch": record.string,
        "choices": results.study.space.config(record.arch),
        "objectives": objectives,
        "metrics": {name: _json(value) for name, value in record.values.items()},
        "feasible": results.study.feasible(record),
        "evaluation": results.number(record),
        "seconds": record.seconds,
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(frozen=True, eq=False)
class Results:
    """Records of a study as columns, each computed once."""

    study: Study

    @cached_property
    def history(self) -> History:
        """All evaluations, in proposal order."""
        return self.study.history

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Metrics of the evaluator, by name."""
        return {m.name: m for m in self.study.evaluator.metrics}

    @property
    def objective(self) -> Objective:
        """First objective."""
        return self.study.objectives[0]

    def column(self, name: str) -> Floats:
        """Return a metric of every record, ``(n,)``, as measured; NaN where it failed."""
        records = self.study.records
        return np.array([r.values.get(name, math.nan) for r in records], dtype=np.float64)

    @property
    def ok(self) -> Bools:
        """Mask of the evaluations that succeeded: ``(n,)``."""
        return self.history.ok

    @cached_property
    def feasible(self) -> Bools:
        """Mask of the evaluations that succeeded and satisfy every constraint: ``(n,)``."""
        return self.ok & (self.history.violation <= 0)

    @cached_property
    def order(self) -> Ints:
        """Successful evaluations, best first, as :attr:`Study.best` orders them: ``(n_ok,)``."""
        scores = np.where(self.ok, self.history.scores, -np.inf)
        first = np.where(self.ok, self.history.objectives[:, 0], -np.inf)
        order: Ints = np.lexsort((first, scores))[::-1]
        return order[self.ok[order]]

    @cached_property
    def front(self) -> Ints:
        """Indices of the records in :attr:`Study.front`: ``(k,)``."""
        return np.array([self.number(r) - 1 for r in self.study.front], dtype=np.int64)

    @property
    def elapsed(self) -> float:
        """Total run time in seconds, over all restarts."""
        return max((r.elapsed for r in self.study.records), default=0.0)

    def number(self, record: Record) -> int:
        """Return the number of a record in the run, from 1."""
        return self._numbers[record.key]

    @cached_property
    def _numbers(self) -> dict[tuple[int, int], int]:
        return {r.key: i for i, r in enumerate(self.study.records, 1)}

    @cached_property
    def failures(self) -> list[tuple[str, int, str]]:
        """Reasons of failures, their counts and an example each; the most frequent first."""
        failed = [r for r, ok in zip(self.study.records, self.ok, strict=True) if not ok]
        counts = Counter(r.reason or "no reason was given" for r in failed)
        example = {r.reason or "no reason was given": r.string for r in reversed(failed)}
        return [(reason, count, example[reason]) for reason, count in counts.most_common()]

    @cached_property
    def reference(self) -> Floats | None:
        """First objective of all feasible rows of the table, which random search would draw from.

        ``(n,)``, higher is better; ``None`` if the evaluator has no table, or if the table does
        not contain the constraints' metrics.
        """
        found = find_table(self.study.evaluator, self.objective.metric)
        if found is None:
            return None
        table, columns = found
        if any(c.metric not in columns for c in self.study.constraints):
            return None
        scores = self.objective.sign * table.table.column(columns[self.objective.metric])
        usable = np.isfinite(scores)
        for constraint in self.study.constraints:
            usable &= constraint.violation(table.table.column(columns[constraint.metric])) <= 0
        return scores[usable] if usable.any() else None

    def costs(self) -> tuple[Metric, Floats] | None:
        """MACs, or parameters, of every record ``(n,)``; ``None`` if neither is known."""
        for cost in ("macs", "params"):
            for name, metric in self.metrics.items():
                if metric.short_name == cost:
                    return metric, self.column(name)
        archs: Archs = self.history.archs
        if not 0 < len(archs) <= 500:  # a custom space runs every network once
            return None
        try:
            counted = self.study.space.cost(archs)["macs"]
        except Exception:  # a user's function failed, or a space without costs
            return None
        return Metric("macs", "minimize"), counted


def find_table(evaluator: Evaluator, metric: str) -> tuple[Table, dict[str, str]] | None:
    """Return the table that ``metric`` is looked up in, and its columns by metric name."""
    for part in evaluator.parts():
        table = part.unscoped
        if isinstance(table, Table) and metric in {m.name for m in part.metrics}:
            pairs = zip(part.metrics, table.metrics, strict=True)
            return table, {full.name: own.name for full, own in pairs}
    return None
