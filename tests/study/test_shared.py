"""One study that several processes search together: the same as alone, whoever dies.

Processes are threads here, each with a study of its own, where no process has to be killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text
from sqlalchemy.orm import Session

from archrank.errors import EvaluationError, StorageError
from archrank.evaluators import Combined, Evaluations, Function, Metric
from archrank.parallel import Processes
from archrank.strategies import Random, RegularizedEvolution, Strategy
from archrank.study import Study, sharing
from archrank.study.places import Member
from archrank.study.storage import TrialStore
from archrank.types import Archs
from tests.postgres import PostgresServer
from tests.study.deadly import Dying
from tests.study.helpers import BUDGET, guided, make, never, score, told

# evaluators here are replaced by others when a run goes on, which is told
pytestmark = pytest.mark.filterwarnings("ignore::archrank.errors.ChangedRunWarning")

ROOT = Path(__file__).parents[2]
Told = list[tuple[Any, ...]]


class Counting(Function):
    """Counts evaluations by architecture, of all that share the counter."""

    def __init__(self, fn: Any, counts: Counter[bytes], *args: Any) -> None:
        super().__init__(fn, *args)
        self.counts = counts

    def evaluate(self, archs: Archs) -> Evaluations:
        self.counts.update(row.tobytes() for row in archs)
        return super().evaluate(archs)


class Held(Function):
    """Waits at one architecture until it is let go."""

    def __init__(self, fn: Any, where: list[int]) -> None:
        super().__init__(fn)
        self.where = where
        self.there, self.may_go = threading.Event(), threading.Event()

    def evaluate(self, archs: Archs) -> Evaluations:
        if archs[0].tolist() == self.where:
            self.there.set()
            assert self.may_go.wait(120)
        return super().evaluate(archs)


def on(url: str, *args: Any, **options: Any) -> Study:
    return make(*args, path=url, **options)  # type: ignore[arg-type]


def together(studies: list[Study], budget: int, **options: Any) -> None:
    """Run several studies at once; each is what a process has of the one study."""
    with ThreadPoolExecutor(len(studies)) as threads:
        running = [threads.submit(study.run, budget, **options) for study in studies]
        for each in running:
            each.result(timeout=120)


def states(url: str) -> Counter[TrialState]:
    """Count the trials in a database, as Optuna sees them."""
    storage = optuna.storages.RDBStorage(url)
    try:
        study = optuna.load_study(study_name="archrank", storage=storage)
        return Counter(trial.state for trial in study.trials)
    finally:
        storage.engine.dispose()


@pytest.mark.parametrize(
    "strategy", [guided(), RegularizedEvolution(4, 2, 2), Random(batch_size=5)], ids=type
)
def test_the_same_as_alone(database: str, strategy: Strategy) -> None:
    alone = told(make(strategy=strategy).run(BUDGET))
    counts: Counter[bytes] = Counter()
    studies = [on(database, Counting(score, counts), strategy) for _ in range(3)]
    together(studies, BUDGET)
    assert [told(study) for study in studies] == [alone] * 3
    assert set(counts.values()) == {1}
    assert states(database) == {TrialState.COMPLETE: BUDGET}
    larger = told(make(strategy=strategy).run(20))
    studies = [on(database, Counting(score, counts), strategy) for _ in range(2)]
    together(studies, 20)
    assert [told(study) for study in studies] == [larger] * 2
    assert sum(counts.values()) == 20


def test_rounds_ahead_are_the_same_as_alone(database: str) -> None:
    alone = told(make(ahead=2).run(BUDGET))
    counts: Counter[bytes] = Counter()
    studies = [on(database, Counting(score, counts), ahead=2) for _ in range(3)]
    together(studies, BUDGET)
    assert [told(study) for study in studies] == [alone] * 3
    assert set(counts.values()) == {1}


def test_rounds_ahead_begin_while_another_process_is_slow(database: str) -> None:
    """One process holds the first architecture until the other has done all that it may."""
    alone = told(make(ahead=1).run(BUDGET))
    held = Held(score, alone[0][2])
    slow, fast = on(database, held, ahead=1), on(database, ahead=1)
    sizes = Counter(place[0][0] for place in alone)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(slow.run, BUDGET)]
        assert held.there.wait(120)
        running.append(threads.submit(fast.run, BUDGET))
        wanted, until = sizes[0] - 1 + sizes[1], time.monotonic() + 60
        while len(fast.records) < wanted and time.monotonic() < until:
            time.sleep(0.02)
        assert len(fast.records) == wanted
        held.may_go.set()
        for each in running:
            each.result(timeout=120)
    assert told(slow) == told(fast) == alone


def test_a_run_that_one_process_began_alone(database: str, uninterrupted: Told) -> None:
    on(database).run(6)  # within the second round
    studies = [on(database) for _ in range(2)]
    together(studies, BUDGET)
    assert [told(study) for study in studies] == [uninterrupted] * 2


def test_different_budgets(database: str, uninterrupted: Told) -> None:
    small, large = on(database), on(database)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(small.run, 7), threads.submit(large.run, BUDGET)]
        for each in running:
            each.result(timeout=120)
    assert told(large) == uninterrupted
    assert told(small)[:7] == uninterrupted[:7]


def test_groups_are_evaluated_together(database: str) -> None:
    sizes: list[int] = []

    class Grouped(Function):
        group_size = 2

        def evaluate(self, archs: Archs) -> Evaluations:
            sizes.append(len(archs))
            return super().evaluate(archs)

    strategy = Random(batch_size=6)
    studies = [on(database, Grouped(score), strategy) for _ in range(2)]
    together(studies, BUDGET)
    assert told(studies[0]) == told(make(strategy=strategy).run(BUDGET))
    assert sizes == [2] * 6


def test_workers_of_each_process(database: str, uninterrupted: Told) -> None:
    with ThreadPoolExecutor(2) as one, ThreadPoolExecutor(3) as other:
        studies = [on(database, executor=one), on(database, executor=other)]
        together(studies, BUDGET)
    assert [told(study) for study in studies] == [uninterrupted] * 2


def limited(config: dict[str, Any]) -> dict[str, float]:
    return {"ms": float(config["width"])}


def test_limits_that_are_checked_in_stages(database: str) -> None:
    def study(url: str | None) -> Study:
        parts = Function(score), Function(limited, [Metric("ms", "minimize", "ms")])
        return make(
            Combined(*parts),  # type: ignore[arg-type]
            Random(batch_size=6),
            path=url,  # type: ignore[arg-type]
            objectives="score",
            constraints="ms<=16",
        )

    alone = study(None).run(10)
    assert len(alone.records) > 10  # some broke the limit, and do not count
    studies = [study(database) for _ in range(3)]
    together(studies, 10)
    assert [told(each) for each in studies] == [told(alone)] * 3


def test_nothing_succeeds(database: str) -> None:
    studies = [on(database, Function(never)) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(study.run, BUDGET) for study in studies]
        for each in running:
            with pytest.raises(EvaluationError, match=r"all of the first (7|10) evaluations"):
                each.result(timeout=120)
    assert sum(states(database).values()) in (7, 10)  # who comes later tries one more round


def noisy(config: dict[str, Any], seed: int) -> float:
    return score(config) + ((seed * 2654435761) % 1000) / 50


def test_repetitions_are_divided(database: str) -> None:
    alone = make(Function(noisy)).run(20, confirm=6)
    counts: Counter[bytes] = Counter()
    studies = [on(database, Counting(noisy, counts)) for _ in range(3)]
    together(studies, 20, confirm=6)
    assert sum(counts.values()) == 20
    expected = {(each.key, each.number): each.values for each in alone.results.repetitions}
    assert len(expected) == 6
    for study in studies:
        found = {(each.key, each.number): each.values for each in study.results.repetitions}
        assert found == expected
        assert told(study) == told(alone)
        assert study.recommended.string == alone.recommended.string


# ---- who dies, and who only seems to ------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take processes for dead after a short time."""
    monkeypatch.setattr(sharing, "BEAT", 0.05)
    monkeypatch.setattr(sharing, "LOST", 0.5)


