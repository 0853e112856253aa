"""Runs whose table, code or torch have changed since they were begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import ChangedRunError, ChangedRunWarning
from archrank.evaluators import Cost, Evaluations, Evaluator, Function, Metric, Table, Training
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import Random
from archrank.study import Study, circumstances
from archrank.study.circumstances import changed
from archrank.study.results import Results
from archrank.study.storage import TrialStore
from archrank.tasks import Digits
from archrank.types import Archs
from tests.study.helpers import told

SPACE = CustomSpace({"depth": [1, 2, 3, 4], "width": [8, 16]}, lambda config, task: None)  # type: ignore[arg-type,return-value]
Columns = dict[str, Callable[[int, int], float]]
FIRST: Columns = {"acc": lambda d, w: d / w, "ms": lambda d, w: d * w}


def table(path: Path, columns: Columns = FIRST, rows: int = 8) -> Table:
    cells = [(d, w) for d in (1, 2, 3, 4) for w in (8, 16)][:rows]
    lines = [
        ",".join([f'"depth={d},width={w}"', *(str(f(d, w)) for f in columns.values())])
        for d, w in cells
    ]
    path.write_text("\n".join([",".join(["arch", *columns]), *lines]) + "\n")
    return Table(path, "acc")


def study(folder: Path, evaluator: Evaluator, **options: Any) -> Study:
    return Study(SPACE, evaluator, Random(2), storage=folder / "s.db", **options)


def begun(folder: Path, **options: Any) -> list[tuple[Any, ...]]:
    return told(study(folder, table(folder / "t.csv"), **options).run(4))


# ---- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (FIRST | {"macs": lambda d, w: w}, "table column macs is new"),
        ({"acc": FIRST["acc"]}, "table column ms is gone"),
    ],
)
def test_columns_that_the_search_does_not_use(
    columns: Columns, sentence: str, tmp_path: Path
) -> None:
    before = begun(tmp_path)
    again = study(tmp_path, table(tmp_path / "t.csv", columns))
    with pytest.warns(ChangedRunWarning, match=sentence):
        after = told(again.run(6))
    assert [row[:4] for row in after[:4]] == [row[:4] for row in before]
    assert len(after) == 6
    for record in TrialStore(tmp_path / "s.db").records():
        assert {"acc", *columns} <= set(record.values)  # NaN where it was not measured yet
    found = TrialStore(tmp_path / "s.db").description
    assert found.changes == (f"after 4 evaluations: {sentence}",)
    assert study(tmp_path, table(tmp_path / "t.csv", columns)).changes == ()  # it was told once


@pytest.mark.parametrize(
    ("columns", "rows", "sentence"),
    [
        (FIRST | {"acc": lambda d, w: d - w}, 8, "table column acc has changed"),
        (FIRST | {"ms": lambda d, w: d - w}, 8, "table column ms has changed"),
        (FIRST, 7, "table rows has changed; table column acc has changed"),
    ],
)
def test_tables_that_have_changed(
    columns: Columns, rows: int, sentence: str, tmp_path: Path
) -> None:
    begun(tmp_path)
    changed_table = table(tmp_path / "t.csv", columns, rows)
    with pytest.raises(ChangedRunError, match=f"{sentence}.*--accept-changes"):
        study(tmp_path, changed_table).run(6)
    assert len(TrialStore(tmp_path / "s.db").records()) == 4
    with pytest.warns(ChangedRunWarning, match=sentence):
        study(tmp_path, changed_table, accept_changes=True).run(6)
    assert len(TrialStore(tmp_path / "s.db").records()) == 6
    study(tmp_path, changed_table).run(7)  # these are its circumstances now


def test_a_run_without_evaluations_has_nothing_to_compare_with(tmp_path: Path) -> None:
    study(tmp_path, table(tmp_path / "t.csv")).open()
    other = table(tmp_path / "t.csv", FIRST | {"acc": lambda d, w: d - w})
    with pytest.warns(ChangedRunWarning):
        study(tmp_path, other).run(2)


def test_a_column_that_a_constraint_uses_and_is_gone() -> None:
    known = {"contents": {"table rows": "1", "table column ms": "2"}}
    now = {"contents": {"table rows": "1"}}
    assert changed(known, now, ["table column ms"]).serious == ("table column ms has changed",)
    assert changed(known, now, []).harmless == ("table column ms is gone",)


def test_two_tables(tmp_path: Path) -> None:
    parts = (table(tmp_path / "a.csv").bind(SPACE), table(tmp_path / "b.csv", rows=7).bind(SPACE))

    class Both(Table):
        def parts(self) -> tuple[Evaluator, ...]:
            return parts

    found = circumstances.circumstances(SPACE, Both(tmp_path / "a.csv"), Random())
    assert {"table rows", "table rows #2"} < set(found["contents"])


# ---- code ----------------------------------------------------------------------------------------


def good(config: dict[str, Any]) -> float:
    return float(config["depth"])


class Mine(Evaluator):
    metrics = (Metric("score"),)

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"score": np.asarray(archs[:, 0], dtype=np.float64)})

    def describe(self) -> dict[str, Any]:
        return {}


def test_edited_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.py"
    text = "def score(config):\n    return config['depth'] * 2\n"
    from tests.test_user_code import load

    study(tmp_path, Function(load(tmp_path, text).score)).run(3)
    assert path.exists()
    study(tmp_path, Function(load(tmp_path, f"# why not\n\n{text}").score)).run(4)
    edited = Function(load(tmp_path, text.replace("2", "3")).score)
    with pytest.raises(ChangedRunError, match=r"made, mine\.py:score was edited\. Later"):
        study(tmp_path, edited).run(5)


def test_a_space_of_ones_own_matters_where_its_networks_are_built(tmp_path: Path) -> None:
    def of(evaluator: Evaluator) -> set[str]:
        bound = evaluator.bind(SPACE)
        found = circumstances.circumstances(SPACE, bound, Random())
        return set(found["code"])

    builds = "tests.study.test_circumstances:<lambda>"
    assert of(table(tmp_path / "t.csv")) == set()
    assert of(Function(good)) == {"tests.study.test_circumstances:good"}
    assert builds in of(Mine())
    assert "tests.study.test_circumstances:Mine" in of(Mine())


def test_code_of_a_strategy_is_told_only(tmp_path: Path) -> None:
    known = {"code": {"a": "1"}, "strategy's code": {"m.py:Mine": "1"}}
    now = {"code": {"a": "1"}, "strategy's code": {"m.py:Mine": "2"}}
    found = changed(known, now, [])
    assert (found.serious, found.harmless) == ((), ("m.py:Mine was edited",))


def test_code_that_is_exchanged_or_only_left_out() -> None:
    def sentences(before: dict[str, str], after: dict[str, str]) -> tuple[int, int]:
        found = changed({"code": before}, {"code": after}, [])
        return len(found.serious), len(found.harmless)

    assert sentences({"a": "1"}, {"b": "1"}) == (2, 0)
    assert sentences({"a": "1", "b": "1"}, {"a": "1"}) == (0, 1)
    assert sentences({"a": "1"}, {"a": "1", "b": "1"}) == (0, 1)
    assert sentences({"a": "1"}, {"a": "1"}) == (0, 0)


# ---- versions ------------------------------------------------------------------------------------


def uses_torch(config: dict[str, Any]) -> float:
    import torch

    return float(torch.tensor(1.0))


def test_torch_matters_where_networks_run(tmp_path: Path) -> None:
    cells = NASBench201()

    def versions(space: Any, evaluator: Evaluator) -> dict[str, str]:
        bound = evaluator.bind(space)
        return circumstances.circumstances(space, bound, Random())["versions"]

    assert set(versions(cells, Training(Digits()))) == {"torch"}
    assert set(versions(SPACE, Function(uses_torch))) == {"torch"}
    assert versions(cells, Cost(Digits())) == {}
    assert versions(SPACE, Function(good)) == {}


def test_another_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circumstances, "version", lambda package: "2.13.0")
    study(tmp_path, Function(uses_torch)).run(2)
    monkeypatch.setattr(circumstances, "version", lambda package: "2.14.1")
    with pytest.raises(ChangedRunError, match=r"torch was 2\.13\.0 and is 2\.14\.1"):
        study(tmp_path, Function(uses_torch)).run(3)
    with pytest.warns(ChangedRunWarning, match="torch was"):
        study(tmp_path, Function(uses_torch), accept_changes=True).run(3)


def test_a_report_tells_what_has_changed(tmp_path: Path) -> None:
    from archrank.report.tables import configuration

    begun(tmp_path)
    with pytest.warns(ChangedRunWarning):
        study(tmp_path, table(tmp_path / "t.csv", {"acc": FIRST["acc"]})).run(5)
    again = study(tmp_path, Table(tmp_path / "t.csv", "acc")).results
    stored = TrialStore(tmp_path / "s.db")
    for results in (again, Results(stored.description, stored.records())):
        assert "after 4 evaluations: table column ms is gone" in configuration(results, {}, {})
