"""Runs are read without their table, their code, their folder's place and write permission."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from archrank.runs.folder import load_settings, open_run
from archrank.runs.reading import load, with_parts
from archrank.runs.settings import SearchSettings
from archrank.spaces import NASBench201
from archrank.strategies import Random
from tests.study.helpers import told

MINE = """
import archrank as ar

with open("imported", "a") as file:
    file.write("x")

def build(config, task):
    return None

space = ar.spaces.CustomSpace({"depth": [1, 2, 3, 4], "width": [8, 16]}, build)
strategy = ar.strategies.Random(3)
"""


@pytest.fixture
def settings(space: NASBench201, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SearchSettings:
    monkeypatch.chdir(tmp_path)
    archs = space.enumerate()[::400]
    rows = zip(space.format(archs), archs, strict=True)
    lines = [f"{text},{a.sum() / 25},{9 - a[0]}" for text, a in rows]
    Path("table.csv").write_text("\n".join(["arch,acc,ms", *lines]) + "\n")
    return SearchSettings(
        table="table.csv", metric=("acc", "ms"), constraint=("ms<=8",), strategy="random", batch=4
    )


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SearchSettings:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(MINE)
    lines = [f"depth={d},width={w};{d * w}" for d in (1, 2, 3, 4) for w in (8, 16)]
    text = "\n".join(f'"{line.split(";")[0]}",{line.split(";")[1]}' for line in lines)
    Path("own.csv").write_text(f"arch,score\n{text}\n")
    return SearchSettings(space="mine.py:space", strategy="mine.py:strategy", table="own.csv")


def begin(folder: Path, settings: SearchSettings, budget: int = 8) -> list[tuple[object, ...]]:
    with open_run(folder, settings, budget=budget) as study:
        return told(study.run(budget))


def forget(*names: str) -> None:
    for name in [name for name in sys.modules if any(part in name for part in names)]:
        del sys.modules[name]


def test_results_are_those_of_the_study(settings: SearchSettings) -> None:
    with open_run(Path("run"), settings, budget=20) as study:
        study.run(20)
    results = load(Path("run"))
    assert told(results) == told(study)  # type: ignore[arg-type]
    assert results.best.string == study.best.string
    assert [r.string for r in results.front] == [r.string for r in study.front]
    assert [results.is_feasible(r) for r in results.records] == results.feasible.tolist()
    assert results.table().equals(study.table())
    assert results.description.to_json() == study.description.to_json()
    assert results.space is None


def test_from_elsewhere_without_the_table(
    settings: SearchSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = begin(Path("run"), settings)
    Path("table.csv").unlink()
    Path("run").rename("moved")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert told(load(Path("../moved"))) == done  # type: ignore[arg-type]


def test_a_run_in_a_shared_storage_may_move(settings: SearchSettings, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    with open_run(Path("run"), settings, budget=3, storage=url) as study:
        done = told(study.run(3))
    Path("run").rename("moved")
    assert told(load(Path("moved"))) == done  # type: ignore[arg-type]
    with open_run(Path("moved"), settings, budget=4) as study:
        assert told(study) == done


def test_reading_imports_no_code_of_the_users(own: SearchSettings) -> None:
    done = begin(Path("run"), own, 4)
    before = Path("imported").read_text()
    forget("mine")
    results = load(Path("run"))
    assert told(results) == done  # type: ignore[arg-type]
    bare = with_parts(results, load_settings(Path("run")))
    assert bare.space is bare.strategy is bare.evaluator is None
    assert bare.absent["space"] == "it needs your own code, mine.py:space; use --own-code"
    assert Path("imported").read_text() == before
    Path("mine.py").rename("moved.py")
    assert told(load(Path("run"))) == done  # type: ignore[arg-type]


def test_code_of_the_users_is_imported_when_asked_for(own: SearchSettings) -> None:
    begin(Path("run"), own, 4)
    results = with_parts(load(Path("run")), own, own_code=True)
    assert results.absent == {}
    assert results.space is not None
    assert results.space.d == 2
    assert isinstance(results.strategy, Random)
    assert results.evaluator is not None


def test_parts_of_a_known_space(settings: SearchSettings) -> None:
    begin(Path("run"), settings)
    results = with_parts(load(Path("run")), settings)
    assert isinstance(results.space, NASBench201)
    assert isinstance(results.strategy, Random)
    assert results.evaluator is not None
    assert results.absent == {}


def test_parts_that_have_changed_since(settings: SearchSettings) -> None:
    begin(Path("run"), settings)
    results = load(Path("run"))
    text = Path("table.csv").read_text()
    Path("table.csv").write_text(text.replace(",9\n", ",9.5\n"))
    found = with_parts(results, settings)
    assert found.evaluator is None
    assert found.absent == {"evaluator": "table table.csv has changed since the run"}
    Path("table.csv").unlink()
    assert "table.csv" in with_parts(results, settings).absent["evaluator"]
    other = with_parts(results, replace(settings, space="nasbench101", batch=5))
    assert other.absent["space"] == "space 'nasbench101' has other decisions than the run's"
    assert (other.space, other.strategy, other.evaluator) == (None, None, None)
    other = with_parts(results, replace(settings, batch=5))
    assert other.absent["strategy"] == "strategy 'random' has other settings than the run's"
