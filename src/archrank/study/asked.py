"""Architectures that somebody else evaluates, and what a run knows altogether."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from archrank.study.proposal import Key, Proposal
from archrank.study.record import Record


@dataclass(frozen=True, kw_only=True)
class Asked(Proposal):
    """An architecture that was asked for, and of which nothing has been told yet.

    Attributes:
        since: when it was asked for.
    """

    since: datetime = field(default_factory=datetime.now)

    @property
    def values(self) -> dict[str, float]:
        """Return metrics that are known: none."""
        return {}


class Ledger:
    """Evaluations of a run, and the places of its rounds that are open.

    A place of a round holds an evaluation, or an architecture that was asked for, or it was given
    up. Places of a round that :meth:`.Study.run` was stopped in hold nothing: they are proposed
    again.

    Args:
        records: evaluations, in proposal order.
        asked: what awaits an answer.
        forgotten: places that were given up, and the sizes of their rounds.
        closed: rounds that stay unfinished, since an evaluation before them was replaced.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        asked: Iterable[Asked] = (),
        forgotten: Iterable[tuple[Key, int]] = (),
        closed: Iterable[int] = (),
    ) -> None:
        self.records = list(records)
        self.asked = {each.key: each for each in asked}
        self.closed = set(closed)
        self._keys = {record.key for record in self.records}
        self._given_up: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for (number, slot), size in forgotten:
            self._given_up[number][slot] = size

    def holds(self, key: Key) -> bool:
        """Tell whether an evaluation of this place is known."""
        return key in self._keys

    def take(self, record: Record) -> None:
        """Add an evaluation: of what was asked for, a further one, or in place of another."""
        if self.asked.pop(record.key, None) is None and record.key in self._keys:
            self.records[:] = [r for r in self.records if r.key != record.key]
        self._keys.add(record.key)
        self.records.append(record)

    def forget(self, asked: Asked) -> None:
        """Give a place up."""
        del self.asked[asked.key]
        self._given_up[asked.round][asked.slot] = asked.round_size

    def given_up(self, number: int) -> set[int]:
        """Return the slots of a round that were given up."""
        return set(self._given_up.get(number, ()))

    def is_complete(self, number: int, found: dict[int, Record]) -> bool:
        """Tell whether a round of which ``found`` is evaluated, by slot, has no open place."""
        if number in self.closed:
            return all(round_ != number for round_, _ in self.asked)
        lost = self._given_up.get(number, {})
        size = next(iter(found.values())).round_size if found else next(iter(lost.values()), -1)
        return len(found) + len(lost) == size

    @property
    def next_round(self) -> int:
        """Number after all rounds that have a place."""
        last = max((r.round for r in self.records), default=-1)
        return 1 + max([last, *(each.round for each in self.asked.values()), *self._given_up])

    def waiting(self, number: int) -> dict[int, Asked]:
        """Return what was asked for in a round and awaits an answer, by slot."""
        return {slot: each for (round_, slot), each in self.asked.items() if round_ == number}