@pytest.mark.usefixtures("hasty")
def test_one_that_was_taken_for_dead_counts_once(
    database: str, uninterrupted: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = Held(score, uninterrupted[5][2])
    sleeper, other = on(database, evaluator), on(database)
    real = sharing.Sharing._beat
    asleep: list[Any] = []

    def beat(self: sharing.Sharing) -> None:
        if self not in asleep:
            real(self)

    monkeypatch.setattr(sharing.Sharing, "_beat", beat)
    members: list[sharing.Sharing] = []
    enter = sharing.Sharing.__enter__
    monkeypatch.setattr(
        sharing.Sharing, "__enter__", lambda self: members.append(self) or enter(self)
    )
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(sleeper.run, BUDGET)
        assert evaluator.there.wait(60)
        asleep.append(members[0])
        assert told(other.run(BUDGET)) == uninterrupted  # what the sleeper holds is taken over
        evaluator.may_go.set()
        running.result(timeout=60)
    assert told(sleeper) == uninterrupted
    assert states(database) == {TrialState.COMPLETE: BUDGET}


PROGRAM = """
import os, sys, time
from archrank.evaluators import Function
from archrank.strategies import Random
from archrank.study import sharing
from tests.study.deadly import score, small_space
from tests.study.helpers import guided, make

class Noting(Function):
    def evaluate(self, archs):
        with open(os.environ["NOTES"], "a") as file:
            file.write(f"{os.getpid()} {archs[0].tolist()}\\n")
        time.sleep(float(os.environ["SECONDS"]))
        return super().evaluate(archs)

study = make(Noting(score), path=os.environ["URL"])
print("ready", flush=True)
study.run(int(sys.argv[1]))
"""


@contextmanager
def process(url: str, notes: Path, budget: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Search in a process of its own, which notes what it begins to evaluate."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "URL": url,
        "NOTES": str(notes),
        "SECONDS": str(seconds),
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(budget)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_killed_process_is_replaced_at_once(
    database: str, tmp_path: Path, uninterrupted: Told
) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    with process(database, notes, BUDGET, 60.0) as killed:
        wait_for(lambda: bool(notes.read_text()))
        killed.kill()
    start = time.monotonic()
    assert told(on(database).run(BUDGET)) == uninterrupted
    assert time.monotonic() - start < sharing.LOST  # it is of this machine: nobody waits


def test_an_evaluation_that_ends_processes(database: str, uninterrupted: Told) -> None:
    """It is tried in a process of its own by whoever takes it over."""
    deadly = tuple(uninterrupted[5][2])
    first = on(database, Dying(score, {deadly: signal.SIGKILL}))
    first._store.sharing(itself=True)
    places = first._store.places
    assert places is not None
    program = (
        "import os\n"
        "from tests.study.deadly import Dying, score\n"
        "from tests.study.helpers import make\n"
        f"make(Dying(score, {{{deadly}: 9}}, anywhere=True), path=os.environ['URL']).run({BUDGET})"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "URL": database,
    }
    died = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert died.returncode == 9
    study = on(database, Dying(score, {deadly: signal.SIGKILL})).run(BUDGET)
    record = next(r for r in study.records if tuple(r.arch.tolist()) == deadly)
    assert record.key == uninterrupted[5][0]
    assert record.reason == "the worker process was killed (SIGKILL)"


# connections that the server broke off are closed when they are collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_restarted_database_loses_nothing(
    postgres: PostgresServer, database: str, uninterrupted: Told
) -> None:
    counts: Counter[bytes] = Counter()

    class Restarting(Counting):
        def evaluate(self, archs: Archs) -> Evaluations:
            if archs[0].tolist() == uninterrupted[3][2]:
                postgres.restart()
            if archs[0].tolist() == uninterrupted[8][2]:
                postgres.restart("immediate")  # a crash
            return super().evaluate(archs)

    # opened before: who begins while a server is away is told so at once
    studies = [on(database, Restarting(score, counts)).open() for _ in range(2)]
    together(studies, BUDGET)
    assert [told(study) for study in studies] == [uninterrupted] * 2
    assert set(counts.values()) == {1}
    assert states(database) == {TrialState.COMPLETE: BUDGET}


# the connection that the server broke off is closed when it is collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_stopped_while_it_writes_holds_up_nobody(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by SIGSTOP, or on a host that is gone: the server lets go of what it has locked."""
    monkeypatch.setattr("archrank.study.database.HELD", 1)
    stopped, other = (on(database).open()._store for _ in range(2))
    inside, may_go = threading.Event(), threading.Event()
    tries: list[int] = []

    def write() -> int:
        assert stopped.places is not None
        with Session(stopped.places._engine) as session, session.begin():
            stopped.places.lock(session)
            tries.append(len(tries))
            if len(tries) == 1:
                inside.set()
                assert may_go.wait(60)
            return int(session.execute(text("SELECT 7")).scalar_one())

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(stopped._reach, write)
        assert inside.wait(60)
        assert other.places is not None
        threads.submit(other.places.join, Member("b", 0, "", itself=False)).result(timeout=30)
        may_go.set()
        assert writing.result(timeout=60) == 7
    assert tries == [0, 1]  # it goes on, and writes all of it again


# ---- asking and telling beside a run -------------------------------------------------------------


@pytest.mark.usefixtures("hasty")
def test_asking_and_telling_wait_for_a_run(database: str, uninterrupted: Told) -> None:
    evaluator = Held(score, uninterrupted[5][2])
    study, other = on(database, evaluator), on(database)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(study.run, BUDGET)
        assert evaluator.there.wait(60)
        for change in (lambda: other.ask(1), lambda: other.tell([0, 0, 0], 3.0, replace=True)):
            with pytest.raises(StorageError, match=r"searched now \(.*, process \d+\); wait for"):
                change()
        evaluator.may_go.set()
        running.result(timeout=60)
    assert len(other.ask(1)) == 1


def test_told_between_two_runs(database: str) -> None:
    alone = make()
    for study in (alone, on(database)):
        study.run(6)
        asked = study.ask(2)
        study.tell(asked[0], 50.0)
        study.tell([3, 2, 1], 1000.0, replace=True)
    alone.run(15)
    studies = [on(database) for _ in range(2)]
    together(studies, 15)
    assert [told(study) for study in studies] == [told(alone)] * 2


@pytest.mark.parametrize(
    "other", ["{}/study.db", "sqlite:///{}/study.db?timeout=20", "sqlite:///{}/link.db"]
)
def test_one_process_at_a_time_writes_a_file(
    tmp_path: Path, uninterrupted: Told, other: str
) -> None:
    """However they call it."""
    (tmp_path / "link.db").symlink_to("study.db")
    named = other.format(tmp_path)
    there: Any = named if ":" in named else Path(named)
    evaluator = Held(score, uninterrupted[5][2])
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(make(evaluator, path=path).run, BUDGET)
        assert evaluator.there.wait(60)
        with pytest.raises(
            StorageError, match=r"study\.db is in use by another.*several processes.*postgresql"
        ):
            make(path=there).run(BUDGET)
        assert told(make(path=path, name="other").run(3)) == uninterrupted[:3]
        evaluator.may_go.set()
        running.result(timeout=60)
    assert told(make(path=path)) == uninterrupted


def test_worker_processes_of_each(database: str, uninterrupted: Told) -> None:
    with Processes(1) as one, Processes(1) as other:
        studies = [on(database, executor=one), on(database, executor=other)]
        together(studies, BUDGET)
    assert [told(study) for study in studies] == [uninterrupted] * 2
    assert len(TrialStore(database).records()) == BUDGET
