"""One process among several that work on a study: it shows that it lives, claims places, and waits.

A process that shows no sign of life for :data:`LOST` seconds is taken for dead, and what it held is
open again. Others count the seconds themselves, and anew after an outage of the database, so
clocks need not agree and an outage kills nobody. One on the same machine is known to have ended
at once. Who was taken for dead and lives after all goes on: of two results, the first counts.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType

from archrank.errors import StorageError
from archrank.study.database import Reach
from archrank.study.home import has_ended, home, name_of
from archrank.study.places import LEAD, Batch, Member, Place, Places

BEAT = 5.0  # seconds between signs of life
LOST = 30.0  # seconds without one after which a process is taken for dead
SHORTEST, LONGEST = 0.02, 1.0  # seconds between looks at what others have done
SHARE = 0.1  # of the time waited so far

LEADER = Batch(LEAD, 0)


class Others:
    """Tells who of the processes that work on a study has died."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}  # beats, and since when they are the last
        self._looked = 0.0

    def dead(self, members: Iterable[Member]) -> list[Member]:
        """Return those of ``members`` that have died, as they are seen now."""
        now = time.monotonic()
        if now - self._looked > LOST / 2:
            self.forget()  # this process was held up itself, maybe with others
        self._looked = now
        found = []
        for member in members:
            beat, since = self._seen.get(member.process, (-1, now))
            if beat != member.beat:
                self._seen[member.process] = (member.beat, now)
            if has_ended(member.home) or (beat == member.beat and now - since >= LOST):
                found.append(member)
        return found

    def forget(self) -> None:
        """Begin anew, after a time in which nobody could show that it lives."""
        self._seen.clear()


def wait_until_alone(places: Places, reach: Reach) -> None:
    """Wait until no process works on a study.

    Raises:
        StorageError: one does, and goes on.
    """
    others = Others()
    until = time.monotonic() + LOST + 2 * BEAT
    while members := reach(places.members):
        dead = others.dead(members)
        for member in dead:
            process, died = member.process, member.itself
            reach(lambda process=process, died=died: places.leave(process, died=died))  # type: ignore[misc]
        if len(dead) == len(members):
            return
        if time.monotonic() > until:
            raise StorageError(
                f"{reach.address}: this study is searched now ("
                f"{'; '.join(name_of(m.home) for m in members if m not in dead)}); wait for that "
                "to finish, or stop it"
            )
        time.sleep(LONGEST)


class Sharing:
    """Membership of this process, from the beginning to the end of a ``with`` block.

    Args:
        places: of the study.
        reach: makes calls that need the database.
        itself: whether this process evaluates itself, so that an evaluation may end it.
    """

    def __init__(self, places: Places, reach: Reach, *, itself: bool) -> None:
        self._places = places
        self._reach = reach
        self._me = Member(uuid.uuid4().hex, 0, home(), itself)
        self._leads = False
        self._taken: defaultdict[Batch, set[int]] = defaultdict(set)  # slots, done ones included
        self._idle: float | None = None  # since when it waits for others
        self._others = Others()
        self._ended = threading.Event()
        self._pulse = threading.Thread(target=self._live, name="archrank pulse", daemon=True)

    def __enter__(self) -> Sharing:
        self._reach(self._join)
        self._pulse.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._pulse.join()
        with suppress(Exception):  # without a word to anybody it is taken for dead later
            self._places.leave(self._me.process)

    # ---- life ----------------------------------------------------------------------------------

    def _join(self) -> None:
        self._places.join(self._me)
        self._places.open(LEADER, 1, {0: ""})
        self._bury(self._places.members())

    def _live(self) -> None:
        """Show that this process lives, and see who does not; runs in a thread of its own."""
        while not self._ended.wait(BEAT):
            self._beat()

    def _beat(self) -> None:
        try:
            if not self._places.beat(self._me.process):  # others took it for dead
                self._leads = False
                self._join()
            self._bury(self._places.members())
        except Exception:  # the database is out of reach, for others, too
            self._others.forget()

    def _bury(self, members: Iterable[Member]) -> None:
        """Open what the dead held."""
        for member in self._others.dead(members):
            if member.process != self._me.process:
                self._places.leave(member.process, died=member.itself)

    # ---- work ----------------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """True if this process proposes, which one at a time does."""
        if not self._leads:
            claim = self._places.claim
            self._leads = bool(self._reach(lambda: claim(LEADER, self._me.process, last=0)))
        return self._leads

    def step_down(self) -> None:
        """Let another process propose, while this one is busy with an evaluation."""
        if self._leads:
            self._leads = False
            release, me = self._places.release, self._me.process
            self._reach(lambda: release(LEADER, me))

    def places(self, batch: Batch) -> dict[int, Place]:
        """Return the places of a batch by slot; none if it was not opened."""
        return self._reach(lambda: self._places.places(batch))

    def open(
        self, batch: Batch, size: int, payloads: Mapping[int, str], *, more: bool = False
    ) -> dict[int, Place]:
        """Open places of a batch; see :meth:`.Places.open`."""
        return self._reach(lambda: self._places.open(batch, size, payloads, more=more))

    def claim(self, batch: Batch, *, first: int = 0, last: int, group: int = 1) -> dict[int, int]:
        """Take the first open place that this process has not taken before.

        Whoever was taken for dead may still be at it. See :meth:`.Places.claim`.
        """
        claim, me, known = self._places.claim, self._me.process, self._taken[batch]
        found = self._reach(
            lambda: claim(batch, me, first=first, last=last, group=group, known=known)
        )
        if found:
            known.update(found)
            self._idle = None
        return found

    def close(self, batch: Batch, slot: int) -> None:
        """Write that a place is done whose result is kept elsewhere."""
        self._reach(lambda: self._places.close_one(batch, slot))

    def pause(self) -> None:
        """Wait a little for others, the longer the longer nothing has happened."""
        now = time.monotonic()
        self._idle = now if self._idle is None else self._idle
        time.sleep(min(max(SHARE * (now - self._idle), SHORTEST), LONGEST))

    def busy(self) -> None:
        """Note that something has happened, so that the next pause is short."""
        self._idle = None
