"""Places of a study that several processes work on, and who holds which: tables of its database.

A place is one piece of work: slot 3 of round 5, repetition 2 of batch 0. It is open, held by a
process, or done, and it is done once, by whoever finishes first. These tables say what is being
done now; what came out is in Optuna's. So they may be emptied whenever nobody works.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

ROUND, REPEAT, CONFIRM, LEAD = "round", "repeat", "confirm", "lead"  # phases of a run
TRIES = 20  # to create tables while other processes do the same

_METADATA = MetaData()
_STUDIES = Table("studies", _METADATA, Column("study_id", Integer, primary_key=True))  # Optuna's


def _study() -> Column[int]:
    return Column("study_id", ForeignKey("studies.study_id", ondelete="CASCADE"), primary_key=True)


PROCESSES = Table(
    "archrank_processes",
    _METADATA,
    _study(),
    Column("process", String(64), primary_key=True),
    Column("beat", Integer, nullable=False),
    Column("home", Text, nullable=False),
    Column("itself", Boolean, nullable=False),
)
PLACES = Table(
    "archrank_places",
    _METADATA,
    _study(),
    Column("phase", String(16), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("process", String(64)),
    Column("deaths", Integer, nullable=False),
    Column("result", Integer),
)


class Batch(NamedTuple):
    """Work that is divided among processes: a round, or a batch of repetitions.

    Attributes:
        phase: kind of work.
        number: of the round or batch.
    """

    phase: str
    number: int


@dataclass(frozen=True)
class Place:
    """One piece of work.

    Attributes:
        slot: its number in the batch.
        size: of the whole batch.
        payload: what is to be done, as text.
        process: who holds it; ``None`` if nobody does.
        deaths: processes in a row that died while they evaluated it, or beside it, themselves.
        result: identifier of the trial with its result, 0 for what is kept elsewhere; ``None``
            while it is not done.
    """

    slot: int
    size: int
    payload: str
    process: str | None
    deaths: int
    result: int | None


@dataclass(frozen=True)
class Member:
    """A process that works on a study.

    Attributes:
        process: its name.
        beat: number that grows as long as it lives.
        home: where it runs, as text.
        itself: whether it evaluates in its own process, which an evaluation can end.
    """

    process: str
    beat: int
    home: str
    itself: bool


class Places:
    """The two tables, for one study; every method is one transaction.

    Args:
        engine: of the database.
        study_id: of the study, in Optuna's tables.

    Raises:
        Exception: whatever the database raises, here and from every method.
    """

    def __init__(self, engine: Engine, study_id: int) -> None:
        self._engine = engine
        self._study_id = study_id
        for _ in range(TRIES - 1):  # processes that create the same table get into each other's way
            with suppress(IntegrityError, OperationalError, ProgrammingError):
                _METADATA.create_all(engine, [PROCESSES, PLACES])
                return
            time.sleep(0.05)
        _METADATA.create_all(engine, [PROCESSES, PLACES])

    def _session(self) -> Session:
        return Session(self._engine)

    def lock(self, session: Session) -> None:
        """Keep out others who write evaluations, or open batches, until the transaction ends."""
        mine = select(_STUDIES).where(_STUDIES.c.study_id == self._study_id)
        session.execute(mine.with_for_update())

    # ---- processes -----------------------------------------------------------------------------

    def join(self, member: Member) -> None:
        """Add a process."""
        with self._session() as session, session.begin():
            self.lock(session)
            known = session.execute(
                select(PROCESSES.c.beat).where(*self._of(member.process))
            ).first()
            if known is None:
                session.execute(insert(PROCESSES).values(study_id=self._study_id, **vars(member)))

    def beat(self, process: str) -> bool:
        """Tell that a process lives; False if others take it for dead."""
        with self._session() as session, session.begin():
            beat = PROCESSES.c.beat + 1
            done = session.execute(update(PROCESSES).where(*self._of(process)).values(beat=beat))
            return bool(done.rowcount)  # type: ignore[attr-defined]

    def members(self) -> list[Member]:
        """Return the processes that work on the study."""
        columns = (PROCESSES.c.process, PROCESSES.c.beat, PROCESSES.c.home, PROCESSES.c.itself)
        with self._session() as session:
            rows = session.execute(select(*columns).where(PROCESSES.c.study_id == self._study_id))
            return [Member(*row) for row in rows]

    def leave(self, process: str, *, died: bool = False) -> None:
        """Remove a process, and open the places that it holds.

        Args:
            process: its name.
            died: whether it may have died of what it evaluated, which is counted then.
        """
        with self._session() as session, session.begin():
            gone = session.execute(delete(PROCESSES).where(*self._of(process)))
            counts = int(died and bool(gone.rowcount))  # type: ignore[attr-defined]
            held = (
                PLACES.c.study_id == self._study_id,
                PLACES.c.process == process,
                PLACES.c.result.is_(None),
            )
            values = {"process": None, "deaths": PLACES.c.deaths + counts}
            session.execute(update(PLACES).where(*held).values(values))

    # ---- places --------------------------------------------------------------------------------

    def open(
        self, batch: Batch, size: int, payloads: Mapping[int, str], *, more: bool = False
    ) -> dict[int, Place]:
        """Open the places of a batch, unless somebody has, and return those that there are.

        Args:
            batch: the work.
            size: of the whole batch.
            payloads: what is to be done, by slot.
            more: whether places are added to a batch that was opened.
        """
        with self._session() as session, session.begin():
            self.lock(session)
            found = self._places(session, batch)
            payloads = {slot: text for slot, text in payloads.items() if slot not in found}
            if payloads and (more or not found):
                shared = {"study_id": self._study_id, **batch._asdict(), "size": size, "deaths": 0}
                rows = [{**shared, "slot": s, "payload": text} for s, text in payloads.items()]
                session.execute(insert(PLACES), rows)
                found = self._places(session, batch)
            return found

    def places(self, batch: Batch) -> dict[int, Place]:
        """Return the places of a batch by slot; none if it was not opened."""
        with self._session() as session:
            return self._places(session, batch)

    def _places(self, session: Session, batch: Batch) -> dict[int, Place]:
        c = PLACES.c
        columns = (c.slot, c.size, c.payload, c.process, c.deaths, c.result)
        rows = session.execute(select(*columns).where(*self._in(batch)).order_by(c.slot))
        return {row[0]: Place(*row) for row in rows}

    def claim(
        self,
        batch: Batch,
        process: str,
        *,
        first: int = 0,
        last: int,
        group: int = 1,
        known: Collection[int] = (),
    ) -> dict[int, int]:
        """Take the first open place for a process, and those that are evaluated with it.

        What somebody holds who was removed is open, too: whoever was taken for dead, and takes a
        place before it notices, may die then.

        Args:
            batch: the work.
            process: who takes it.
            first: slots before this one are left alone.
            last: slots beyond this one are, too.
            group: how many neighbours are evaluated in one call.
            known: slots that the process has taken before, and knows of; they are left alone.
                Others that it holds are given again, since it was never told of them.

        Returns:
            ``{slot: deaths}``; empty if nothing is open.
        """
        c = PLACES.c
        at_work = select(PROCESSES.c.process).where(PROCESSES.c.study_id == self._study_id)
        is_free = or_(c.process.is_(None), c.process == process, c.process.not_in(at_work))
        free = (*self._in(batch), c.result.is_(None), is_free, c.slot.not_in(known))
        with self._session() as session, session.begin():
            if group > 1:  # or another process takes a neighbour before this one does
                self.lock(session)
            query = select(c.slot, c.deaths).where(*free, c.slot >= first, c.slot <= last)
            query = query.order_by(c.slot).with_for_update(skip_locked=True)
            row = session.execute(query.limit(1)).first()
            if row is None:
                return {}
            found = {row.slot: row.deaths}
            if group > 1:
                end = row.slot - row.slot % group + group
                near = query.where(c.slot > row.slot, c.slot < end)
                found |= {row.slot: row.deaths for row in session.execute(near)}
            taken = (*self._in(batch), c.slot.in_(found))
            session.execute(update(PLACES).where(*taken).values(process=process))
            return found

    def release(self, batch: Batch, process: str) -> None:
        """Open again what a process holds of a batch and has not finished."""
        held = (*self._in(batch), PLACES.c.process == process, PLACES.c.result.is_(None))
        with self._session() as session, session.begin():
            session.execute(update(PLACES).where(*held).values(process=None))

    def is_open(self, session: Session, batch: Batch, slot: int) -> bool:
        """Tell whether a place awaits its result, whoever holds it; call :meth:`lock` before."""
        c = PLACES.c
        wanted = (*self._in(batch), c.slot == slot, c.result.is_(None))
        return session.execute(select(c.slot).where(*wanted)).first() is not None

    def close(self, session: Session, batch: Batch, slot: int, result: int = 0) -> None:
        """Write that a place is done, and the identifier of its trial."""
        place = (*self._in(batch), PLACES.c.slot == slot)
        session.execute(update(PLACES).where(*place).values(result=result))

    def close_one(self, batch: Batch, slot: int) -> None:
        """Write that a place is done whose result is kept elsewhere."""
        with self._session() as session, session.begin():
            self.close(session, batch, slot)

    def clear(self, session: Session) -> bool:
        """Forget all places, since somebody else changes what they follow from.

        False, and nothing is forgotten, while a process works on the study.
        """
        at_work = select(func.count()).where(PROCESSES.c.study_id == self._study_id)
        if session.execute(at_work).scalar_one():
            return False
        session.execute(delete(PLACES).where(PLACES.c.study_id == self._study_id))
        return True

    def _of(self, process: str) -> tuple[ColumnElement[bool], ...]:
        return PROCESSES.c.study_id == self._study_id, PROCESSES.c.process == process

    def _in(self, batch: Batch) -> tuple[ColumnElement[bool], ...]:
        c = PLACES.c
        return c.study_id == self._study_id, c.phase == batch.phase, c.number == batch.number
