"""Whether a process of the same machine has ended: real ones, and those of a made-up ``/proc``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archrank.study import home as module
from archrank.study.home import has_ended, home, name_of

HOME = "from archrank.study.home import home; print(home(), flush=True); input()"

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")


@contextmanager
def process() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a process that waits, and its home."""
    with subprocess.Popen(
        [sys.executable, "-c", HOME],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            assert started.stdout is not None
            yield started, started.stdout.readline()
        finally:
            started.kill()


@linux
def test_a_process_that_lives_and_ends() -> None:
    assert not has_ended(home())
    with process() as (started, text):
        assert not has_ended(text)
        started.kill()
        os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        assert has_ended(text)
        started.wait()
        assert has_ended(text)
        assert name_of(text).endswith(f", process {started.pid}")


@pytest.mark.parametrize("name", ["boot", "namespace"])
def test_another_machine_or_container(name: str) -> None:
    """It may have a process of this number, or none: nothing is known of it."""
    there = {**json.loads(home()), name: "another", "started": "1"}
    assert not has_ended(json.dumps(there))


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "3", '{"host": "a"}', '{"pid": null}', '{"boot": []}']
)
def test_what_another_version_may_have_written(text: str) -> None:
    assert not has_ended(text)
    assert name_of(text) == "a process"


class Proc:
    """A made-up ``/proc``, which this process believes in.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "self/ns").mkdir(parents=True)
        (folder / "self/ns/pid").symlink_to("pid:[1]")
        (folder / "boot_id").write_text("this boot\n")
        self.add(os.getpid(), "100")

    def add(self, pid: int, started: str, state: str = "S", name: str = "python") -> None:
        (self.folder / str(pid)).mkdir(exist_ok=True)
        fields = [state, *map(str, range(4, 22)), started, "23"]
        (self.folder / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")

    def text(self, pid: int, started: str) -> str:
        values = {"host": "h", "pid": pid, "boot": "this boot", "namespace": "pid:[1]"}
        return json.dumps({**values, "started": started})


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    made = Proc(tmp_path)
    monkeypatch.setattr(module, "_PROC", tmp_path)
    monkeypatch.setattr(module, "_BOOT", tmp_path / "boot_id")
    return made


def test_a_number_that_is_used_again(proc: Proc) -> None:
    proc.add(4321, "500", name="odd) R 1 (name")
    assert not has_ended(proc.text(4321, "500"))
    assert has_ended(proc.text(4321, "499"))
    proc.add(4321, "500", state="Z")
    assert has_ended(proc.text(4321, "500"))


def test_processes_of_others_that_are_hidden(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``hidepid`` does on many a cluster: a process that cannot be seen may live."""

    def kill(pid: int, signal: int) -> None:
        assert signal == 0
        raise {1: PermissionError, 2: ProcessLookupError}[pid]

    monkeypatch.setattr(os, "kill", kill)
    assert not has_ended(proc.text(1, "7"))
    assert has_ended(proc.text(2, "7"))


def test_a_system_without_proc(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    text = proc.text(os.getpid(), "1")
    monkeypatch.setattr(module, "_PROC", proc.folder / "nothing")
    assert not has_ended(text)
    assert json.loads(home()).keys() == {"host", "pid"}
    assert not has_ended(home())
