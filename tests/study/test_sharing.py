"""One process among several: who has died, by a clock that the tests set; answers that are lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from archrank.errors import StorageError
from archrank.study import database, sharing
from archrank.study.address import Address
from archrank.study.database import Reach
from archrank.study.home import home
from archrank.study.places import Batch, Member, Places
from archrank.study.sharing import LOST, Others, Sharing, wait_until_alone

BATCH = Batch("round", 0)
ELSEWHERE = json.dumps({"host": "far", "pid": 12, "boot": "b", "namespace": "n", "started": "1"})


class Clock:
    """Time that passes when it is told to, or is slept through."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.meanwhile()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (sharing, database):
        monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def places() -> Iterator[Places]:
    one = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    storage = RDBStorage("sqlite://", engine_kwargs=one)
    yield Places(storage.engine, storage.create_new_study([StudyDirection.MAXIMIZE]))
    storage.engine.dispose()


def far(name: str, beat: int = 0) -> Member:
    return Member(name, beat, ELSEWHERE, True)


def names(members: list[Member]) -> list[str]:
    return [member.process for member in members]


# ---- who has died --------------------------------------------------------------------------------


def test_silence(clock: Clock) -> None:
    others = Others()
    found = []
    for second in range(0, 60, 5):
        clock.now = 1000.0 + second
        found.append(names(others.dead([far("lives", second), far("silent", 7)])))
    assert found == [[]] * 6 + [["silent"]] * 6  # from the 30th second on


