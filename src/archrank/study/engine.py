"""The loop of a run: propose a round, evaluate it, store every result."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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
from archrank.study.evaluating import Claim, Evaluating, Slots
from archrank.study.limits import Limits
from archrank.study.objectives import Goals
from archrank.study.proposal import Proposal, proposals
from archrank.study.record import Record
from archrank.study.results import infeasible_note
from archrank.study.rounds import Rounds
from archrank.study.shared_rounds import SharedRounds
from archrank.study.stages import staged
from archrank.types import Archs

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
            part = self._missing(rounds, ledger, shared, works_on)
            if part is not None and part[1] == 0:
                why = self.limits.why_nothing(self.history(records), self.strategy)
                return self._ended(records, rounds, why)
            rounds.take(records)  # which others have made
            if part is not None:
                left = None if budget is None else max(budget - rounds.spent, 0)
                archs = dict(list(part[0].items())[:left])
                self._evaluate(number, archs, part[1], store, evaluating, clock, works_on, shared)
            rounds.take(records)
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
        if HOPELESS <= rounds.failed == rounds.spent:
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

    def unfinished(self, rounds: Rounds, ledger: Ledger) -> tuple[dict[int, Archs], int]:
        """Return what is missing of the first incomplete round, by slot, and the round's size.

        Raises:
            ResumeError: the round holds other architectures than are proposed now.
        """
        number, stored = rounds.number, rounds.stored
        waiting, lost = ledger.waiting(number), ledger.given_up(number)
        held: dict[int, Record | Asked] = {**stored, **waiting}
        size = next((each.round_size for each in held.values()), 0)
        if held and len(held) + len(lost) == size:  # all were asked for
            return {slot: each.arch for slot, each in waiting.items()}, size
        archs = self.propose(rounds.history(self.limits), number)
        for slot, each in held.items():
            if each.round_size != len(archs) or not np.array_equal(each.arch, archs[slot]):
                raise ResumeError(
                    f"evaluation {slot} of round {number} is of {each.string}, which this "
                    "version of archrank would not propose: finish the run with the version that "
                    "began it, or start a new one"
                )
        left = [s for s in range(len(archs)) if s not in stored and s not in lost]
        return {s: archs[s] for s in left}, len(archs)

    def _missing(
        self,
        rounds: Rounds,
        ledger: Ledger,
        shared: SharedRounds | None,
        works_on: Callable[[Sequence[str]], None],
    ) -> tuple[Slots, int] | None:
        """Return what is missing of the first incomplete round, by slot, and the round's size.

        ``None`` while another process proposes it.
        """
        if shared is None:
            works_on([])
            return self.unfinished(rounds, ledger)

        def propose() -> tuple[Slots, int]:
            works_on([])
            return self.unfinished(rounds, ledger)

        return shared.missing(rounds.number, propose)

    def _evaluate(
        self,
        number: int,
        archs: Slots,
        size: int,
        store: Callable[[Record], None],
        evaluating: Evaluating,
        clock: Clock,
        works_on: Callable[[Sequence[str]], None],
        shared: SharedRounds | None,
    ) -> None:
        """Evaluate architectures of a round; of a shared one, those that nobody else does."""
        places: dict[int, Proposal] = {}

        def begin(part: Slots) -> None:
            rows = np.array(list(part.values()), dtype=np.uint8).reshape(-1, self.space.d)
            found = proposals(self.space, rows, number, list(part), size)
            places.update(zip(part, found, strict=True))
            works_on([place.string for place in places.values()])

        def claims(shared: SharedRounds) -> Iterator[Claim]:
            for claim in shared.claims(number, archs, evaluating.evaluator.group_size):
                begin(claim.archs)
                yield claim

        if shared is None:
            begin(archs)
            results = evaluating.run(archs)
        else:
            results = evaluating.run_claims(claims(shared))
        for slot, result in results:
            store(
                Record(
                    **places.pop(slot).arguments(),
                    values=result.values,
                    reason=self._failure(result),
                    seconds=result.seconds,
                    elapsed=clock.elapsed,
                    cpu_seconds=result.cpu_seconds,
                )
            )

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
