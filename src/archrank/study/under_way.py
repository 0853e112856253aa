"""Rounds that are evaluated now: the first that is not complete, and those begun ahead of it.

A round is proposed from the same results whenever it begins, so running ahead changes neither what
is proposed after a resume nor with another number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from archrank.parallel.worker import Evaluated
from archrank.study.asked import Ledger
from archrank.study.evaluating import ByPlace, Claim, Evaluating, capacity, grouped
from archrank.study.proposal import Key, Proposal, proposals
from archrank.study.rounds import Rounds, Slots
from archrank.study.shared_rounds import SharedRounds

if TYPE_CHECKING:
    from archrank.study.engine import Engine


class UnderWay:
    """Proposes rounds when there is room for their evaluations, and says which these are.

    Args:
        engine: proposes.
        rounds: of the run; takes in what is evaluated.
        ledger: of the run.
        budget: evaluations in total, or ``None``.
        works_on: called with the architectures that are evaluated from now on, and with none while
            the strategy proposes.
        shared: the rounds as other processes see them, too; ``None`` if there are none.

    Attributes:
        nothing_left: whether nothing was proposed for the first round that is not complete.
    """

    def __init__(
        self,
        engine: Engine,
        rounds: Rounds,
        ledger: Ledger,
        budget: int | None,
        works_on: Callable[[Sequence[str]], None],
        shared: SharedRounds | None,
    ) -> None:
        self._engine = engine
        self._rounds = rounds
        self._ledger = ledger
        self._budget = budget
        self._works_on = works_on
        self._shared = shared
        self._since = rounds.number
        self._proposed: dict[int, tuple[Slots, int]] = {}  # what is missing, and the round's size
        self._begun: set[Key] = set()
        self._places: dict[Key, Proposal] = {}  # of what is evaluated now
        self.nothing_left = False

    def evaluated(self, evaluating: Evaluating) -> Iterator[tuple[Proposal, Evaluated]]:
        """Yield results as evaluations finish: of one round, or of as many as may overlap."""
        group = evaluating.evaluator.group_size
        if self._shared is not None:
            # what this process has no room for is left to others
            room = partial(capacity, evaluating.executor)
            results = evaluating.run_claims(self._shared_claims(self._shared, group), room)
        elif self._engine.ahead and evaluating.executor is not None:
            results = evaluating.run_claims(self._claims(group))
        else:
            results = evaluating.run(self._first())
        for key, result in results:
            yield self._places.pop(key), result

    def _first(self) -> ByPlace:
        """Begin what is missing of the first round that is not complete."""
        for number, archs, size in self._open():
            return self._begin(number, archs, size)
        return {}

    def _claims(self, group: int) -> Iterator[Claim | None]:
        """Begin what may be, round by round; ``None`` while all waits for results."""
        while True:
            for number, archs, size in self._open():
                new = {s: arch for s, arch in archs.items() if (number, s) not in self._begun}
                if new:
                    self._begun.update((number, slot) for slot in new)
                    for part in grouped(self._begin(number, new, size), group):
                        yield Claim(part)
                    break
            else:
                yield None

    def _shared_claims(self, shared: SharedRounds, group: int) -> Iterator[Claim | None]:
        """Begin what no other process does; ``None`` while there is nothing."""
        while True:
            for number, archs, size in self._open():
                for claim in shared.claims(number, archs, group):
                    held = {slot: arch for (_, slot), arch in claim.archs.items()}
                    self._begin(number, held, size)
                    if self._engine.ahead and self._engine.executor is None:
                        shared.step_down()  # others may run ahead meanwhile
                    yield claim
            yield None

    def _open(self) -> Iterator[tuple[int, Slots, int]]:
        """Yield rounds that may be worked on: number, missing architectures, and size."""
        rounds, ledger = self._rounds, self._ledger
        rounds.take(ledger.records)
        first, missing = rounds.number, dict[int, Slots]()
        if rounds.is_over(since=self._since):
            return
        for number in range(first, first + self._engine.ahead + 1):
            before = sum(map(len, missing.values()))
            if self._budget is not None and rounds.spent + before >= self._budget:
                return
            found = self._missing(number, missing)
            if found is None:  # another process proposes
                return
            archs, size = found
            if size == 0:
                self.nothing_left = number == first
                return
            rounds.take(ledger.records)  # which others have made
            left = None if self._budget is None else max(self._budget - rounds.spent - before, 0)
            missing[number] = archs
            yield number, dict(list(archs.items())[:left]), size

    def _missing(self, number: int, before: dict[int, Slots]) -> tuple[Slots, int] | None:
        """Return what is missing of a round, by slot, and the round's size.

        ``None`` while another process proposes it.
        """

        def propose() -> tuple[Slots, int]:
            self._works_on([])
            self._rounds.take(self._ledger.records)  # which others have made
            found = self._engine.unfinished(self._rounds, self._ledger, number, before)
            if self._places:
                self._tell()
            return found

        if self._shared is not None:
            return self._shared.missing(number, propose)
        if number not in self._proposed:
            self._proposed[number] = propose()
        archs, size = self._proposed[number]
        stored = self._rounds.stored_of(number)
        return {slot: arch for slot, arch in archs.items() if slot not in stored}, size

    def _begin(self, number: int, archs: Slots, size: int) -> ByPlace:
        """Note what is evaluated from now on."""
        rows = np.array(list(archs.values()), dtype=np.uint8).reshape(-1, self._engine.space.d)
        for place in proposals(self._engine.space, rows, number, list(archs), size):
            self._places[place.key] = place
        self._tell()
        return {(number, slot): arch for slot, arch in archs.items()}

    def _tell(self) -> None:
        self._works_on([place.string for place in self._places.values()])