def test_one_sign_of_life_is_enough(clock: Clock) -> None:
    others = Others()
    for second in range(0, 200, 10):
        clock.now = 1000.0 + second
        assert others.dead([far("slow", second // 20)]) == []
    clock.now += 10
    assert others.dead([far("slow", 9)]) == []
    clock.now += 10
    assert names(others.dead([far("slow", 9)])) == ["slow"]


def test_who_is_seen_first_has_its_time(clock: Clock) -> None:
    """Whoever joins late cannot know for how long another one has been silent."""
    others = Others()
    clock.now += 1e6
    assert others.dead([far("a")]) == []
    clock.now += 10
    assert others.dead([far("a")]) == []


@pytest.mark.parametrize("hold_up", [LOST / 2 + 1, 60.0, 1e6])
def test_who_was_held_up_itself_kills_nobody(clock: Clock, hold_up: float) -> None:
    """It paused, or the machine slept: others may have, too, and are counted anew."""
    others = Others()
    for _ in range(3):
        assert others.dead([far("a")]) == []
        clock.now += 5
    clock.now += hold_up
    assert others.dead([far("a")]) == []
    for _ in range(5):
        clock.now += 5
        assert others.dead([far("a")]) == []
    clock.now += 5
    assert names(others.dead([far("a")])) == ["a"]


def test_an_outage_kills_nobody(clock: Clock) -> None:
    others = Others()
    for _ in range(6):
        others.dead([far("a")])
        clock.now += 4.9
    others.forget()  # the database could not be reached
    assert others.dead([far("a")]) == []


def test_one_of_the_same_machine_is_known_to_have_ended_at_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "has_ended", lambda text: text == "ended")
    others = Others()
    members = [Member("a", 0, "ended", False), Member("b", 0, home(), False)]
    assert names(others.dead(members)) == ["a"]


# ---- waiting until nobody works ------------------------------------------------------------------


def test_waiting_for_one_that_ends(clock: Clock, places: Places) -> None:
    places.join(far("a"))

    def meanwhile() -> None:
        places.beat("a")
        if clock.now > 1007:
            places.leave("a")

    clock.meanwhile = meanwhile
    wait_until_alone(places, Reach(None))
    assert places.members() == []
    assert sum(clock.slept) < 10


def test_waiting_for_one_that_is_dead(clock: Clock, places: Places) -> None:
    places.join(far("a"))
    places.open(BATCH, 1, {0: ""})
    places.claim(BATCH, "a", last=0)
    wait_until_alone(places, Reach(None))
    assert places.members() == []
    assert places.places(BATCH)[0].process is None
    assert places.places(BATCH)[0].deaths == 1
    assert LOST <= sum(clock.slept) < LOST + 5


def test_waiting_for_one_that_goes_on(clock: Clock, places: Places) -> None:
    places.join(far("a"))
    clock.meanwhile = lambda: places.beat("a")
    reach = Reach(Address.of("postgresql://me@host/runs"))
    with pytest.raises(StorageError, match=r"host/runs: this .* now \(far, process 12\); wait"):
        wait_until_alone(places, reach)
    assert sum(clock.slept) < 60


# ---- membership ----------------------------------------------------------------------------------


def joined(places: Places, reach: Reach | None = None, *, itself: bool = False) -> Sharing:
    """Join without a thread that shows signs of life: the tests do."""
    found = Sharing(places, reach or Reach(None), itself=itself)
    found._join()
    return found


def test_a_block_of_with(places: Places) -> None:
    with Sharing(places, Reach(None), itself=True) as found:
        assert found.leads
        (me,) = places.members()
        assert me.itself
        found.open(BATCH, 2, {0: "", 1: ""})
        assert found.claim(BATCH, last=1) == {0: 0}
        pulse = found._pulse
        assert pulse.is_alive()
    assert not pulse.is_alive()
    assert places.members() == []
    assert places.places(BATCH)[0] == places.places(BATCH)[1].__class__(0, 2, "", None, 0, None)


def test_one_leads_and_another_follows(places: Places) -> None:
    one, other = joined(places), joined(places)
    assert one.leads
    assert one.leads
    assert not other.leads
    places.leave(one._me.process)
    assert other.leads
    one._beat()  # finds out that it was taken for dead
    assert not one.leads
    places.leave(other._me.process)
    assert one.leads


def test_the_silent_are_buried(places: Places, clock: Clock) -> None:
    places.join(far("a"))
    places.open(BATCH, 1, {0: ""})
    places.claim(BATCH, "a", last=0)
    one = joined(places)
    for _ in range(5):
        clock.now += 5
        one._beat()
    assert one.claim(BATCH, last=0) == {}
    clock.now += 5
    one._beat()
    assert one.claim(BATCH, last=0) == {0: 1}  # the process evaluated it itself
    assert names(places.members()) == [one._me.process]


def test_an_outage_of_the_database(
    places: Places, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.join(far("a"))
    one = joined(places)
    real = places.beat

    def gone(process: str) -> bool:
        raise OperationalError("", {}, Exception("server closed the connection"))

    for second in range(0, 80, 5):
        monkeypatch.setattr(places, "beat", gone if 20 <= second < 30 else real)
        clock.now += 5
        one._beat()
        assert ("a" in names(places.members())) == (second < 60)


def test_who_comes_back_takes_nothing_twice(places: Places) -> None:
    """It was taken for dead while it evaluated, and still does when there is room for more."""
    one = joined(places)
    one.open(BATCH, 3, dict.fromkeys(range(3), ""))
    assert one.claim(BATCH, last=2) == {0: 0}
    places.leave(one._me.process, died=True)
    one._beat()
    assert names(places.members()) == [one._me.process]
    assert one.claim(BATCH, last=2) == {1: 0}
    other = joined(places)
    assert other.claim(BATCH, last=2) == {0: 1}


class Losing:
    """Loses the answer to a call: what it did is done."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call, self.lost = call, 0

    def __call__(self, *args: Any, **options: Any) -> Any:
        found = self.call(*args, **options)
        if self.lost == 0:
            self.lost = 1
            raise OperationalError("", {}, Exception("server closed the connection"))
        return found


@pytest.mark.usefixtures("clock")
def test_answers_that_are_lost(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that is made again finds what it has done, and nothing is left over."""
    losing = {name: Losing(getattr(places, name)) for name in ("join", "open", "claim")}
    for name, call in losing.items():
        monkeypatch.setattr(places, name, call)
    one = Sharing(places, Reach(None, patient=True), itself=False)
    one._reach(one._join)
    losing["open"].lost = 0
    assert one.leads
    one.open(BATCH, 2, {0: "", 1: ""})
    losing["claim"].lost = 0
    assert one.claim(BATCH, last=1) == {0: 0}
    losing["claim"].lost = 0
    assert one.claim(BATCH, last=1) == {1: 0}
    assert one.claim(BATCH, last=1) == {}
    assert names(places.members()) == [one._me.process]
    assert all(call.lost for call in losing.values())


def test_pauses_grow_and_are_short_again(places: Places, clock: Clock) -> None:
    one = joined(places)
    one.open(BATCH, 1, {0: ""})
    for _ in range(100):
        one.pause()
    assert clock.slept == sorted(clock.slept)
    assert (clock.slept[0], clock.slept[-1]) == (sharing.SHORTEST, sharing.LONGEST)
    one.busy()
    one.pause()
    assert clock.slept[-1] == sharing.SHORTEST
    for _ in range(100):
        one.pause()
    assert one.claim(BATCH, last=0)
    one.pause()
    assert clock.slept[-1] == sharing.SHORTEST
