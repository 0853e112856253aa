"""Results of a run as numbers, for reports and for the command line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import FAILURES
from archrank.evaluators.base import Evaluator
from archrank.evaluators.table import Table
from archrank.metrics import Metric
from archrank.study.results import Results
from archrank.types import Floats

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study

COUNTED = 500  # architectures of which MACs are counted for a figure; a space may build each


def results_of(study: Study | Results) -> Results:
    """Return the results of a study; those of a finished run are returned as they are."""
    return study if isinstance(study, Results) else study.results


def describe_best(study: Study | Results) -> dict[str, Any]:
    """Describe the best architecture and the effort of the search, as JSON values.

    NaN becomes ``None``.

    Raises:
        InfeasibleError: No evaluated architecture keeps every constraint.
        EvaluationError: No evaluation has succeeded yet.
    """
    results = results_of(study)
    again: dict[str, Any] = {}
    if results.recommendation is not None and results.sureness:
        sure = results.recommendation
        again["recommended"] = {
            "expected": _json(sure.value),
            "sd": _json(sure.sd),
            "among_best_percent": _json(sure.top),
            "highest": results.best.string,
        }
    return _describe(results, results.recommended) | {
        "evaluations": len(results.records),
        "failures": int((~results.ok).sum()),
        "rejected": len(results.rejected),
        "elapsed_seconds": results.elapsed,
        **({"repetitions": len(results.repetitions)} if results.repetitions else {}),
        **again,
    }


def describe_front(study: Study | Results) -> list[dict[str, Any]]:
    """Describe the Pareto front of feasible evaluations, best of the first objective first."""
    results = results_of(study)
    return [_describe(results, record) for record in results.front]


def _describe(results: Results, record: Record) -> dict[str, Any]:
    objectives = [
        {"metric": o.metric, "direction": o.direction, "value": _json(record.values[o.metric])}
        for o in results.objectives
    ]
    return {
        "arch": record.string,
        "choices": record.config,
        "objectives": objectives,
        "metrics": {name: _json(value) for name, value in record.values.items()},
        "feasible": results.is_feasible(record),
        "evaluation": results.number(record),
        "seconds": record.seconds,
    }


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def table_scores(results: Results) -> Floats | None:
    """Return the first objective of all feasible rows of the table, which random search draws from.

    ``(n,)``, higher is better; ``None`` if no table is at hand, or if the table does not contain
    the constraints' metrics.
    """
    objective = results.objective
    found = None if results.evaluator is None else find_table(results.evaluator, objective.metric)
    if found is None:
        return None
    table, columns = found
    if any(c.metric not in columns for c in results.constraints):
        return None
    scores = objective.sign * table.table.column(columns[objective.metric])
    usable = np.isfinite(scores)
    for constraint in results.constraints:
        usable &= constraint.violation(table.table.column(columns[constraint.metric])) <= 0
    return scores[usable] if usable.any() else None


def costs(results: Results) -> tuple[Metric, Floats] | None:
    """Return MACs, or parameters, of every record ``(n,)``; ``None`` if neither is known."""
    for cost in ("macs", "params"):
        for name, metric in results.metrics.items():
            if metric.short_name == cost:
                return metric, results.column(name)
    if results.space is None or not 0 < len(results.records) <= COUNTED:
        return None
    try:
        counted = results.space.cost(results.archs)["macs"]
    except FAILURES:  # a user's function failed, or a space without costs
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
