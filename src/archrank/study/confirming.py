"""The best of a run, measured once more and more carefully before it is called so.

A search chooses among noisy measurements: what it puts first within a limit on latency owes that,
in part, to a measurement that came out low. So the best by one objective, or the front of several,
is measured again (:meth:`.Evaluator.careful`), apart from trainings, and that number counts. What
exceeds a limit after all is no longer feasible, and the next best is measured. Strategies see the
first numbers, so that a larger budget goes on as if it had been there from the start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor

from archrank.errors import WorkerError
from archrank.evaluators.base import Evaluator
from archrank.formatting import format_value
from archrank.jobs import run_jobs
from archrank.parallel.worker import Evaluated, died, evaluate_group
from archrank.study.objectives import Goals
from archrank.study.record import Record
from archrank.study.results import Results


class Confirming:
    """Measures finalists once more.

    Args:
        evaluator: of the run, bound to its space.
        goals: of the run.
        executor: where to measure; ``None`` is this process.

    Attributes:
        parts: what measures metrics of the goals more carefully; empty where nothing does.
    """

    def __init__(self, evaluator: Evaluator, goals: Goals, executor: Executor | None) -> None:
        self._goals = goals
        self._executor = executor
        careful = [part.careful() for part in evaluator.parts()]
        needed = set(goals.metrics)
        self.parts = tuple(
            part
            for part in careful
            if part is not None and not needed.isdisjoint(m.name for m in part.metrics)
        )

    def finalists(self, results: Results) -> Sequence[Record]:
        """Return what is best: by score and recommended, or the front; maybe none."""
        if not results.feasible.any():
            return []
        if len(self._goals.objectives) > 1:
            return results.front
        return [results.best, results.recommended]

    def measure(self, record: Record) -> dict[str, float]:
        """Measure an architecture once more: ``{metric: value}``, of what could be measured."""
        jobs = [(part, record.arch[None]) for part in self.parts]

        def lost(error: WorkerError) -> list[Evaluated]:
            return [died(self.parts[0], error)]

        values: dict[str, float] = {}
        for _, (found,) in run_jobs(evaluate_group, jobs, self._executor, lost=lost):
            values |= {name: v for name, v in found.values.items() if math.isfinite(v)}
        return values

    def told(self, record: Record, values: dict[str, float]) -> str:
        """Say what was measured once more, and whether a limit is exceeded after all."""
        if not values:
            return f"{record.string} could not be measured once more; its first values count"
        metrics = {m.name: m for part in self.parts for m in part.metrics}
        shown = [name for name in self._goals.metrics if name in values]
        parts = [
            f"{name} {format_value(values[name], metrics[name])} "
            f"(first {format_value(record.values[name], metrics[name])})"
            for name in shown
        ]
        broken = self._goals.broken({**record.values, **values})
        after = f", which breaks {', '.join(map(str, broken))} after all" if broken else ""
        return f"measured once more: {record.string}, {', '.join(parts)}{after}"
