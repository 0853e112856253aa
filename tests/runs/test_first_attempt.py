"""A first attempt that came to nothing leaves its folder to the corrected command."""

from __future__ import annotations

import linecache
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from archrank.errors import ChangedRunError, EvaluationError, InfeasibleError, ResumeError
from archrank.runs.first_attempt import came_to_nothing
from archrank.runs.folder import SETTINGS, load_settings, open_run
from archrank.runs.reading import load
from archrank.runs.settings import SearchSettings
from archrank.study.results import Results
from archrank.study.storage import DATABASE
from archrank.user_files import module_name

MINE = """
import archrank as ar

space = ar.spaces.from_choices({"depth": list(range(9)), "width": list(range(9))},
                               build=lambda c, t: None, name="plain")

def right(config):
    return config["depth"]

def wrong(config):
    raise RuntimeError("no such file")

def sometimes(config):
    return 1 / (config["depth"] % 2)
"""
RIGHT = SearchSettings(
    space="mine.py:space",
    evaluate=("mine.py:right",),
    metric=("right:maximize",),
    strategy="random",
)
WRONG = replace(RIGHT, evaluate=("mine.py:wrong",), metric=("wrong:maximize",))
FOLDER = Path("runs/one")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)


def search(settings: SearchSettings) -> tuple[Results, list[str]]:
    """Search; return the results, and what was told."""
    told: list[str] = []
    with open_run(FOLDER, settings, budget=6, tell=told.append) as study:
        study.run(6)
    return load(FOLDER), told


def change(old: str, new: str) -> None:
    """Change the code, as between two commands."""
    Path("mine.py").write_text(MINE.replace(old, new))
    sys.modules.pop(module_name("mine.py"))
    linecache.clearcache()


def fail(settings: SearchSettings = WRONG) -> None:
    with pytest.raises((EvaluationError, InfeasibleError)):
        search(settings)


def test_everything_failed() -> None:
    fail()
    (FOLDER / "report.html").touch()
    (FOLDER / "preprocessing.json").write_text("of other data")
    found, told = search(RIGHT)
    assert len(found.records) == 6
    assert found.ok.all()
    assert told == [
        "no evaluation of the earlier search in runs/one had succeeded; it is begun anew"
    ]
    assert load_settings(FOLDER) == RIGHT
    assert not (FOLDER / "preprocessing.json").exists()


def test_nothing_was_evaluated() -> None:
    fail(replace(RIGHT, evaluate=("mine.py:right", "cost"), constraint=("macs<=3",)))
    found, told = search(RIGHT)
    assert len(found.records) == 6
    assert len(told) == 1


def test_the_code_was_mended() -> None:
    fail()
    change("raise", "return 1.0\n    raise")
    found, told = search(WRONG)
    assert len(found.records) == 6  # the failed ones are gone
    assert found.ok.all()
    assert found.description.changes == ()
    assert len(told) == 1


def test_the_same_command_goes_on() -> None:
    """What was missing may be there now."""
    fail()
    before = load(FOLDER).records
    with open_run(FOLDER, WRONG, budget=6) as study:
        assert [r.key for r in study.records] == [r.key for r in before]


def test_what_has_succeeded_is_kept() -> None:
    found, _ = search(
        replace(RIGHT, evaluate=("mine.py:sometimes",), metric=("sometimes:maximize",))
    )
    assert 0 < found.ok.sum() < 6
    with pytest.raises(ResumeError, match="holds another search"):
        search(RIGHT)
    change("1 /", "2 /")
    with pytest.raises(ChangedRunError):
        search(load_settings(FOLDER))
    assert [r.string for r in load(FOLDER).records] == [r.string for r in found.records]


@pytest.mark.parametrize("name", ["supernet/weights", "notes.txt", "short/study.db"])
def test_what_others_have_put_there_is_kept(name: str) -> None:
    fail()
    (FOLDER / name).parent.mkdir(exist_ok=True)
    (FOLDER / name).touch()
    with pytest.raises(ResumeError):
        search(RIGHT)
    assert len(load(FOLDER).records) == 6


def test_what_is_awaited_is_kept() -> None:
    waiting = replace(RIGHT, evaluate=("told",))
    with open_run(FOLDER, waiting, asks=True) as study:
        study.ask(2)
    with pytest.raises(ResumeError):
        search(RIGHT)


def test_telling_begins_nothing_anew() -> None:
    fail()
    with pytest.raises(ResumeError), open_run(FOLDER, RIGHT, asks=True):
        pass
    assert len(load(FOLDER).records) == 6


def test_what_cannot_be_read_is_kept() -> None:
    fail()
    (FOLDER / DATABASE).write_bytes(b"damaged" * 1000)
    assert not came_to_nothing(FOLDER)
    with pytest.raises(ResumeError):
        search(RIGHT)


def test_a_study_of_another_database_is_kept(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'all.db'}"
    with pytest.raises(EvaluationError), open_run(FOLDER, WRONG, budget=6, storage=database) as s:
        s.run(6)
    with pytest.raises(ResumeError):
        search(RIGHT)
    assert (FOLDER / SETTINGS).exists()


def test_no_folder(tmp_path: Path) -> None:
    assert not came_to_nothing(tmp_path / "nowhere")
