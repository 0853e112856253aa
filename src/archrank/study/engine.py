"""The loop of a run: propose a round, evaluate it, store every result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
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
from archrank.study.asked import Asked, Ledger
from archrank.study.attempts import Attempts
from archrank.study.evaluating import Evaluating
from archrank.study.limits import Limits
from archrank.study.objectives import Goals
from archrank.study.record import Record
from archrank.study.results import infeasible_note
from archrank.study.rounds import OUT_OF_REACH, Rounds, Slots
from archrank.study.shared_rounds import SharedRounds
from archrank.study.stages import staged
from archrank.study.under_way import UnderWay
from archrank.types import Archs


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
        ahead: rounds that may begin before the ones before them are complete.
    """

    space: Space
    evaluator: Evaluator
    strategy: Strategy
    goals: Goals
    seed: int
    executor: Executor | None
    ahead: int = 0

    def run(
        self,
        ledger: Ledger,
        store: Callable[[Record], None],
        *,
        budget: int | None,
        minutes: float | None,
        attempts: Attempts,
        works_on: Callable[[Sequence[str]], None] = lambda strings: None,
        shared: SharedRounds | None = None,
    ) -> str | None:
        """Evaluate until ``budget`` architectures are or ``minutes`` have been worked.

        What breaks a limit before it is evaluated to the end does not count as evaluated.

        Returns:
            Why the run ended before that; ``None`` if it did not. Of a run with a budget and
            minutes, the minutes are such a reason.

        Args:
            ledger: what is known already; must know of each record that is stored. What was asked
                for and awaits an answer is evaluated first.
            store: called with every new record.
            budget: evaluations in total, or ``None``.
            minutes: working time in total, earlier sessions included, or ``None``.
            works_on: called with the architectures that are evaluated from now on, and with none
                while the strategy proposes.
            attempts: note of what is evaluated in this process.
            shared: the rounds as other processes see them, too; ``None`` if there are none.

        Raises:
            EvaluationError: the first evaluations all failed, or the executor broke.
            InfeasibleError: nothing was proposed at all, or nothing was evaluated to the end, since
                everything breaks a limit before.
            ResumeError: an unfinished round holds other architectures than are proposed now.
        """
        records = ledger.records
        clock = Clock(max((r.elapsed for r in records), default=0.0), minutes)
        evaluator = staged(self.evaluator, self.goals)
        evaluating = Evaluating(evaluator, self.executor, attempts, lambda: clock.is_up)
        rounds = Rounds(self.space, self.goals, ledger)
        rounds.take(records)
        while not clock.is_up and (budget is None or rounds.spent < budget):
            number, known = rounds.number, len(records)
            under_way = UnderWay(self, rounds, ledger, budget, works_on, shared)
            for place, result in under_way.evaluated(evaluating):
                store(
                    Record(
                        **place.arguments(),
                        values=result.values,
                        reason=self._failure(result),
                        seconds=result.seconds,
                        elapsed=clock.elapsed,
                        cpu_seconds=result.cpu_seconds,
                    )
                )
            rounds.take(records)
            if under_way.nothing_left:
                why = self.limits.why_nothing(self.history(records), self.strategy)
                return self._ended(records, rounds, why)
            if shared is not None and len(records) == known and rounds.number == number:
                shared.pause()  # others are at it
            if rounds.number > number or (budget is not None and rounds.spent >= budget):
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
        if rounds.is_hopeless:
            first = next(r for r in records if not self.goals.rejects(r.values))
            raise EvaluationError(
                f"all of the first {rounds.failed} evaluations failed; {first.string}: "
                f"{first.reason}"
            )

    def history(self, places: Sequence[Record | Asked]) -> History:
        """Return evaluations as a strategy sees them, those of unfinished rounds included.

        What awaits an answer has no values, as what has failed.
        """
        rounds = Rounds(self.space, self.goals)
        if places:
            rounds.fold(places)
        return rounds.history(self.limits)

    def propose(self, history: History, number: int, n: int | None = None) -> Archs:
        """Propose round ``number`` after ``history``: ``(k, d)``; as many as the strategy wants.

        Args:
            history: what is known.
            number: of the round, which decides its randomness.
            n: architectures to propose; ``None`` leaves that to the strategy.
        """
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        history.region.forget()
        batch = self.strategy.batch(history) if n is None else n
        return self.strategy.propose(history, batch, rng=rng)

    def unfinished(
        self,
        rounds: Rounds,
        ledger: Ledger,
        number: int | None = None,
        before: Mapping[int, Slots] | None = None,
    ) -> tuple[Slots, int]:
        """Return what is missing of an incomplete round, by slot, and the round's size.

        Args:
            rounds: of the run.
            ledger: of the run.
            number: of the round; ``None`` is the first incomplete one.
            before: what is missing of incomplete rounds before it.

        Raises:
            ResumeError: the round holds other architectures than are proposed now.
        """
        number = rounds.number if number is None else number
        stored, waiting = rounds.stored_of(number), ledger.waiting(number)
        lost = ledger.given_up(number)
        held: dict[int, Record | Asked] = {**stored, **waiting}
        size = next((each.round_size for each in held.values()), 0)
        if held and len(held) + len(lost) == size:  # all were asked for
            return {slot: each.arch for slot, each in waiting.items()}, size
        archs = self.propose(self._seen_before(rounds, number, before or {}), number)
        for slot, each in held.items():
            if each.round_size != len(archs) or not np.array_equal(each.arch, archs[slot]):
                raise ResumeError(
                    f"evaluation {slot} of round {number} is of {each.string}, which this "
                    "version of archrank would not propose: finish the run with the version that "
                    "began it, or start a new one"
                )
        left = [s for s in range(len(archs)) if s not in stored and s not in lost]
        return {s: archs[s] for s in left}, len(archs)

    def _seen_before(self, rounds: Rounds, number: int, missing: Mapping[int, Slots]) -> History:
        """Return what a round is proposed from: of the last :attr:`ahead` rounds no results."""
        if not self.ahead:
            return rounds.history(self.limits)
        until = max(number - self.ahead, 0)
        pending = [
            rounds.rows(earlier)
            if earlier < rounds.number
            else rounds.rows_with(earlier, missing[earlier])
            for earlier in range(until, number)
        ]
        none = np.zeros((0, self.space.d), dtype=np.uint8)
        return rounds.history(self.limits, until=until, pending=np.concatenate([none, *pending]))

    def _failure(self, result: Evaluated) -> str | None:
        """Return why a result cannot be used; a missing value that no goal needs is no failure."""
        missing = self.goals.missing(result.values)
        if not missing:
            return None
        return result.reason or f"{', '.join(missing)} is NaN"

    @cached_property
    def limits(self) -> Limits:
        """Rule of what may be proposed."""
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
