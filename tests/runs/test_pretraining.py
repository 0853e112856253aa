"""The steps before a search by AceNAS: supernet, weak labels and ranker; killed, damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import (
    ArchrankError,
    BudgetError,
    ResumeError,
    SettingsError,
    SpaceError,
    StorageError,
    UnknownNameError,
)
from archrank.hardware import pixel1_latency
from archrank.hardware.look_up import PIXEL1_FILE
from archrank.rankers.base import Ranker
from archrank.runs.compose import make_strategy
from archrank.runs.folder import load_settings, open_run
from archrank.runs.named import make_space
from archrank.runs.plan import planned
from archrank.runs.pretraining import Pretraining
from archrank.runs.reading import find_run, with_parts
from archrank.runs.settings import SearchSettings
from archrank.runs.trained_supernet import SUPERNET
from archrank.runs.weak_table import ABOUT, LABELS
from archrank.spaces import ProxylessNAS
from archrank.strategies import AceNASSearch, acenas
from archrank.supernets import recipes, scoring
from archrank.supernets.checkpoints import checkpoints
from archrank.supernets.samplers import SkipPrior
from archrank.tables.writing import write_table
from tests.strategies.helpers import write_weights

MINE = """
import archrank as ar

task = ar.tasks.Digits(copies=1)
other = ar.tasks.Digits(copies=2)
space = ar.spaces.CustomCells(["none", "skip_connect", "nor_conv_1x1"], nodes=3, name="mine")
wide = ar.spaces.CustomCells(["none", "skip_connect", "nor_conv_3x3"], nodes=3, name="wide")
plain = ar.spaces.from_choices({"depth": list(range(40))}, build=lambda c, t: None, name="plain")

def ranker(space):
    return ar.rankers.AceNAS(space, epochs=3, pretrain_epochs=3)

class Mobile(ar.strategies.ProxylessAceNAS):
    def __init__(self, space, ranker=None, root=None):
        small = {"budget": 12, "initial": 5, "rounds": 2, "top": 4, "candidates": 200}
        super().__init__(space, ranker, root=root, **small)
"""
SETTINGS = SearchSettings(
    space="mine.py:space",
    task="mine.py:task",
    evaluate=("cost",),
    metric=("macs:maximize",),
    strategy="acenas",
    ranker="mine.py:ranker",
    plan=17,
)
BUDGET = 17
QUICK = replace(recipes.CPU, changes={"epochs": 4, "batch_size": 400, "lr": 0.1})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    monkeypatch.setattr(recipes, "CELLS", QUICK)
    Path("mine.py").write_text(MINE)
    return tmp_path


def search(
    folder: str = "run", settings: SearchSettings = SETTINGS, budget: int = BUDGET, **more: Any
) -> list[tuple[int, ...]]:
    """Run a search; return what it evaluated, in order."""
    with open_run(Path(folder), settings, budget=budget, **more) as study:
        study.run(budget)
        return [tuple(record.arch) for record in study.records]


class Watcher:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def __call__(self, doing: str, done: int, of: int) -> None:
        self.seen.append((doing, done))

    @property
    def steps(self) -> list[str]:
        return list(dict.fromkeys(doing for doing, _ in self.seen))


STEPS = ["training the supernet", "scoring architectures", "pretraining the ranker"]


def test_from_nothing_to_a_search_and_on(pool: Executor) -> None:
    watch = Watcher()
    first = search(watch=watch)
    assert watch.steps == STEPS
    assert len(set(first)) == BUDGET
    assert list(checkpoints(Path("run") / SUPERNET)) == [4]
    about = json.loads(Path("run", ABOUT).read_text())
    assert about["labels"] == ["oneshot_accuracy", "macs", "params"]

    again = Watcher()
    assert search(watch=again) == first
    assert again.seen == []  # everything is kept
    longer = search(budget=20)  # an extension; rounds stay what they are
    assert longer[:BUDGET] == first
    assert len(longer) == 20
    assert search("elsewhere", executor=pool) == first


def test_the_stored_ranker_is_read_with_the_run() -> None:
    search()
    results = find_run(Path("run")).results()
    found = with_parts(results, load_settings(Path("run")), folder=Path("run"), own_code=True)
    assert isinstance(found.strategy, AceNASSearch)
    assert isinstance(found.strategy.ranker, Ranker)
    assert found.strategy.ranker.pretrained_.r2.keys() == {"oneshot_accuracy", "macs", "params"}


KILLED = """
import os, signal, sys
from pathlib import Path
from archrank.runs.folder import open_run
from archrank.supernets import recipes
from tests.runs.test_pretraining import BUDGET, QUICK, SETTINGS

