"""Evaluation of proposals, here or in an executor, such that none of them ends a run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from archrank.errors import UnstartedError, WorkerError
from archrank.evaluators.base import Evaluator
from archrank.jobs import IN_FLIGHT, run_jobs
from archrank.parallel.processes import Processes, is_sendable
from archrank.parallel.worker import Evaluated, died, evaluate_group, ran_out_of_memory
from archrank.study.attempts import Attempts
from archrank.study.proposal import Key
from archrank.types import Archs

LAST = 2  # deaths in a row of an architecture that cannot be tried in a process of its own

ByPlace = dict[Key, Archs]
"""Architectures ``(d,)`` by their round and slot."""


class Claim(NamedTuple):
    """Architectures that this process alone evaluates, among several that work on a study.

    Attributes:
        archs: ``(d,)`` by place; one call evaluates them.
        deaths: processes in a row that died while they evaluated one of them themselves.
    """

    archs: ByPlace
    deaths: int = 0


Result = tuple[Key, Evaluated]
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

    def run(self, archs: ByPlace) -> Iterator[Result]:
        """Yield places and results as evaluations finish."""
        if self.executor is not None:
            self.attempts.settle()  # suspects can do no harm there
            yield from self._run(archs, self.executor)
            return
        suspects = {s: arch for s, arch in archs.items() if self.attempts.is_suspect(arch)}
        if suspects:
            yield from self._try(suspects, self.attempts.deaths)
            if self.is_up():
                return
            self.attempts.settle()
        yield from self._run({s: archs[s] for s in archs if s not in suspects}, None)

    def run_claims(
        self, claims: Iterable[Claim | None], in_flight: int | Callable[[], int] = IN_FLIGHT
    ) -> Iterator[Result]:
        """Yield places and results of what is claimed one after the other.

        Args:
            claims: taken when there is room; ``None`` says that there are none now, but maybe once
                a result is known.
            in_flight: calls that an executor holds at most, or what tells it.
        """
        if self.executor is not None:
            self.attempts.settle()
            groups = (None if claim is None else claim.archs for claim in claims)
            yield from self._run_groups(groups, self.executor, in_flight)
            return
        for claim in claims:
            if claim is None:
                return
            if claim.deaths:
                yield from self._try(claim.archs, claim.deaths)
            else:
                yield from self._run_groups([claim.archs], None)
            if self.is_up():
                return

    def _try(self, suspects: ByPlace, deaths: int) -> Iterator[Result]:
        """Evaluate architectures that a process died of, or during, in a process of their own.

        Where that is impossible, they are tried here once more and then given up.
        """
        if is_sendable(self.evaluator):
            with Processes(1) as apart, suppress(UnstartedError):
                yield from self._run(suspects, apart)
                return
        if deaths < LAST:
            yield from self._run(suspects, None, size=1)
            return
        error = WorkerError(f"the process died while evaluating this, {deaths} times in a row")
        for place in suspects:
            yield place, died(self.evaluator, error)

    def _run(
        self, archs: ByPlace, executor: Executor | None, size: int | None = None
    ) -> Iterator[Result]:
        """Evaluate in groups of ``size``, or of as many as the evaluator wants."""
        groups = grouped(archs, size or self.evaluator.group_size)
        yield from self._run_groups(groups, executor, IN_FLIGHT)

    def _run_groups(
        self,
        groups: Iterable[ByPlace | None],
        executor: Executor | None,
        in_flight: int | Callable[[], int] = 1,
    ) -> Iterator[Result]:
        """Evaluate groups, taken when there is room; members of one that died are tried alone."""
        taken: list[ByPlace] = []

        def jobs() -> Iterator[tuple[Evaluator, Archs] | None]:
            for group in groups:
                if group is None:
                    yield None
                else:
                    taken.append(group)
                    yield self.evaluator, np.stack(list(group.values()))

        finished: _Jobs = run_jobs(
            self._here if executor is None else evaluate_group,
            jobs(),
            executor,
            in_flight=in_flight,
            stop=self.is_up,
            doubt=ran_out_of_memory,
            lost=lambda error: error,
            remedy="finished evaluations are kept. Run again to continue",
        )
        separately: ByPlace = {}
        with closing(finished):
            for place, found in finished:
                group = taken[place]
                if not isinstance(found, WorkerError):
                    yield from zip(group, found, strict=True)
                elif len(group) > 1:
                    separately |= group
                else:
                    yield next(iter(group)), died(self.evaluator, found)
        if separately:
            yield from self._run(separately, executor, size=1)

    def _here(self, evaluator: Evaluator, archs: Archs) -> list[Evaluated]:
        with self.attempts.of(archs):
            return evaluate_group(evaluator, archs)


def grouped(archs: ByPlace, size: int) -> Iterator[ByPlace]:
    """Yield up to ``size`` architectures at a time."""
    places = list(archs)
    for start in range(0, len(places), size):
        yield {place: archs[place] for place in places[start : start + size]}


def capacity(executor: Any) -> int:
    """Return how many calls an executor makes at a time; 1 where it does not tell."""
    found = getattr(executor, "workers", None) or getattr(executor, "_max_workers", None)
    return max(int(found or 1), 1)
