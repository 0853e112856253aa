from __future__ import annotations

import sys
from pathlib import Path

import pytest

from archrank.errors import (
    ArchrankError,
    SettingsError,
    UnknownNameError,
)
from archrank.rankers import GBDT
from archrank.runs.compose import make_strategy, make_study
from archrank.runs.named import make_space, make_task
from archrank.runs.settings import SearchSettings
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import Guided, Random, RegularizedEvolution
from archrank.tasks import Digits

MODULE = """
import archrank as ar

space = ar.spaces.CustomSpace({"depth": [1, 2], "width": [8, 16]}, build=lambda c, t: None)
digits = ar.tasks.Digits
nothing = None

def make_space():
    return space

def broken():
    return 1 / 0

def wrong_space():
    raise ar.errors.SpaceError("no such cell")

class Mine(ar.strategies.Random):
    def __init__(self, batch_size=3):
        super().__init__(batch_size)

def my_ranker(space):
    return ar.rankers.GBDT(space, seed=5)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mine_for_settings.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine_for_settings", raising=False)
    return "mine_for_settings"


def test_names_become_things() -> None:
    settings = SearchSettings()
    space = make_space(settings.space)
    assert isinstance(space, NASBench201)
    assert make_task("digits") == Digits()
    evolution = SearchSettings(strategy="evolution", batch=4)
    assert make_strategy(evolution, space).describe()["batch_size"] == 4
    assert isinstance(make_strategy(evolution, space), RegularizedEvolution)
    guided = make_strategy(SearchSettings(ranker="gbdt", initial=7, batch=3), space)
    assert isinstance(guided, Guided)
    assert (guided.initial, guided.batch_size) == (7, 3)
    assert isinstance(guided.ranker, GBDT)
    assert guided.ranker.space is space
    default = make_strategy(settings, space)
    assert isinstance(default, Guided)
    assert default.ranker is None
    assert default.describe() == Guided().describe()


def test_a_users_module(module: str, space: NASBench201) -> None:
    for name in ("space", "make_space"):
        assert isinstance(make_space(f"{module}:{name}"), CustomSpace)
    assert make_task(f"{module}:digits") == Digits()
    mine = make_strategy(SearchSettings(strategy=f"{module}:Mine", batch=6), space)
    assert isinstance(mine, Random)
    assert mine.batch_size == 6
    guided = make_strategy(SearchSettings(ranker=f"{module}:my_ranker"), space)
    assert guided.describe()["ranker"]["class"] == "GBDT"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "'m:nothing' is None, expected an archrank Space"),
        ("digits", "'m:digits' is a Digits, expected an archrank Space"),
        ("broken", "space 'm:broken': calling it failed: ZeroDivisionError: division by zero"),
        ("wrong_space", "no such cell"),
        ("spacee", "unknown name in module m: 'spacee', did you mean 'make_space' or 'space'"),
    ],
)
def test_what_a_users_module_gets_wrong(module: str, name: str, message: str) -> None:
    with pytest.raises(ArchrankError) as caught:
        make_space(f"{module}:{name}")
    assert message in str(caught.value).replace(module, "m")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SearchSettings(space="nasbench202"), "unknown space 'nasbench202', did you mean"),
        (SearchSettings(task="digit"), "unknown task 'digit', did you mean 'digits'"),
        (SearchSettings(strategy="guide"), "unknown strategy 'guide', did you mean 'guided'"),
        (SearchSettings(ranker="gbtd"), "unknown ranker 'gbtd', did you mean 'gbdt'"),
    ],
)
def test_unknown_names(settings: SearchSettings, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        make_study(settings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"strategy": "random", "ranker": "gbdt"},
            "strategy 'random' uses no ranker: remove --ranker gbdt, or use --strategy guided",
        ),
        (
            {"strategy": "evolution", "initial": 5},
            "strategy 'evolution' uses no initial random architectures: remove --initial 5",
        ),
        (
            {"strategy": "random", "weak": ("macs", "params")},
            "strategy 'random' uses no weak labels: remove --weak macs --weak params, or",
        ),
        (
            {"strategy": "exhaustive", "initial": 0},
            "strategy 'exhaustive' uses no initial random architectures: remove --initial 0",
        ),
    ],
)
def test_settings_that_would_be_ignored_are_refused(options, message) -> None:
    settings = SearchSettings(**options)
    with pytest.raises(SettingsError, match=message):
        make_strategy(settings, make_space(settings.space))


def test_tasks_find_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHRANK_DATA", str(tmp_path))
    assert make_task("cifar10").root == str(tmp_path)  # type: ignore[attr-defined]
    other = tmp_path / "other"
    assert make_task("cifar10", other).root == str(other)  # type: ignore[attr-defined]
