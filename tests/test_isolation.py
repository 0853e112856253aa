from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archrank import isolation
from archrank.errors import IsolationWarning
from archrank.isolation import alone, busy, in_use

pytestmark = pytest.mark.skipif(isolation.fcntl is None, reason="this system has no shared locks")

HOLDS = """
import sys
from archrank.isolation import alone, busy
with {how}:
    print("in", flush=True)
    sys.stdin.readline()
print("out", flush=True)
"""


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHRANK_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "locks"


@contextmanager
def another(how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock, or waits for it, until it is told to end."""
    command = [sys.executable, "-c", HOLDS.format(how=how)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_trainings_of_two_processes_run_together() -> None:
    with another("busy()") as other:
        assert line(other) == "in"
        with busy():
            pass


def test_who_measures_waits_for_the_trainings_of_another_process() -> None:
    with another("busy()") as other:
        assert line(other) == "in"
        waited: list[str] = []

        def waiting() -> None:
            waited.append("for it")
            let_go(other)

        with alone(waiting):
            assert waited == ["for it"]
            assert line(other) == "out"


def test_use_by_others_is_seen() -> None:
    for how in ("busy()", "alone()"):
        assert not in_use()
        with another(how) as other:
            assert line(other) == "in"
            assert in_use()


def test_trainings_wait_for_who_measures_in_another_process() -> None:
    with another("alone()") as other:
        assert line(other) == "in"
        entered = threading.Event()

        def train() -> None:
            with busy():
                entered.set()

        thread = threading.Thread(target=train)
        thread.start()
        assert not entered.wait(0.2)
        let_go(other)
        assert entered.wait(60)
        thread.join()


def test_who_waits_to_measure_keeps_trainings_from_starting() -> None:
    order: list[str] = []
    waits, started = threading.Event(), threading.Event()

    def measure() -> None:
        with alone(waits.set):
            order.append("measured")

    def train() -> None:
        started.set()
        with busy():
            order.append("trained")

    threads = [threading.Thread(target=measure), threading.Thread(target=train)]
    with busy():
        threads[0].start()
        assert waits.wait(60)
        threads[1].start()
        assert started.wait(60)
        threads[1].join(0.2)
        assert order == []
    for thread in threads:
        thread.join(60)
    assert order == ["measured", "trained"]


def test_a_killed_process_leaves_nothing_behind() -> None:
    with another("busy()") as trains, another("busy()") as other:
        assert line(trains) == line(other) == "in"
        trains.send_signal(signal.SIGKILL)
        other.send_signal(signal.SIGKILL)
        with alone():
            pass


def test_a_training_stands_still_while_its_own_thread_measures() -> None:
    with busy(), busy():
        with alone(), alone(), busy():
            pass
        with another("busy()") as other:
            assert line(other) == "in"
    with another("alone()") as other:
        assert line(other) == "in"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_without_permission_to_write_all_runs_on(own_locks: Path) -> None:
    own_locks.mkdir(mode=0o500)
    with busy():
        pass
    with pytest.warns(IsolationWarning, match="ARCHRANK_LOCKS"), alone():
        pass


def test_a_folder_that_is_a_file(own_locks: Path) -> None:
    own_locks.write_text("")
    with busy():
        pass
    with pytest.warns(IsolationWarning, match="no lock can be kept in .*locks"), alone():
        pass


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ARCHRANK_LOCKS")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert isolation.folder() == tmp_path / "archrank"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    assert str(os.getuid()) in isolation.folder().name
