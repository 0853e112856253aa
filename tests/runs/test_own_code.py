"""Code that a run's settings name runs only where the user has put it, or says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from archrank.errors import SettingsError
from archrank.runs.folder import load_settings, open_run
from archrank.runs.own_code import own_code, permit
from archrank.runs.reading import load, with_parts
from archrank.runs.settings import SearchSettings


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder inside the folder that the user is in."""
    here = tmp_path / "here"
    (here / "runs" / "one").mkdir(parents=True)
    for place in (here, here / "runs" / "one", tmp_path):
        (place / "mine.py").write_text("raise SystemExit('it was run')\n")
    monkeypatch.chdir(here)
    return Path("runs/one")


@pytest.mark.parametrize("name", ["mine.py:space", "./mine.py:space", "mine:space"])
def test_code_where_the_user_is(name: str, run: Path) -> None:
    file = Path("mine.py").resolve()
    assert own_code(["nasbench201", name]) == {name: file}
    sentences = permit(["nasbench201", name], run, allowed=False)
    assert sentences == [f"runs {file}, as the run's settings name {name}"]


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("runs/one/mine.py:space", "inside the run folder"),
        ("../here/runs/one/mine.py:space", "inside the run folder"),
        ("../mine.py:space", "not in the folder you are in"),
        ("json:loads", "a part of Python"),
        ("os.path:join", "a part of Python"),
        ("sys:exit", "a part of Python"),
    ],
)
def test_code_that_somebody_may_have_sent(name: str, where: str, run: Path) -> None:
    with pytest.raises(
        SettingsError, match=f"settings of runs/one name {name}, which is .*{where}"
    ):
        permit(["nasbench201", name], run, allowed=False)
    assert len(permit([name], run, allowed=True)) == 1  # still says what runs


def test_inside_the_run_folder_itself(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    for name in ("mine.py:space", "mine:space"):
        with pytest.raises(SettingsError, match="inside the run folder"):
            permit([name], Path(), allowed=False)


def test_links_do_not_hide_where_code_is(run: Path) -> None:
    os.symlink("runs/one/mine.py", "link.py")
    with pytest.raises(SettingsError, match="inside the run folder"):
        permit(["link.py:space"], run, allowed=False)


def test_installed_packages_and_names_are_no_code_of_others(run: Path) -> None:
    assert len(permit(["numpy.linalg:norm"], run, allowed=False)) == 1
    assert len(permit(["tests.study.helpers:make"], run, allowed=False)) == 1  # on the path
    assert permit(["nasbench201", "default"], run, allowed=False) == []


def test_code_that_is_not_there(run: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no .*gone\.py: repeat the command in the"):
        permit(["gone.py:space"], run, allowed=False)
    assert len(permit(["gone_module:space"], run, allowed=False)) == 1  # importing it says so


def test_finding_out_imports_nothing(run: Path) -> None:
    before = set(sys.modules)
    permit(["mine.py:space", "mine:space"], run, allowed=False)
    assert {name for name in set(sys.modules) - before if "mine" in name} == set()


SEEN: list[str] = []
_WATCHED = {"pickle.find_class", "os.system", "os.exec", "subprocess.Popen"}


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if SEEN and event in _WATCHED:
        SEEN.append(f"{event} {arguments}")


def test_reading_loads_no_pickle(run: Path, tmp_path: Path) -> None:
    settings = SearchSettings(table="digits201", strategy="random", metric=("valid_accuracy",))
    with open_run(tmp_path / "run", settings, budget=2) as study:
        study.run(2)
    with_parts(load(tmp_path / "run"), load_settings(tmp_path / "run"))  # what is imported lazily
    sys.addaudithook(_watch)  # cannot be removed, but sleeps
    SEEN.append("begun")
    try:
        with_parts(load(tmp_path / "run"), load_settings(tmp_path / "run"))
    finally:
        found, SEEN[:] = SEEN[1:], []
    assert found == []
