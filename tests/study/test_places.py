"""The tables of places: one at a time holds a place, and it is done once, whatever happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from archrank.study.places import PLACES, PROCESSES, Batch, Member, Places

BATCH = Batch("round", 3)


@pytest.fixture(params=["memory", "postgres"])
def storage(request: pytest.FixtureRequest) -> Iterator[RDBStorage]:
    if request.param == "memory":
        one = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        found = RDBStorage("sqlite://", engine_kwargs=one)
    else:
        found = RDBStorage(request.getfixturevalue("database"))
    yield found
    found.engine.dispose()


@pytest.fixture
def places(storage: RDBStorage) -> Places:
    return a_study(storage)


def a_study(storage: RDBStorage) -> Places:
    return Places(storage.engine, storage.create_new_study([StudyDirection.MAXIMIZE]))


def member(name: str, *, itself: bool = True) -> Member:
    return Member(name, 0, f"home of {name}", itself)


def finish(places: Places, batch: Batch, slot: int, result: int) -> bool:
    """Store a result as a run does; False if there is one."""
    with Session(places._engine) as session, session.begin():
        places.lock(session)
        if not places.is_open(session, batch, slot):
            return False
        places.close(session, batch, slot, result)
        return True


def test_places_of_a_batch(places: Places) -> None:
    assert places.places(BATCH) == {}
    assert places.claim(BATCH, "a", last=9) == {}
    first = places.open(BATCH, 5, {1: "one", 4: "four"})
    assert {slot: (each.size, each.payload) for slot, each in first.items()} == {
        1: (5, "one"),
        4: (5, "four"),
    }
    assert places.open(BATCH, 9, {0: "others propose the same, or are wrong"}) == first
    assert sorted(places.open(BATCH, 5, {1: "", 2: "two"}, more=True)) == [1, 2, 4]
    assert places.places(BATCH)[1].payload == "one"
    assert places.places(Batch("round", 4)) == places.places(Batch("repeat 1", 3)) == {}


def test_what_is_claimed(places: Places) -> None:
    for name in "ab":
        places.join(member(name))
    places.open(BATCH, 8, dict.fromkeys(range(8), ""))
    assert places.claim(BATCH, "a", first=1, last=6) == {1: 0}
    assert places.claim(BATCH, "b", last=6) == {0: 0}
    near = places.claim(BATCH, "b", last=6, group=4, known=[0])
    assert near == {2: 0, 3: 0}  # up to the next multiple of 4
    assert places.claim(BATCH, "a", last=6, group=4, known=[1]) == {4: 0, 5: 0, 6: 0}
    assert places.claim(BATCH, "a", last=6, known=[1, 4, 5, 6]) == {}
    assert places.claim(BATCH, "b", last=7, known=[0, 2, 3]) == {7: 0}


def test_an_answer_that_was_lost(places: Places) -> None:
    """The claim was made, but a connection broke: it is made again, and finds the same."""
    places.join(member("a"))
    places.open(BATCH, 3, dict.fromkeys(range(3), ""))
    assert places.claim(BATCH, "a", last=2) == {0: 0}
    assert places.claim(BATCH, "a", last=2, known=[]) == {0: 0}
    assert places.claim(BATCH, "a", last=2, known=[0]) == {1: 0}


@pytest.mark.parametrize("died", [False, True])
def test_deaths_are_counted_once(places: Places, died: bool) -> None:
    for name in "ab":
        places.join(member(name))
    places.open(BATCH, 2, {0: "", 1: ""})
    assert places.claim(BATCH, "a", last=0) == {0: 0}
    assert places.claim(BATCH, "b", last=1) == {1: 0}
    assert finish(places, BATCH, 1, 7)
    for _ in range(2):  # two others notice it
        places.leave("a", died=died)
    places.leave("b", died=True)  # it holds nothing but what is done
    found = places.places(BATCH)
    assert [(each.process, each.deaths, each.result) for each in found.values()] == [
        (None, int(died), None),
        ("b", 0, 7),
    ]


def test_who_was_taken_for_dead_claims_and_dies(places: Places) -> None:
    places.join(member("a"))
    places.open(BATCH, 1, {0: ""})
    places.leave("a", died=True)
    assert not places.beat("a")
    assert places.claim(BATCH, "a", last=0) == {0: 0}
    places.join(member("b"))
    assert places.claim(BATCH, "b", last=0) == {0: 0}
    places.join(member("a"))  # it lives after all
    assert places.claim(BATCH, "a", last=0, known=[0]) == {}
    assert places.beat("a")
    assert {m.process: m.beat for m in places.members()} == {"a": 1, "b": 0}


def test_a_process_is_known_once(places: Places) -> None:
    places.join(member("a"))
    assert places.beat("a")
    places.join(member("a", itself=False))
    assert places.members() == [Member("a", 1, "home of a", True)]
    places.leave("a")
    assert places.members() == []


def test_places_are_forgotten_only_while_nobody_works(places: Places) -> None:
    places.open(BATCH, 1, {0: ""})
    places.join(member("a"))
    for is_alone in (False, True):
        with Session(places._engine) as session, session.begin():
            assert places.clear(session) == is_alone
        assert len(places.places(BATCH)) == (not is_alone)
        places.leave("a")


def test_studies_of_one_database(storage: RDBStorage) -> None:
    one, other = a_study(storage), a_study(storage)
    one.open(BATCH, 1, {0: "one"})
    one.join(member("a"))
    assert other.places(BATCH) == {}
    assert other.members() == []
    assert not other.beat("a")
    other.leave("a", died=True)
    other.open(BATCH, 1, {0: "other"})
    assert one.claim(BATCH, "a", last=0) == other.claim(BATCH, "a", last=0) == {0: 0}
    with Session(storage.engine) as session, session.begin():
        other.clear(session)
    assert one.places(BATCH)[0].process == "a"


def test_a_study_that_is_deleted_takes_its_places_along(database: str) -> None:
    storage = RDBStorage(database)
    places = a_study(storage)
    places.join(member("a"))
    places.open(BATCH, 1, {0: ""})
    storage.delete_study(places._study_id)
    with Session(storage.engine) as session:
        for table in (PLACES, PROCESSES):
            assert session.execute(select(func.count()).select_from(table)).scalar_one() == 0
    storage.engine.dispose()


def test_many_at_a_time(database: str) -> None:
    """Real transactions that meet: every place is given to one, and done once."""
    storage = RDBStorage(database, engine_kwargs={"pool_size": 8})
    places = a_study(storage)
    names = [f"p{i}" for i in range(8)]

    def work(name: str) -> tuple[list[int], list[int]]:
        taken: list[int] = []
        won: list[int] = []
        places.join(member(name))
        places.open(BATCH, 60, dict.fromkeys(range(60), name))
        while found := places.claim(BATCH, name, last=59, group=3, known=taken):
            taken += found
            assert len(found) == 3  # nobody has taken a part of it
            won += [slot for slot in found if finish(places, BATCH, slot, 1)]
            won += [slot for slot in found if finish(places, BATCH, slot, 2)]
        return taken, won

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(work, names))
    assert sorted(slot for taken, _ in found for slot in taken) == list(range(60))
    assert sorted(slot for _, won in found for slot in won) == list(range(60))
    assert len({each.payload for each in places.places(BATCH).values()}) == 1
    storage.engine.dispose()


def test_tables_that_several_create(database: str) -> None:
    storage = RDBStorage(database)
    study = storage.create_new_study([StudyDirection.MAXIMIZE])
    late: list[Any] = []

    def refused(connection: Any, *rest: Any) -> None:
        """Let another one create a table between looking and creating."""
        if "CREATE TABLE archrank_processes" in rest[1] and not late:
            late.append(Places(other.engine, study))

    other = RDBStorage(database)
    event.listen(storage.engine, "before_cursor_execute", refused)
    places = Places(storage.engine, study)
    assert late
    assert places.members() == []
    for each in (storage, other):
        each.engine.dispose()


# ---- any order of events -------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c"])
BATCHES = st.sampled_from([Batch("round", 0), Batch("round", 1), Batch("repeat 1", 0)])


class Events(RuleBasedStateMachine):
    """Three processes that join, work, pause, and die in any order.

    What a process believes that it evaluates is kept apart from the tables: who is taken for dead
    goes on, and an answer of the database may be lost.
    """

    storage: RDBStorage

    @initialize()
    def begin(self) -> None:
        self.places = a_study(self.storage)
        self.opened: dict[Batch, set[int]] = {}
        self.done: dict[tuple[Batch, int], int] = {}
        self.known: dict[str, dict[Batch, set[int]]] = {n: defaultdict(set) for n in "abc"}
        self.results = 0

    def at_work(self) -> set[str]:
        return {each.process for each in self.places.members()}

    @rule(name=NAMES)
    def join(self, name: str) -> None:
        self.places.join(member(name))
        assert name in self.at_work()

    @rule(name=NAMES)
    def beat(self, name: str) -> None:
        assert self.places.beat(name) == (name in self.at_work())

    @rule(batch=BATCHES, slots=st.sets(st.integers(0, 5), min_size=1), more=st.booleans())
    def open(self, batch: Batch, slots: set[int], more: bool) -> None:
        found = self.places.open(batch, 6, dict.fromkeys(slots, ""), more=more)
        before = self.opened.get(batch, set())
        self.opened[batch] = before | slots if more or not before else before
        assert set(found) == self.opened[batch]

    @rule(name=NAMES, batch=BATCHES, group=st.sampled_from([1, 2, 4]), is_lost=st.booleans())
    def claim(self, name: str, batch: Batch, group: int, is_lost: bool) -> None:
        known, at_work = self.known[name][batch], self.at_work()
        open_ = [
            slot
            for slot, place in self.places.places(batch).items()
            if (batch, slot) not in self.done
            and (place.process in (None, name) or place.process not in at_work)
            and slot not in known
        ]
        found = self.places.claim(batch, name, last=5, group=group, known=known)
        first = [slot for slot in open_ if slot // group == open_[0] // group]
        assert sorted(found) == first
        assert {self.places.places(batch)[slot].process for slot in found} <= {name}
        if not is_lost:
            known |= set(found)

    @precondition(lambda self: any(any(k.values()) for k in self.known.values()))
    @rule(name=NAMES, data=st.data())
    def finish(self, name: str, data: st.DataObject) -> None:
        mine = sorted((b, s) for b, slots in self.known[name].items() for s in slots)
        if not mine:
            return
        place = data.draw(st.sampled_from(mine))
        self.results += 1
        assert finish(self.places, *place, self.results) == (place not in self.done)
        self.done.setdefault(place, self.results)

    @rule(name=NAMES, is_seen=st.booleans(), goes_on=st.booleans())
    def end(self, name: str, is_seen: bool, goes_on: bool) -> None:
        """End a process by its own will, by death, or in the eyes of others alone."""
        held = self.held(name)
        deaths = self.deaths()
        counts = is_seen and name in self.at_work()
        self.places.leave(name, died=is_seen)
        if not goes_on:
            self.known[name].clear()
        assert name not in self.at_work()
        assert self.held(name) == set()
        assert self.deaths() == {p: n + (counts and p in held) for p, n in deaths.items()}

    def held(self, name: str) -> set[tuple[Batch, int]]:
        return {
            (batch, slot)
            for batch in self.opened
            for slot, place in self.places.places(batch).items()
            if place.process == name and place.result is None
        }

    def deaths(self) -> dict[tuple[Batch, int], int]:
        return {
            (batch, slot): place.deaths
            for batch in self.opened
            for slot, place in self.places.places(batch).items()
        }

    @invariant()
    def what_is_done_stays_done(self) -> None:
        found = {
            (batch, slot): place.result
            for batch in getattr(self, "opened", {})
            for slot, place in self.places.places(batch).items()
            if place.result is not None
        }
        assert found == getattr(self, "done", {})

    def teardown(self) -> None:
        """Whatever has happened: when all have died, one more does what is left, and that alone."""
        for name in self.at_work():
            self.places.leave(name, died=True)
        self.places.join(member("last"))
        for batch, slots in self.opened.items():
            taken: set[int] = set()
            while found := self.places.claim(batch, "last", last=5, known=taken):
                taken |= set(found)
            assert taken == {slot for slot in slots if (batch, slot) not in self.done}


def test_any_order_of_events(storage: RDBStorage) -> None:
    is_server = storage.engine.dialect.name == "postgresql"

    class Here(Events):
        pass

    Here.storage = storage
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20 if is_server else 40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
