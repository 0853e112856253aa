"""The steps before a search by RankNAS: latencies, supernet, search; stopped and gone on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import ResumeError, SettingsError, SpaceError, UnknownNameError
from archrank.evaluators.latency import Latency
from archrank.runs import folder as run_folder
from archrank.runs.folder import open_run
from archrank.runs.ranknas import SEARCH, limits_of
from archrank.runs.reading import find_run, with_parts
from archrank.runs.settings import SearchSettings
from archrank.runs.supernet_search import search as engine
from archrank.runs.supernet_search.results import read_search
from archrank.runs.trained_supernet import SUPERNET
from archrank.strategies import RankNASSearch
from archrank.supernets import running, scoring
from archrank.supernets.checkpoints import checkpoints
from archrank.torch_state import torch_threads

MINE = """
import archrank as ar
from archrank.supernets.recipes import SupernetRecipe
from tests.supernets.transformers import Counting, Reversal

space = ar.spaces.HAT("small")
task = Reversal()
other = Reversal(length=4)
plain = ar.spaces.from_choices({"depth": list(range(40))}, build=lambda c, t: None, name="plain")
quick = SupernetRecipe({"epochs": 2, "batch_size": 16, "optimizer": "adamw", "lr": 3e-3})

class Small(ar.strategies.RankNASSearch):
    supernet_recipe = quick

    def __init__(self, ranker=None):
        small = {"archs": 20, "examples": 8, "timed": 30, "repeats": 1, "finalists": 2}
        super().__init__(ranker, batch_size=2, **small)
"""
SETTINGS = SearchSettings(
    space="mine.py:space",
    task="mine.py:task",
    evaluate=("cost",),
    metric=("macs",),
    constraint=("params<=150000", "macs>=1"),
    strategy="mine.py:Small",
)
STEPS = ["training the supernet", "scoring architectures", "searching", "measuring finalists"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    monkeypatch.setattr(
        engine, "PopulationEvolution", lambda: engine.PatientRandom(batch=20, batches=3)
    )
    Path("mine.py").write_text(MINE)
    with torch_threads(1):
        yield tmp_path


class Watcher:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, doing: str, done: int, of: int) -> None:
        self.seen.append(doing)

    @property
    def steps(self) -> list[str]:
        return list(dict.fromkeys(each for each in self.seen if "test data" not in each))


def search(
    folder: str = "run", settings: SearchSettings = SETTINGS, budget: int = 3, **more: Any
) -> list[str]:
    """Run a search; return what it evaluated, in order."""
    with open_run(Path(folder), settings, budget=budget, **more) as study:
        study.run(budget)
        return [record.string for record in study.records]


def test_from_nothing_to_the_winners_and_on() -> None:
    watch = Watcher()
    first = search(watch=watch)
    assert watch.steps == STEPS
    found = read_search(Path("run", SEARCH))
    assert found.limits == {"params<=150000": 150_000.0}
    inside = sorted(
        (f for f in found.finalists if found.keeps(f, "params<=150000")),
        key=lambda f: f.value("valid_loss"),
    )
    names = [f.architecture for f in inside]
    assert first == names[:3] if len(names) >= 3 else first[: len(names)] == names
    assert found.best().architecture == first[0]
    assert list(checkpoints(Path("run") / SUPERNET)) == [2]

    again = Watcher()
    assert search(watch=again) == first
    assert again.seen == []  # everything is kept
    longer = search(budget=6)
    assert longer[:3] == first
    assert len(set(longer)) == 6

    results = with_parts(
        find_run(Path("run")).results(), SETTINGS, folder=Path("run"), own_code=True
    )
    assert isinstance(results.strategy, RankNASSearch)
    assert results.strategy.winners is not None


def test_a_stopped_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search("whole")

    def stop(*args: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    save = running._save

    def after_one(training: Any, *more: Any) -> None:
        save(training, *more)
        if training.epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "_save", after_one)
        with pytest.raises(KeyboardInterrupt):
            search()
    assert list(checkpoints(Path("run") / SUPERNET)) == [1]
    with monkeypatch.context() as patch:
        patch.setattr(engine, "one_shot_scores", stop)
        with pytest.raises(KeyboardInterrupt):
            search()
    assert not Path("run", run_folder.SETTINGS).exists()
    assert search() == whole


def test_a_supernet_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = search("first")
    watch = Watcher()
    given = replace(SETTINGS, supernet=Path("first", SUPERNET))
    assert search("second", given, watch=watch) == trained
    assert "training the supernet" not in watch.steps
    with pytest.raises(ResumeError, match="another supernet"):
        search("third", replace(given, task="mine.py:other"))
    assert not Path("third").exists()


def latency(self: Latency, archs: Any) -> dict[str, Any]:
    """Latencies of 1 ms per decision's option."""
    return {"latency_ms": 1.0 + archs.sum(axis=1)}


