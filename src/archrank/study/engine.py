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
from archrank.study.results import infeasible_note
from archrank.study.rounds import Rounds
from archrank.study.stages import staged

OUT_OF_REACH = 100  # a run ends when this many in a row break a limit before they are trained
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
        """Evaluate until ``budget`` architectures are or ``minutes`` have been worked.

        What breaks a limit before it is evaluated to the end does not count as evaluated.

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
            InfeasibleError: nothing was proposed at all, or nothing was evaluated to the end, since
                everything breaks a limit before.
            ResumeError: an unfinished round holds other architectures than are proposed now.
        """
        clock = Clock(max((r.elapsed for r in records), default=0.0), minutes)
        evaluator = staged(self.evaluator, self.goals)
        evaluating = Evaluating(evaluator, self.executor, attempts, lambda: clock.is_up)
        rounds = Rounds(self.space, self.goals)
        rounds.take(records)
        while not clock.is_up and (budget is None or rounds.spent < budget):
            left = None if budget is None else budget - rounds.spent
            if not self._finish_round(rounds, store, evaluating, clock, left, works_on):
                why = self._limits.why_nothing(self.history(records), self.strategy)
                return self._ended(records, rounds, why)
            rounds.take(records)
            self._give_up_if_hopeless(records, rounds)
            if rounds.rejected_in_a_row >= OUT_OF_REACH:
                limits = ", ".join(map(str, self.goals.constraints))
                why = f"the last {rounds.rejected_in_a_row} that were measured all break {limits}"
                return self._ended(records, rounds, why)
        short = budget and rounds.spent < budget
        return f"{minutes:g} minutes are up" if short else None

    def _ended(self, records: Sequence[Record], rounds: Rounds, why: str) -> str:
        """Return why a run ends before its budget.

        Raises:
            InfeasibleError: nothing was evaluated to the end; names the nearest architecture.
        """
        if rounds.spent:
            return why
        if records:
            raise InfeasibleError(infeasible_note(self.goals, records))
        raise InfeasibleError(
            f"{why}. Loosen the limit, or keep to options that meet it: space.restrict"
        )

    def _give_up_if_hopeless(self, records: Sequence[Record], rounds: Rounds) -> None:
        """End a run of which nothing has succeeded.

        Raises:
            EvaluationError: the first :data:`HOPELESS` or more evaluations all failed.
        """
        if HOPELESS <= rounds.failed == rounds.spent:
            first = next(r for r in records if not self.goals.rejects(r.values))
            raise EvaluationError(
                f"all of the first {rounds.failed} evaluations failed; {first.string}: "
                f"{first.reason}"
            )

    def history(self, records: Sequence[Record]) -> History:
        """Return ``records`` as a strategy sees them, those of unfinished rounds included."""
        rounds = Rounds(self.space, self.goals)
        if records:
            rounds.fold(records)
        return rounds.history(self._limits)

    def _finish_round(
        self,
        rounds: Rounds,
        store: Callable[[Record], None],
        evaluating: Evaluating,
        clock: Clock,
        left: int | None,
        works_on: Callable[[Sequence[str]], None],
    ) -> bool:
        """Evaluate what is missing of the first incomplete round; False if nothing is proposed."""
        works_on([])
        number, stored = rounds.number, rounds.stored
        history = rounds.history(self._limits)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        history.region.forget()
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