recipes.CELLS = QUICK

def kill(doing, done, of):
    if (doing, done) == ("training the supernet", 3):
        os.kill(os.getpid(), signal.SIGKILL)

with open_run(Path("run"), SETTINGS, budget=BUDGET, watch=kill):
    raise AssertionError("was not killed")
"""


def test_killed_in_the_middle_of_the_supernet() -> None:
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root}{':'}{root / 'src'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, capture_output=True, text=True
    )
    assert done.returncode == -9, done.stderr
    assert list(checkpoints(Path("run") / SUPERNET)) == [2]
    assert not Path("run", ABOUT).exists()
    watch = Watcher()
    assert search(watch=watch) == search("uninterrupted")
    assert [at for doing, at in watch.seen if doing == STEPS[0]] == [3, 4]
    for name in (LABELS, ABOUT, "ranker.safetensors"):
        assert Path("run", name).read_bytes() == Path("uninterrupted", name).read_bytes()


def test_damage() -> None:
    first = search()
    ranker = Path("run", "ranker.safetensors")
    whole = ranker.read_bytes()
    ranker.write_bytes(whole[:1000])
    watch = Watcher()
    assert search(watch=watch) == first
    assert watch.steps == STEPS[2:]  # is made again
    assert ranker.read_bytes() == whole

    labels = Path("run", LABELS)
    known = labels.read_bytes()
    labels.write_bytes(known[:-1] + b"x")
    with pytest.raises(StorageError, match=r"weak\.parquet are gone or have changed"):
        search()
    labels.unlink()
    with pytest.raises(StorageError, match=r"remove .*weak\.json to make them again"):
        search()
    Path("run", ABOUT).unlink()
    watch = Watcher()
    assert search(watch=watch) == first
    assert watch.steps == STEPS[1:2]  # the same labels, so the ranker is still good
    Path("run", ABOUT).write_text("{}")
    with pytest.raises(StorageError, match="have changed"):
        search()


def test_a_supernet_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    first = search()
    given = replace(SETTINGS, supernet=Path("run") / SUPERNET)
    watch = Watcher()
    assert search("given", given, watch=watch) == first
    assert watch.steps == STEPS[1:]

    def scored(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing may be scored")

    monkeypatch.setattr(scoring, "one_shot_scores", scored)
    for other in (replace(given, space="mine.py:wide"), replace(given, task="mine.py:other")):
        with pytest.raises(ResumeError, match="of another supernet"):
            search("other", other)
    with pytest.raises(StorageError, match="no checkpoint"):
        search("other", replace(SETTINGS, supernet=Path("nowhere")))
    assert not Path("other").exists()


@pytest.fixture
def tables() -> None:
    space = make_space("mine.py:space")
    archs = space.enumerate()
    strings, scores = space.format(archs), archs.sum(axis=1) + 0.01 * np.arange(len(archs))
    write_table(Path("scores.parquet"), strings, {"oneshot_accuracy": scores, "accuracy": -scores})
    write_table(Path("truth.parquet"), strings, {"accuracy": scores})
    wide = make_space("mine.py:wide")
    write_table(Path("wide.parquet"), wide.format(archs), {"oneshot_accuracy": scores})


TABLE = replace(
    SETTINGS, evaluate=(), table="scores.parquet", metric=("accuracy:maximize",), task="digits"
)


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        (TABLE, ["oneshot_accuracy", "macs", "params"]),
        (
            replace(TABLE, table="truth.parquet", weak=("scores.parquet:oneshot_accuracy", "macs")),
            ["scores.parquet:oneshot_accuracy", "macs"],
        ),
        (replace(TABLE, weak=("oneshot_accuracy",)), ["oneshot_accuracy"]),
        (replace(SETTINGS, weak=("macs", "params")), ["macs", "params"]),
    ],
)
def test_weak_labels_of_tables(tables: None, settings: SearchSettings, labels: list[str]) -> None:
    watch = Watcher()
    found = search(settings=settings, watch=watch)
    assert len(set(found)) == BUDGET
    assert watch.steps == STEPS[2:]
    assert json.loads(Path("run", ABOUT).read_text())["labels"] == labels


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"table": "truth.parquet"}, SettingsError, "no column oneshot_accuracy.*--weak FILE"),
        ({"table": "wide.parquet"}, ArchrankError, "wide.parquet"),
        ({"weak": ("wide.parquet:oneshot_accuracy",)}, ArchrankError, "wide.parquet"),
        ({"weak": ("scores.parquet:oneshot",)}, UnknownNameError, "oneshot_accuracy"),
        ({"weak": ("nowhere.csv:oneshot",)}, ArchrankError, "nowhere.csv"),
        (
            {"weak": ("macs",), "supernet": Path("net")},
            SettingsError,
            "leave out --weak macs, or --supernet net",
        ),
        ({"ranker": "gbdt"}, SettingsError, "GBDT cannot be: leave out --ranker gbdt"),
        ({"plan": 14}, BudgetError, "a budget of 14, less the last 10, cannot be split into 5"),
        ({"strategy": "random", "ranker": "default"}, SettingsError, "--plan 17.*acenas"),
        ({"batch": 4}, SettingsError, "uses no batch size"),
        (
            {"strategy": "guided", "plan": None, "supernet": Path("net")},
            SettingsError,
            "uses no supernet: remove --supernet net",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(
    tables: None, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        search(settings=replace(TABLE, **change))
    assert not Path("run").exists()


def test_the_seed_is_that_of_the_ranker_too() -> None:
    for ranker, seed in (("default", 7), ("mine.py:ranker", 0)):
        settings = replace(SETTINGS, seed=7, ranker=ranker)
        space = make_space(settings.space)
        strategy = make_strategy(settings, space)
        assert isinstance(strategy, AceNASSearch)
        found = Pretraining(strategy, settings, space, Path("run"))
        assert found.ranker.get_params()["seed"] == seed


def test_a_space_without_a_supernet() -> None:
    settings = replace(SETTINGS, space="mine.py:plain", ranker="default")
    with pytest.raises(SpaceError, match="graph"):  # which its ranker needs
        search(settings=settings)
    with pytest.raises(SpaceError, match="supernet"):
        search(settings=replace(settings, ranker="gaussian_process"))
    assert not Path("run").exists()


def test_plans() -> None:
    plain = replace(SETTINGS, plan=None)
    assert planned(plain, Path("run"), None, None) == (replace(plain, plan=110), 110)
    assert planned(plain, Path("run"), 50, None) == (replace(plain, plan=50), 50)
    assert planned(plain, Path("run"), None, 5.0) == (plain, None)
    assert planned(SETTINGS, Path("run"), 50, None) == (SETTINGS, 50)
    for strategy, usual in (("guided", 60), ("random", 60), ("acenas_proxyless", 234)):
        other = replace(plain, strategy=strategy)
        assert planned(other, Path("run"), None, None) == (other, usual)
    search()
    assert planned(plain, Path("run"), 50, None) == (SETTINGS, 50)  # stays that of the first


def test_the_search_for_a_latency_from_its_supernet_on(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At smoke size: published are 360 epochs, 10,000 weak labels, 234 evaluations."""
    changes = {"epochs": 1, "batch_size": 400}
    recipe = replace(QUICK, changes=changes, sampler=SkipPrior())
    monkeypatch.setattr(recipes, "ACENAS_PROXYLESSNAS", recipe)
    monkeypatch.setattr(acenas, "WEAK_IN_BAND", 30)
    write_weights(here)
    settings = replace(
        SETTINGS, space="proxylessnas", strategy="mine.py:Mobile", plan=None, data=here
    )
    watch = Watcher()
    found = np.array(search(settings=settings, budget=12, watch=watch), dtype=np.uint8)
    assert watch.steps == STEPS
    assert len(np.unique(found, axis=0)) == 12
    latency = pixel1_latency(ProxylessNAS(), here / PIXEL1_FILE)(found)
    assert ((latency >= 83) & (latency <= 85)).all()
    about = json.loads(Path("run", ABOUT).read_text())
    assert about["labels"] == ["oneshot_accuracy", "macs", "params", "latency_ms"]
