"""Searches that begin with short trainings: stopped anywhere, extended, on several workers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import pytest

from archrank.errors import ArchrankError, BudgetError, ResumeError, SettingsError
from archrank.evaluators import Training
from archrank.parallel import Processes
from archrank.runs.fidelity import FOLDER, fidelity_of
from archrank.runs.folder import open_run
from archrank.runs.named import make_task
from archrank.runs.reading import find_run, load, with_parts
from archrank.runs.settings import SearchSettings
from archrank.runs.shorts import make_shorts
from archrank.spaces import NASBench201
from archrank.strategies import Promoted
from archrank.study.record import Record

MINE = """
import os
from pathlib import Path

import archrank as ar

task = ar.tasks.Digits(copies=1, recipe=ar.tasks.Recipe(epochs=2))
updates = ar.tasks.Digits(copies=1, recipe=ar.tasks.Recipe(updates=9))
space = ar.spaces.from_choices({"depth": list(range(9)), "width": list(range(9))},
                               build=lambda c, t: None, name="plain")

def measure(config, epochs):
    left = Path("left")
    if left.exists():
        n = int(left.read_text())
        if n == 0:
            raise KeyboardInterrupt
        left.write_text(str(n - 1))
    return -abs(config["depth"] - 6) - abs(config["width"] - 2) - config["depth"] / epochs

def plain(config):
    return config["depth"]
