"""The loop of a run: propose a round, evaluate it, store every result."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from archrank.errors import EvaluationError, InfeasibleError, ResumeError
from archrank.evaluators.base import Evaluator
from archrank.parallel.worker import Evaluated
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.strategies.history import History
from archrank.study.attempts import Attempts
from archrank.study.evaluating import Evaluating
from archrank.study.limits import Limits
from archrank.study.objectives import Goals
from archrank.study.record import Record
from archrank.study.results import columns
from archrank.study.rounds import Rounds

HOPELESS = 5  # a run whose first evaluations, at least this many, all fail ends after the round


@dataclass(frozen=True)
class Engine:
    """Proposes and evaluates rounds.

    Attributes:
        space: where architectures come from.
        evaluator: measures them; bound to ``space``.
        strategy: proposes them.
        goals: objectives and constraints.
        seed: round ``r`` is proposed with randomness from ``SeedSequence([seed, r])``.
        executor: runs evaluations; ``None`` is this process.
    """

    space: Space
    evaluator: Evaluator
    strategy: Strategy
    goals: Goals
    seed: int
    executor: Executor | None

    def run(
        self,
        records: Sequence[Record],
        store: Callable[[Record], None],
        *,
        budget: int | None,
        minutes: float | None,
        attempts: Attempts,
        works_on: Callable[[Sequence[str]], None] = lambda strings: None,
    ) -> str | None:
        """Evaluate until there are ``budget`` records or ``minutes`` have been worked.

        Returns:
            Why the run ended before that; ``None`` if it did not. Of a run with a budget and
            minutes, the minutes are such a reason.

        Args:
            records: what is evaluated already; must grow by each record that is stored.
            store: called with every new record.
            budget: evaluations in total, or ``None``.
            minutes: working time in total, earlier sessions included, or ``None``.
            works_on: called with the architectures that are evaluated from now on, and with none
                while the strategy proposes.
            attempts: note of what is evaluated in this process.

        Raises:
            EvaluationError: the first evaluations all failed, or the executor broke.
            InfeasibleError: nothing was proposed at all.
            ResumeError: an unfinished round holds other architectures than are proposed now.
        """
        clock = Clock(max((r.elapsed for r in records), default=0.0), minutes)
        evaluating = Evaluating(self.evaluator, self.executor, attempts, lambda: clock.is_up)
        rounds = Rounds(self.space, self.goals)
        while not clock.is_up and (budget is None or len(records) < budget):
            left = None if budget is None else budget - len(records)
            if not self._finish_round(rounds, records, store, evaluating, clock, left, works_on):
                why = self._limits.why_nothing(self.history(records), self.strategy)
                if not records:
                    raise InfeasibleError(
                        f"{why}. Loosen the limit, or keep to options that meet it: space.restrict"
                    )
                return why
            give_up_if_hopeless(records)
        return f"{minutes:g} minutes are up" if budget and len(records) < budget else None

    def history(self, records: Sequence[Record]) -> History:
        """Return ``records`` as a strategy sees them."""
        n = len(records)
        archs = np.array([r.arch for r in records], dtype=np.uint8).reshape(n, self.space.d)
        values = columns(records, self.goals.metrics)
        objectives, violation = self.goals.matrix(values), self.goals.violation(values, n)
        return History(self.space, archs, objectives, violation, self._limits.region)

    def _finish_round(
        self,
        rounds: Rounds,
        records: Sequence[Record],
        store: Callable[[Record], None],
        evaluating: Evaluating,
        clock: Clock,
        left: int | None,
        works_on: Callable[[Sequence[str]], None],
    ) -> bool:
        """Evaluate what is missing of the first incomplete round; False if nothing is proposed."""
        works_on([])
        rounds.take(records)
        number, stored = rounds.number, rounds.stored
        history = rounds.history(self._limits.region)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        self._limits.region.forget()
        archs = self.strategy.propose(history, self.strategy.batch(history), rng=rng)
        if len(archs) == 0:
            return False
        for slot, record in stored.items():
            if record.round_size != len(archs) or not np.array_equal(record.arch, archs[slot]):
                raise ResumeError(
                    f"evaluation {slot} of round {number} is of {record.string}, which this "
                    "version of archrank would not propose: finish the run with the version that "
                    "began it, or start a new one"
                )
        slots = [s for s in range(len(archs)) if s not in stored][:left]
        strings, canonical = (self.space.format(a) for a in (archs, self.space.canonical(archs)))
        works_on([strings[slot] for slot in slots])
        for slot, result in evaluating.run({s: archs[s] for s in slots}):
            store(
                Record(
                    round=number,
                    slot=slot,
                    round_size=len(archs),
                    arch=archs[slot],
                    string=strings[slot],
                    values=result.values,
                    reason=self._failure(result),
                    seconds=result.seconds,
                    elapsed=clock.elapsed,
                    cpu_seconds=result.cpu_seconds,
                    canonical=canonical[slot],
                    config=self.space.config(archs[slot]),
                )
            )
        return True

    def _failure(self, result: Evaluated) -> str | None:
        """Return why a result cannot be used; a missing value that no goal needs is no failure."""
        missing = self.goals.missing(result.values)
        if not missing:
            return None
        return result.reason or f"{', '.join(missing)} is NaN"

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.space, self.evaluator, self.goals)


def give_up_if_hopeless(records: Sequence[Record]) -> None:
    """End a run of which nothing has succeeded.

    Raises:
        EvaluationError: the first :data:`HOPELESS` or more evaluations all failed.
    """
    if len(records) >= HOPELESS and all(r.reason for r in records):
        first = records[0]
        raise EvaluationError(
            f"all of the first {len(records)} evaluations failed; {first.string}: {first.reason}"
        )


class Clock:
    """Working time of a run in seconds, over all its sessions.

    Args:
        before: time that earlier sessions worked.
        minutes: time after which the run ends; ``None`` is never.
    """

    def __init__(self, before: float, minutes: float | None) -> None:
        self._start = time.monotonic() - before
        self._limit = None if minutes is None else minutes * 60

    @property
    def elapsed(self) -> float:
        """Time worked so far."""
        return time.monotonic() - self._start

    @property
    def is_up(self) -> bool:
        """True once the limit is reached."""
        return self._limit is not None and self.elapsed >= self._limit
