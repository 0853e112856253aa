"""The end of a run: its best are trained again, and what is best is measured more carefully.

Where several processes work on a study, each decides what is to be done, which follows from what
is stored, and one does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from archrank.evaluators.base import Evaluator
from archrank.jobs import IN_FLIGHT
from archrank.spaces.base import Space
from archrank.study.confirming import Confirming
from archrank.study.evaluating import capacity
from archrank.study.kept import Kept
from archrank.study.objectives import Goals
from archrank.study.places import CONFIRM, REPEAT, Batch
from archrank.study.recommending import recommend
from archrank.study.record import Record
from archrank.study.repeating import Planned, Repeating
from archrank.study.results import Results
from archrank.study.sharing import Sharing


@dataclass(frozen=True)
class Afterwards:
    """The end of a run.

    Attributes:
        space: of the run.
        evaluator: of the run, bound to its space.
        goals: of the run.
        executor: where to measure; ``None`` is this process.
        kept: what the run keeps beside its evaluations.
        results: returns the results as they are stored now.
        sharing: membership among other processes; ``None`` without others.
    """

    space: Space
    evaluator: Evaluator
    goals: Goals
    executor: Executor | None
    kept: Kept
    results: Callable[[], Results]
    sharing: Sharing | None

    def repeat(self, total: int) -> None:
        """Train what may be best again, until there are ``total`` repetitions."""
        repeating = Repeating(self.evaluator, self.goals, self.executor)
        while batch := repeating.next_batch(self.results(), total):
            self._finish(repeating, batch)

    def _finish(self, repeating: Repeating, batch: Sequence[Planned]) -> None:
        """Make repetitions, or wait for those that other processes make."""
        sharing = self.sharing
        if sharing is None:
            for repetition in repeating.measure(batch, IN_FLIGHT):
                self.kept.repeat(repetition)
            return
        left = list(batch)
        while left:
            mine = (
                each
                for each in left
                if self._is_mine(sharing, *_place(each.number, each.record.key))
            )
            for repetition in repeating.measure(mine, capacity(self.executor)):
                self.kept.repeat(repetition)
                sharing.close(*_place(repetition.number, repetition.key))
                sharing.busy()
            made = {(each.key, each.number) for each in self.kept.repetitions()}
            left = [each for each in left if (each.record.key, each.number) not in made]
            if left:
                sharing.pause()

    def _is_mine(self, sharing: Sharing, batch: Batch, slot: int) -> bool:
        """Tell whether this process is the one to do a piece of work."""
        sharing.open(batch, 1, {slot: ""}, more=True)
        return bool(sharing.claim(batch, first=slot, last=slot))

    def confirm(self) -> Iterator[str]:
        """Decide what is best, and measure it once more, until that changes nothing.

        Yields:
            What was found.
        """
        confirming = Confirming(self.evaluator, self.goals, self.executor)
        while True:
            self.kept.recommend(recommend(self.results(), self.space, self.evaluator))
            known = self.kept.confirmed() if confirming.parts else {}
            finalists = confirming.finalists(self.results()) if confirming.parts else []
            new = [r for r in finalists if r.key not in known]
            if not new:
                return
            yield confirming.told(new[0], self._measured(confirming, new[0]))

    def _measured(self, confirming: Confirming, record: Record) -> dict[str, float]:
        """Return the metrics of a record that this process, or another one, measured once more."""
        number, slot = record.key
        place = Batch(CONFIRM, number), slot
        while (known := self.kept.confirmed()).get(record.key) is None:
            if self.sharing is None:
                self.kept.confirm(record.key, confirming.measure(record))
            elif self._is_mine(self.sharing, *place):
                self.kept.confirm(record.key, confirming.measure(record))
                self.sharing.close(*place)
            else:
                self.sharing.pause()
        return known[record.key]


def _place(repetition: int, key: tuple[int, int]) -> tuple[Batch, int]:
    """Return the place of a repetition of the record ``key``."""
    number, slot = key
    return Batch(f"{REPEAT} {repetition}", number), slot
