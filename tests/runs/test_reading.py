"""Runs are read without their table, their code, their folder's place and write permission."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from archrank.drawing import draw
from archrank.errors import ArchrankError, StorageError
from archrank.evaluators import Function
from archrank.runs.folder import load_settings, open_run
from archrank.runs.outline import outline
from archrank.runs.reading import find_run, load, with_parts
from archrank.runs.settings import SearchSettings
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import Random
from archrank.study import Study
from tests.spaces.declared import mixed
from tests.study.helpers import told

MINE = """
from pathlib import Path
import archrank as ar

with Path(__file__).with_name("imported").open("a") as file:
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


# ---- studies that were made in Python ------------------------------------------------------------


def in_python(path: Path, name: str | None = None, space: NASBench201 | None = None) -> Study:
    study = Study(
        space or NASBench201(), Function(depth), Random(4), storage=path, name=name, seed=1
    )
    return study.run(6)


def depth(config: dict[str, str]) -> float:
    return float(sum(option == "nor_conv_3x3" for option in config.values()))


def test_a_database_that_a_study_has_written(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    study = in_python(tmp_path / "mine" / "s.db")
    for path in (tmp_path / "mine" / "s.db", tmp_path / "mine"):
        run = find_run(path)
        assert told(run.results()) == told(study)  # type: ignore[arg-type]
        assert run.settings is None
        assert run.listed_settings() == {}
        results = with_parts(run.results(), None)
        assert isinstance(results.space, NASBench201)
        assert results.absent["strategy"] == "the study was made in Python"
    assert find_run(tmp_path / "mine" / "s.db").report == tmp_path / "mine" / "s.html"
    assert find_run(tmp_path / "mine").report == tmp_path / "mine" / "report.html"


def test_several_studies(tmp_path: Path) -> None:
    for name in ("one", "two"):
        in_python(tmp_path / "s.db", name)
    with pytest.raises(StorageError, match=r"holds 2 runs: one, two; name one .* --study"):
        find_run(tmp_path / "s.db")
    assert len(load(tmp_path / "s.db", "two").records) == 6
    with pytest.raises(StorageError, match="holds no study 'three'"):
        load(tmp_path / "s.db", "three")
    in_python(tmp_path / "t.sqlite3")
    with pytest.raises(StorageError, match=r"several runs: s\.db, t\.sqlite3; name one of these"):
        find_run(tmp_path)


def test_databases_of_others(tmp_path: Path) -> None:
    import optuna

    optuna.create_study(study_name="theirs", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    (tmp_path / "text.db").write_text("no database")
    with pytest.raises(StorageError, match="holds no run of archrank"):
        find_run(tmp_path / "optuna.db")
    with pytest.raises(StorageError, match="not a database"):
        find_run(tmp_path / "text.db")
    with pytest.raises(StorageError, match="was not made by archrank"):
        load(tmp_path / "optuna.db", "theirs")
    with pytest.raises(StorageError, match="no run in"):
        find_run(tmp_path)
    in_python(tmp_path / "s.db")
    assert len(load(tmp_path).records) == 6  # the only run among them


def test_a_space_that_is_none_of_archranks(tmp_path: Path) -> None:
    space = CustomSpace({"a": [1, 2, 3, 4], "b": ["x", "y"]}, lambda c, t: None, "mine")  # type: ignore[arg-type,return-value]
    Study(space, Function(lambda c: c["a"]), Random(2), storage=tmp_path / "s.db").run(4)
    results = with_parts(load(tmp_path / "s.db"), None)
    assert results.space is None
    assert "its space 'mine' is none of archrank's" in results.absent["space"]
    drawn = outline(results.description)
    assert drawn.choices == space.choices
    assert drawn.parse([results.best.string])[0].tolist() == results.best.arch.tolist()
    with pytest.raises(ArchrankError, match="not at hand"):
        drawn._build(results.best.arch, None)


def test_an_outline_has_the_sets_and_blocks_of_a_run(tmp_path: Path) -> None:
    space = mixed()
    fn = Function(lambda config: len(config["layers"]))
    Study(space, fn, Random(2), storage=tmp_path / "s.db").run(4)
    results = load(tmp_path / "s.db")
    best = results.best
    drawn = outline(results.description, best)
    row = drawn.parse([best.string])
    assert drawn.format(row) == [best.string]
    assert {one.name for one in drawn.subsets} >= {"quantised", "layers.0.heads"}
    assert best.config == json.loads(json.dumps(space.config(best.arch)))
    assert draw(drawn, row[0]).count(">layers.3.skip<") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's permissions")
def test_reading_needs_no_write_permission(settings: SearchSettings, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    begin(folder, settings)
    in_python(tmp_path / "run" / "python.db")
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()}
    as_others = []
    if os.geteuid() == 0:  # root may write everywhere, unless this power is taken
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere, and there is no setpriv")
        powers = "-dac_override,-dac_read_search"
        as_others = ["setpriv", f"--bounding-set={powers}", f"--inh-caps={powers}"]
    for path in (*folder.iterdir(), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code = (
        "import os, sys; from pathlib import Path; from archrank.runs.reading import load;"
        "folder = Path(sys.argv[1]); assert not os.access(folder, os.W_OK);"
        "print(len(load(folder).records), len(load(folder / 'python.db').records))"
    )
    root = Path(__file__).parents[2] / "src"
    try:
        found = subprocess.run(
            [*as_others, sys.executable, "-c", code, folder],
            env={**os.environ, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o755)
    assert (found.stdout.strip(), found.returncode) == ("8 6", 0), found.stderr
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.iterdir()} == before