def test_latencies_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Latency, "evaluate", latency)
    settings = replace(
        SETTINGS, evaluate=("cost", "latency"), metric=("macs",), constraint=("latency_ms<=0.5",)
    )
    watch = Watcher()
    with pytest.raises(SettingsError, match=r"latency_ms<=0.5: no .* keeps it; the fastest found"):
        search("low", settings, watch=watch)
    assert watch.steps == ["measuring latencies"]  # no supernet was trained
    watch = Watcher()
    search("high", replace(settings, constraint=("latency_ms<=999",)), watch=watch)
    assert watch.steps[0] == "measuring latencies"
    assert read_search(Path("high", SEARCH)).cost == "latency_ms"


def test_mistakes_are_told_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: Any, **options: Any) -> Any:
        raise AssertionError("something was trained")

    monkeypatch.setattr(running, "train_supernet", never)
    monkeypatch.setattr(scoring, "one_shot_scores", never)
    with pytest.raises(SettingsError, match="limit params<=10: no architecture"):
        search(settings=replace(SETTINGS, constraint=("params<=10",)))
    with pytest.raises(SpaceError, match="supernet"):
        search(settings=replace(SETTINGS, space="mine.py:plain", constraint=()))
    with pytest.raises(UnknownNameError, match="ranker"):
        search(settings=replace(SETTINGS, ranker="ranknass"))
    with pytest.raises(SettingsError, match="uses no initial random architectures"):
        search(settings=replace(SETTINGS, initial=3))
    with pytest.raises(SettingsError, match="--strategy acenas or ranknas"):
        search(settings=replace(SETTINGS, strategy="random", supernet=Path("first")))
    assert not Path("run").exists()


def test_a_pruned_search() -> None:
    pruned = replace(SETTINGS, prune="30:1.01")
    assert len(set(search(settings=pruned))) == 3
    found = read_search(Path("run", SEARCH))
    assert found.importance
    assert found.fixed
    assert found.ranker["labels"] == 15  # half of as many as importance needs
    with pytest.raises(SettingsError, match="N:THRESHOLD"):
        search("other", replace(pruned, prune="30"))


def test_the_tightest_bound_of_each_cost() -> None:
    assert limits_of(()) == ()
    bounds = ("macs<=2e6", "macs<1e6", "params>=3", "valid_accuracy>=0.5", "latency_ms<=4")
    assert limits_of(bounds) == ("macs<1e+06", "latency_ms<=4")


def test_other_rankers(monkeypatch: pytest.MonkeyPatch) -> None:
    first = search()
    with pytest.raises(ResumeError, match="--ranker"):
        search(settings=replace(SETTINGS, ranker="random_forest"))
    other = search("other", replace(SETTINGS, ranker="random_forest"))
    assert len(set(other)) == len(set(first)) == 3
    found = [read_search(Path(name, SEARCH)) for name in ("run", "other")]
    assert found[0].ranker["tau_macs"] == found[1].ranker["tau_macs"]  # the same labels
    assert [f.score for f in found[0].finalists] != [f.score for f in found[1].finalists]
    assert not np.isnan(found[1].ranker["tau"])