"""
SETTINGS = SearchSettings(
    space="mine.py:space",
    evaluate=("mine.py:measure",),
    metric=("score",),
    ranker="linear",
    epochs=8,
    fidelity="2",
)
EACH = 4


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    Path("mine.py").write_text(MINE)


@pytest.fixture
def pair() -> Iterator[Executor]:
    with Processes(2) as executor:
        yield executor


Told = list[tuple[str, dict[str, float]]]


def told(records: list[Record]) -> Told:
    return [(r.string, r.values) for r in sorted(records, key=lambda r: r.key)]


def search(
    folder: str,
    full: int,
    settings: SearchSettings = SETTINGS,
    executor: Executor | None = None,
) -> tuple[Told, Told]:
    """Search; return what was evaluated shortly, and in full."""
    short = fidelity_of(settings)
    assert short is not None
    with open_run(Path(folder), settings, budget=full, executor=executor) as study:
        assert isinstance(study.strategy, Promoted)
        make_shorts(study.strategy, short, Path(folder), full, executor=executor)
        study.run(full)
        return told([*load(Path(folder) / FOLDER).records]), told(study.records)


def test_the_best_of_short_trainings_are_made_in_full() -> None:
    short, full = search("run", 4)
    assert len(short) == 4 * EACH
    assert len(full) == 4
    best = sorted(short[: 2 * EACH], key=lambda each: -each[1]["score"])[:2]
    assert [name for name, _ in full[:2]] == [name for name, _ in best]
    assert max(v["score"] for _, v in full) > max(v["score"] for _, v in short)


def test_stopped_at_every_evaluation_it_is_the_same_search() -> None:
    settings = replace(SETTINGS, batch=1)
    whole = search("whole", 2, settings)
    assert [len(each) for each in whole] == [2 * EACH, 2]
    for k in range(2 * EACH + 2):
        Path("left").write_text(str(k))
        with pytest.raises(KeyboardInterrupt):
            search(f"run{k}", 2, settings)
        Path("left").unlink()
        assert search(f"run{k}", 2, settings) == whole


def test_on_two_workers_and_to_a_larger_budget(pair: Executor) -> None:
    whole = search("whole", 7)
    assert search("two", 7, executor=pair) == whole
    for budget in (2, 3, 7):  # two of these end in the middle of a round
        grown = search("grown", budget)
    assert grown == whole


def test_other_short_trainings_are_another_search() -> None:
    search("run", 2)
    with pytest.raises(ResumeError, match="--fidelity"):
        search("run", 2, replace(SETTINGS, fidelity="4"))


def test_a_promoted_training_is_a_full_one(space: NASBench201) -> None:
    settings = SearchSettings(task="mine.py:task", fidelity="1", seed=3, batch=1)
    short, full = search("run", 1, settings)
    assert len(short) == 2
    arch = load(Path("run")).records[0].arch[None]
    alone = Training(make_task("mine.py:task")).bind(space, seed=3).evaluate(arch)
    assert {k: float(v[0]) for k, v in alone.items()}.items() <= full[0][1].items()
    task = make_task("mine.py:task")
    early = (
        Training(replace(task, recipe=replace(task.recipe, epochs=1)))
        .bind(space, seed=3)
        .evaluate(arch)
    )
    assert early["valid_accuracy"][0] == dict(short)[full[0][0]]["valid_accuracy"]


def test_columns_of_a_table(space: NASBench201) -> None:
    archs = space.enumerate()[::300]
    texts = space.format(archs)
    sums = archs.sum(axis=1).tolist()
    lines = [f"{s},{a},{30 - a}" for s, a in zip(texts, sums, strict=True)]
    Path("t.csv").write_text("\n".join(["arch,late,soon", *lines]) + "\n")
    settings = SearchSettings(
        table="t.csv", metric=("late:minimize",), fidelity="soon=0.4", ranker="linear"
    )
    found = fidelity_of(settings)
    assert found is not None
    assert (found.settings.metric, found.share, found.each) == (("soon:minimize",), 0.4, 2)
    short, full = search("run", 2, settings)
    best = sorted(short, key=lambda each: each[1]["soon"])[:2]
    assert [name for name, _ in full] == [name for name, _ in best]
    everything = search("all", len(archs), settings)
    assert [len(each) for each in everything] == [len(archs)] * 2


def test_a_finished_run_is_read_without_its_short_trainings() -> None:
    search("run", 2)
    stored = find_run(Path("run"))
    results = with_parts(stored.results(), stored.settings, folder=Path("run"), own_code=True)
    assert isinstance(results.strategy, Promoted)
    assert "strategy" not in results.absent


def test_budgets_are_full_trainings() -> None:
    found = fidelity_of(SETTINGS)
    assert found is not None
    assert (found.share, found.each) == (0.25, EACH)
    assert [found.full(n) for n in (2, 3, 4, 60)] == [1, 1, 2, 30]
    with pytest.raises(BudgetError, match="budget 1: one full training and the 4 short ones"):
        found.full(1)
    assert [found.full(n, 2) for n in (4, 5, 6, 60)] == [3, 3, 4, 31]
    with pytest.raises(BudgetError, match=r"budget 3: 2 repetitions, one .* give at least 4"):
        found.full(3, 2)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fidelity": "0"}, "--fidelity 0: write the epochs of a short training"),
        ({"fidelity": "1.5"}, "--fidelity 1.5: write the epochs"),
        ({"fidelity": "8"}, "a full training has 8 epochs, so a short one has 7 at most"),
        ({"epochs": 1, "fidelity": "1"}, "a full training has 1 epoch, and there is none shorter"),
        ({"epochs": None}, "nothing tells how many epochs a full training has"),
        ({"strategy": "random"}, "guided search alone begins with short trainings"),
        ({"prune": "20:1"}, "--fidelity 2 goes without --prune 20:1"),
        ({"metric": ("a", "b")}, "--fidelity 2 takes one metric"),
        (
            {"evaluate": ("told",), "epochs": None},
            "made elsewhere have no short trainings",
        ),
        ({"evaluate": ("mine.py:plain",)}, "nothing that this search evaluates with takes epochs"),
    ],
)
def test_bad_settings(changes: dict[str, object], says: str) -> None:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    with (
        pytest.raises(ArchrankError, match=says.replace("(", r"\(")),
        open_run(Path("run"), settings, budget=4),
    ):
        pass
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"evaluate": (), "task": "mine.py:updates"}, "are as long as the 9 updates of its recipe"),
        ({"table": "t.csv"}, "--fidelity 2: of a table, write COLUMN=SHARE"),
        ({"table": "t.csv", "fidelity": "soon=1"}, "--fidelity soon=1: of a table, write"),
        ({"table": "t.csv", "fidelity": "soon=0.5", "metric": ()}, "name the column of full"),
    ],
)
def test_bad_columns(changes: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        fidelity_of(replace(SETTINGS, **changes))  # type: ignore[arg-type]


def test_nobody_is_asked_for_short_trainings() -> None:
    with (
        pytest.raises(SettingsError, match="are made by archrank search"),
        open_run(Path("run"), SETTINGS, asks=True),
    ):
        pass
    assert not Path("run").exists()
