"""Runs in one process that crashes, or is killed: the run goes on, and blames nobody wrongly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from archrank.parallel import Processes
from archrank.strategies import Random
from archrank.study.address import Address
from archrank.study.attempts import Attempts, note_path
from archrank.study.storage import TrialStore
from tests.study.deadly import Deaths, Dying, DyingGroups, score
from tests.study.helpers import BUDGET, make, told

ARCHS = np.array([[0, 1, 0], [1, 1, 1]], dtype=np.uint8)
KINDS = {"alone": Dying, "groups": DyingGroups}


def stored(path: Path) -> list[tuple[Any, ...]]:
    """Return the records in a database, whatever code wrote them."""
    return told(SimpleNamespace(records=TrialStore(Address.of(path)).records()))  # type: ignore[arg-type]


def study(path: Path | None, deaths: Deaths, kind: str = "alone", **options: Any) -> Any:
    """Make a run of which some architectures end any process."""
    evaluator = KINDS[kind](score, deaths, anywhere=True, once=options.pop("once", None))
    return make(evaluator, Random(batch_size=BUDGET), path=path, **options)


def crashes(program: str, *, times: int = 9) -> list[int]:
    """Run a program until it ends well; its exit statuses before."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    found = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return found
        assert done.returncode in (-signal.SIGSEGV, -signal.SIGKILL, 3), done.stderr
        found.append(done.returncode)
    raise AssertionError(f"it never ends: {found}")


@pytest.fixture(scope="module")
def rows() -> list[tuple[Any, ...]]:
    """A run of which nothing dies."""
    return told(make(strategy=Random(batch_size=BUDGET)).run(BUDGET))


def program(path: Path, deaths: Deaths, **options: Any) -> str:
    """Write the program of such a run."""
    plain = {row: int(how) for row, how in deaths.items()}
    signals = "{row: signal.Signals(how) if how != 3 else how for row, how in plain.items()}"
    return (
        "import signal\n"
        "from pathlib import PosixPath\n"
        "from tests.study.test_attempts import BUDGET, study\n"
        f"plain = {plain}\n"
        f"study({path!r}, {signals}, **{options!r}).run(BUDGET)\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_outlives_the_crashes_of_its_process(
    kind: str, rows: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    deaths: Deaths = {tuple(rows[2][2]): signal.SIGSEGV, tuple(rows[7][2]): 3}
    path = tmp_path / "study.db"
    assert crashes(program(path, deaths, kind=kind)) == [-signal.SIGSEGV, 3]
    found = stored(path)
    assert {place: row[-1] for place, row in enumerate(found) if row[-1]} == {
        2: "the worker process crashed (SIGSEGV, Segmentation fault)",
        7: "the worker process ended itself with exit status 3",
    }
    with Processes(2) as executor:
        assert told(study(None, deaths, kind, executor=executor).run(BUDGET)) == found
    assert [p.name for p in tmp_path.iterdir()] == ["study.db"]


def test_a_process_that_was_killed_blames_nobody(
    rows: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    deaths: Deaths = {tuple(rows[4][2]): signal.SIGKILL}  # by a user, while it was evaluated
    path, once = tmp_path / "study.db", tmp_path / "once"
    once.mkdir()
    assert crashes(program(path, deaths, once=once)) == [-signal.SIGKILL]
    assert told(study(path, deaths).run(BUDGET)) == rows


UNSENDABLE = """
import os, signal
from pathlib import PosixPath
from archrank.evaluators import Function
from tests.study.test_attempts import BUDGET, Random, make, score

def deadly(config):
    left = {path!r}.parent / "deaths"
    done = int(left.read_text()) if left.exists() else 0
    if config == {config!r} and done < {times}:
        left.write_text(str(done + 1))
        os.kill(os.getpid(), signal.SIGSEGV)
    return score(config)

function = Function(lambda config: deadly(config), "score")
make(function, Random(batch_size=BUDGET), path={path!r}).run(BUDGET)
"""


@pytest.mark.parametrize("times", [1, 2, 9])
def test_what_cannot_be_sent_to_a_process_has_two_tries(
    times: int, rows: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "study.db"
    deadly = make(strategy=Random(batch_size=BUDGET)).run(BUDGET).records[3]
    text = UNSENDABLE.format(path=path, config=deadly.config, times=times)
    assert len(crashes(text)) == min(times, 2)
    found = stored(path)
    if times == 1:
        assert found == rows
        return
    assert found[3][-1] == "the process died while evaluating this, 2 times in a row"
    assert found[:3] + found[4:] == rows[:3] + rows[4:]


def test_an_attempt_is_noted_while_it_lasts(tmp_path: Path) -> None:
    path = tmp_path / "note"
    with closing(Attempts(path)) as attempts:
        with attempts.of(ARCHS):
            found = Attempts(path)
            assert (found.deaths, len(found.suspects)) == (1, 2)
            assert all(map(found.is_suspect, ARCHS))
            assert not found.is_suspect(ARCHS[0] + 1)
        with pytest.raises(KeyboardInterrupt), attempts.of(ARCHS):
            raise KeyboardInterrupt
        assert not Attempts(path).suspects
    assert not path.exists()


def test_deaths_in_a_row_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text('{"archs": [[0, 1, 0]], "deaths": 1}')
    with closing(Attempts(path)) as attempts:
        assert attempts.deaths == 2
        with attempts.of(ARCHS[:1]):
            assert Attempts(path).deaths == 3
        with attempts.of(ARCHS[1:]):  # of another one
            assert Attempts(path).deaths == 1
        attempts.settle()


def test_suspects_are_kept_until_it_is_known_what_they_do(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text('{"archs": [[0, 1, 0]], "deaths": 3}')
    with closing(Attempts(path)):
        pass
    with closing(Attempts(path)) as attempts:
        assert attempts.deaths == 4
        attempts.settle()
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"archs": [[0, 999]], "deaths": 0}',
        '{"archs": [9999999999], "deaths": 0}',
    ],
)
def test_notes_that_say_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_text(text)
    attempts = Attempts(path)
    assert (len(attempts.suspects), attempts.deaths) == (0, 0)


def test_notes_that_cannot_be_written_stop_nothing(tmp_path: Path) -> None:
    for path in (None, tmp_path / "missing" / "note"):
        attempts = Attempts(path)
        with attempts.of(ARCHS):
            pass
        attempts.close()


def test_studies_of_one_database_have_notes_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    names = ["a", "b", "a/b", "../a", "x" * 300]
    paths = {note_path(file, name) for name in names}
    assert len(paths) == len(names)
    assert {p.parent for p in paths} == {tmp_path}
