"""Repeated trainings of a run's best, which the recommended architecture is chosen by.

A search chooses among noisy scores. With ``confirm``, the last evaluations of its budget train what
may be best again, with other seeds: those whose repetition is likeliest to change what is
recommended (:meth:`.Beliefs.worth`), half of what is left at a time, so that workers have
something to do and later batches know the results of earlier ones.

A batch depends on the batches before it alone. So a run that was stopped in one makes the rest of
it, and chooses what it would have chosen, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from archrank.errors import FAILURES, SettingsError, WorkerError
from archrank.evaluators.base import Evaluator
from archrank.jobs import run_jobs
from archrank.parallel.worker import Evaluated, died, evaluate_group
from archrank.study.objectives import Goals
from archrank.study.recommending import FEWEST, Recommending, is_noisy, repeated_part
from archrank.study.record import Record
from archrank.study.repetitions import Repetition, by_place
from archrank.study.results import Results
from archrank.types import Archs, Ints


class Planned(NamedTuple):
    """A repetition to make: of which record, its number, and that of its batch."""

    record: Record
    number: int
    batch: int


class Repeating:
    """Trains the best of a run again.

    Args:
        evaluator: of the run, bound to its space.
        goals: of the run.
        executor: where to train; ``None`` is this process.

    Raises:
        SettingsError: there are several objectives, or nothing that can be measured again.
    """

    def __init__(self, evaluator: Evaluator, goals: Goals, executor: Executor | None) -> None:
        if len(goals.objectives) > 1:
            raise SettingsError(
                "confirm trains again what is best by one objective, and this run has "
                f"{len(goals.objectives)}: leave confirm out, or name one metric"
            )
        self._part = repeated_part(evaluator, goals)
        if not is_noisy(evaluator, goals):
            raise SettingsError(
                f"confirm: {goals.objectives[0].metric} of {type(self._part.unscoped).__name__} "
                "cannot be measured again with other seeds: leave confirm out. Trainings can; a "
                "function needs a parameter seed, a table columns NAME_seed0 and NAME_seed1, an "
                "evaluator of your own the method again"
            )
        self._executor = executor

    def next_batch(self, results: Results, total: int) -> list[Planned]:
        """Return the repetitions to make next; none where there are ``total`` already."""
        made = {(r.key, r.number) for r in results.repetitions}
        if len(made) >= total or not results.feasible.any():
            return []
        last = max((r.batch for r in results.repetitions), default=-1)
        for batch in range(max(last, 0), last + 2):
            before = tuple(r for r in results.repetitions if r.batch < batch)
            chosen = self._chosen(replace(results, repetitions=before), total - len(before))
            left = [Planned(*each, batch) for each in chosen if (each[0].key, each[1]) not in made]
            if left:
                return left[: total - len(made)]
        return []

    def _chosen(self, results: Results, left: int) -> list[tuple[Record, int]]:
        """Return records to train again, and the numbers of their repetitions."""
        repeated = by_place(results.repetitions)
        found: list[tuple[Record, int]] = []
        for row in self._most_worth(results).tolist():
            record = results.records[row]
            number = 1 + len(repeated.get(record.key, ()))
            if self._part.again(number) is not None:
                found.append((record, number))
            if len(found) >= (left + 1) // 2:
                break
        return found

    def _most_worth(self, results: Results) -> Ints:
        """Return rows of records, those first whose repetition tells most: ``(k,)``."""
        if results.ok.sum() >= FEWEST:
            try:
                known = Recommending(results, self._part.space)
            except FAILURES:  # nothing can be learnt from the scores
                pass
            else:
                return known.rows[np.argsort(-known.beliefs.worth(), kind="stable")]
        order = results.order
        return order[results.feasible[order]]

    def measure(self, batch: Iterable[Planned], in_flight: int) -> Iterator[Repetition]:
        """Train each once more, and yield what came out as they finish.

        Args:
            batch: repetitions to make, taken when there is room for them.
            in_flight: how many the executor holds at most.
        """
        taken: list[Planned] = []

        def jobs() -> Iterator[tuple[Evaluator | None, Archs]]:
            for planned in batch:
                taken.append(planned)
                yield self._part.again(planned.number), planned.record.arch[None]

        def lost(error: WorkerError) -> list[Evaluated]:
            return [died(self._part, error)]

        for place, (found,) in run_jobs(
            evaluate_group, jobs(), self._executor, in_flight=in_flight, lost=lost
        ):
            record, number, at = taken[place]
            yield Repetition(record.key, number, at, found.values, found.reason, found.seconds)
