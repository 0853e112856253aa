from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from archrank.errors import EvaluationError, SpaceError, TableError, UnknownNameError
from archrank.evaluators import Metric, Table
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import load_table
from archrank.testing import check_evaluator


@pytest.fixture
def small() -> CustomSpace:
    return CustomSpace({"depth": [1, 2, 3, 4]}, build=build)


def build(config: object, task: object) -> None:
    return None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    file.write_text("arch,loss,acc,note\ndepth=3,0.1,0.9,a\ndepth=1,,0.7,b\ndepth=2,0.2,0.8,c\n")
    return file


def test_contract(small: CustomSpace, path: Path) -> None:
    check_evaluator(Table(path), small)
    check_evaluator(Table(path, "acc"), small)
    check_evaluator(Table(load_table(path, small), "acc"), small)


def test_looks_up_with_reasons(small: CustomSpace, path: Path) -> None:
    table = Table(path, "acc").bind(small)
    assert table.metrics == (Metric("acc", unit="fraction"), Metric("loss", "minimize"))
    result = table.evaluate(small.enumerate())
    assert np.array_equal(result["acc"], [0.7, 0.8, 0.9, np.nan], equal_nan=True)
    assert result.reasons == ["no value of loss in the table", None, None, "not in the table"]
    assert table.available(small.enumerate()).tolist() == [True, True, True, False]
    assert table.capacity == 3


def test_directions(path: Path) -> None:
    assert Table(path, directions={"acc": "minimize"}).metrics[1].direction == "minimize"


def test_unbound(small: CustomSpace, path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"evaluator\.bind\(space\)"):
        Table(path).evaluate(small.enumerate())


def test_bad_metrics(small: CustomSpace, path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'acc'"):
        Table(path, "accc")
    with pytest.raises(TableError, match=r"'note': row 0 .* is 'a', which is not a number"):
        Table(path, "note")
    with pytest.raises(TableError, match=r"'loss': row 1 .* is empty or NaN"):
        Table(path, "loss").bind(small)
    with pytest.raises(TableError, match="no such file"):
        Table("nowhere.csv")


def test_a_loaded_table_keeps_its_space(small: CustomSpace, path: Path) -> None:
    other = CustomSpace({"width": [1, 2]}, build=build, name="widths")
    with pytest.raises(SpaceError, match=r"not of widths; load it again with load_table"):
        Table(load_table(path, small)).bind(other)


def test_contents_are_those_of_the_file(small: CustomSpace, path: Path) -> None:
    before, described = Table(path).contents(), Table(path).describe()
    moved = path.rename(path.with_name("moved.csv"))
    assert Table(moved).contents() == before
    assert Table(load_table(moved, small)).contents() == before
    moved.write_text(moved.read_text().replace("0.9", "0.95"))
    after = Table(moved).contents()
    changed = {name for name in before if before[name] != after[name]}
    assert len(changed) == 1
    assert changed <= {name for name in before if name.startswith("table column ")}
    assert Table(moved).describe() == described  # that is what was asked for


def test_published_table(space: NASBench201, nb201_csv: Path) -> None:
    check_evaluator(Table(nb201_csv, "c10_val"), space)
    bound = Table(nb201_csv, "c10_val").bind(NASBench201())
    assert len(pickle.dumps(bound)) < 10_000  # the path, not the table
    best = space.enumerate()[np.argmax(bound.evaluate(space.enumerate())["c10_val"])]
    assert bound.evaluate(best[None])["c10_val"][0] == pytest.approx(91.61, abs=0.005)
