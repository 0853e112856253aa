"""Rounds that several processes evaluate together.

The one that leads proposes a round, as a run alone would, and writes down its places; all claim
places, evaluate them and store what comes out, until none is missing. So the rounds are the same,
however many processes there are, and whoever of them dies.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import numpy as np

from archrank.study.asked import Ledger
from archrank.study.evaluating import Claim
from archrank.study.places import ROUND, Batch
from archrank.study.record import Description, Record
from archrank.study.rounds import Slots
from archrank.study.sharing import Sharing
from archrank.study.storage import TrialStore


class SharedRounds:
    """Rounds of a study, as one of its processes sees them.

    Args:
        sharing: membership of this process.
        store: of the study.
        description: of the run.
        ledger: what this process knows of the run; learns what others have evaluated.
        learnt: called with each evaluation of another process.
    """

    def __init__(
        self,
        sharing: Sharing,
        store: TrialStore,
        description: Description,
        ledger: Ledger,
        learnt: Callable[[Record], None],
    ) -> None:
        self._sharing = sharing
        self._store = store
        self._description = description
        self._ledger = ledger
        self._learnt = learnt

    def missing(
        self, number: int, propose: Callable[[], tuple[Slots, int]]
    ) -> tuple[Slots, int] | None:
        """Return what is missing of a round, by slot, and the round's size.

        What others have evaluated of it is in the ledger then.

        Args:
            number: of the round.
            propose: makes the same of what is known, for the process that leads.

        Returns:
            ``None`` while another process proposes the round.
        """
        batch = Batch(ROUND, number)
        places = self._sharing.places(batch)
        if not places:
            if not self._sharing.leads:
                return None
            archs, size = propose()
            if size == 0:
                return archs, size
            texts = {slot: json.dumps(arch.tolist()) for slot, arch in archs.items()}
            places = self._sharing.open(batch, size, texts)
        done = {slot: place.result for slot, place in places.items() if place.result is not None}
        self._learn(number, done)
        left = {
            slot: np.array(json.loads(place.payload), dtype=np.uint8)
            for slot, place in places.items()
            if slot not in done
        }
        return left, next((place.size for place in places.values()), 0)

    def _learn(self, number: int, done: dict[int, int]) -> None:
        """Take evaluations of a round that others have stored, by slot their trials."""
        new = [trial for slot, trial in done.items() if not self._ledger.holds((number, slot))]
        for record in self._store.read(new, self._description):
            self._sharing.busy()
            self._ledger.take(record)
            self._learnt(record)

    def claims(self, number: int, archs: Slots, group: int) -> Iterator[Claim]:
        """Yield places of a round to evaluate, as long as there are any that nobody holds.

        Args:
            number: of the round.
            archs: what may be evaluated.
            group: architectures that are evaluated in one call.
        """
        last = max(archs, default=-1)
        while found := self._sharing.claim(Batch(ROUND, number), last=last, group=group):
            held = {(number, slot): archs[slot] for slot in found if slot in archs}
            yield Claim(held, max(found.values()))

    def step_down(self) -> None:
        """Let another process propose, while this one is busy with an evaluation."""
        self._sharing.step_down()

    def store(self, record: Record) -> bool:
        """Store an evaluation; False if another process has stored one of the same place."""
        return self._store.settle(record, self._description, Batch(ROUND, record.round))

    def pause(self) -> None:
        """Wait a little for others."""
        self._sharing.pause()
