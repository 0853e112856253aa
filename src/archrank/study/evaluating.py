"""Evaluation of proposals, here or in an executor, such that none of them ends a run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass

import numpy as np

from archrank.errors import UnstartedError, WorkerError
from archrank.evaluators.base import Evaluator
from archrank.jobs import IN_FLIGHT, run_jobs
from archrank.parallel.processes import Processes, is_sendable
from archrank.parallel.worker import Evaluated, died, evaluate_group, ran_out_of_memory
from archrank.study.attempts import Attempts
from archrank.types import Archs

LAST = 2  # deaths in a row of an architecture that cannot be tried in a process of its own

Slots = dict[int, Archs]
"""Architectures ``(d,)`` by their place in a round."""

_Jobs = Generator[tuple[int, list[Evaluated] | WorkerError], None, None]


@dataclass(frozen=True)
class Evaluating:
    """Evaluates architectures.

    One that ends the process which evaluates it has failed. In an executor its death is heard. In
    this process it is found out by the next one, which tries the suspect in a process of its own.

    Attributes:
        evaluator: measures them.
        executor: where; ``None`` is this process.
        attempts: note of what is evaluated in this process.
        is_up: True once no more evaluations may start.
    """

    evaluator: Evaluator
    executor: Executor | None
    attempts: Attempts
    is_up: Callable[[], bool]

    def run(self, archs: Slots) -> Iterator[tuple[int, Evaluated]]:
        """Yield slots and results as evaluations finish."""
        if self.executor is not None:
            self.attempts.settle()  # suspects can do no harm there
            yield from self._run(archs, self.executor)
            return
        suspects = {s: arch for s, arch in archs.items() if self.attempts.is_suspect(arch)}
        if suspects:
            yield from self._try(suspects)
            if self.is_up():
                return
            self.attempts.settle()
        yield from self._run({s: archs[s] for s in archs if s not in suspects}, None)

    def _try(self, suspects: Slots) -> Iterator[tuple[int, Evaluated]]:
        """Evaluate architectures that a process died of, or during, in a process of their own.

        Where that is impossible, they are tried here once more and then given up.
        """
        if is_sendable(self.evaluator):
            with Processes(1) as apart, suppress(UnstartedError):
                yield from self._run(suspects, apart)
                return
        if self.attempts.deaths < LAST:
            yield from self._run(suspects, None, size=1)
            return
        times = self.attempts.deaths
        error = WorkerError(f"the process died while evaluating this, {times} times in a row")
        for slot in suspects:
            yield slot, died(self.evaluator, error)

    def _run(
        self, archs: Slots, executor: Executor | None, size: int | None = None
    ) -> Iterator[tuple[int, Evaluated]]:
        """Evaluate in groups; members of a group that died are tried one by one."""
        groups = list(grouped(archs, size or self.evaluator.group_size))
        finished: _Jobs = run_jobs(
            self._here if executor is None else evaluate_group,
            ((self.evaluator, rows) for _, rows in groups),
            executor,
            in_flight=IN_FLIGHT,
            stop=self.is_up,
            doubt=ran_out_of_memory,
            lost=lambda error: error,
            remedy="finished evaluations are kept. Run again to continue",
        )
        separately: Slots = {}
        with closing(finished):
            for place, found in finished:
                slots, rows = groups[place]
                if not isinstance(found, WorkerError):
                    yield from zip(slots, found, strict=True)
                elif len(slots) > 1:
                    separately |= dict(zip(slots, rows, strict=True))
                else:
                    yield slots[0], died(self.evaluator, found)
        if separately:
            yield from self._run(separately, executor, size=1)

    def _here(self, evaluator: Evaluator, archs: Archs) -> list[Evaluated]:
        with self.attempts.of(archs):
            return evaluate_group(evaluator, archs)


def grouped(archs: Slots, size: int) -> Iterator[tuple[list[int], Archs]]:
    """Yield slots and rows ``(k, d)`` of up to ``size`` architectures at a time."""
    slots = list(archs)
    for start in range(0, len(slots), size):
        part = slots[start : start + size]
        yield part, np.stack([archs[slot] for slot in part])
