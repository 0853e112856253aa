"""The page and the displays."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from archrank.assess import Assessment, assess
from archrank.assess.figures import LogAxis
from archrank.assess.grid import Cell, Done
from archrank.display.assess import LiveBar, PlainLines, display
from archrank.errors import StorageError
from archrank.spaces import NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Constant, Linear


@pytest.fixture(scope="module")
def found(table: BenchTable, space: NASBench201) -> Assessment:
    return assess(
        table,
        {"one": Linear(space), "<two>": Linear(space, noise=3.0)},
        labels="val",
        truth="test",
        train_sizes=[20, 40, 80],
        seeds=3,
        judge=["other_test"],
    )


def test_page(found: Assessment, tmp_path: Path) -> None:
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "http" not in page.replace("http-equiv", "")
    assert "<two>" not in page
    assert "&lt;two&gt;" in page
    assert "Learnt val (maximize), judged on test (maximize)" in page
    assert "Zero-shot: learnt val (maximize), judged on other_test (maximize)" in page
    charts = re.findall(r"<svg class=\"chart\".*?</svg>", page)
    assert len(charts) == 6  # three curves, cost groups, two scatters
    for chart in charts:
        ElementTree.fromstring(chart)
        assert "nan" not in chart
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert "Failures" not in titles
    best = re.findall(r"<strong>(.*?)</strong>", page)
    assert f"{found.table()['tau'].max():.4f}" in best


def test_pages_of_little(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    single = assess(table, [Linear(space)], labels="val", train_sizes=[20], seeds=1)
    page = single.report(tmp_path / "a.html").read_text(encoding="utf-8")
    assert page.count('<svg class="chart"') == 5
    assert "One fit" in page
    staged = assess(table, [Linear(space)], labels="val", train_sizes=[20], seeds=2, stages=3)
    page = staged.report(tmp_path / "b.html").read_text(encoding="utf-8")
    assert ">60<" in page
    none = assess(table, [Constant(space)], labels="val", train_sizes=[20], seeds=1)
    page = none.report(tmp_path / "c.html").read_text(encoding="utf-8")
    assert "Failures" in page
    assert '<svg class="chart"' not in page


def test_where_nothing_can_be_written(found: Assessment, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        found.report(tmp_path / "missing" / "page.html")
    with pytest.raises(StorageError, match="cannot write"):
        found.to_parquet(tmp_path / "missing" / "raw.parquet")


def test_json_has_no_nan(table: BenchTable, space: NASBench201) -> None:
    none = assess(table, [Constant(space)], labels="val", train_sizes=[20], seeds=1)
    text = json.dumps(none.to_json(), allow_nan=False)
    assert json.loads(text)["results"][0]["tau"] is None
    assert json.loads(text)["protocol"]["train_sizes"] == [20]


def test_log_axis() -> None:
    axis = LogAxis("labels", 10, 1000, at=(20.0, 21.0, 100.0, 781.0))
    assert [text for _, text in axis.ticks()] == ["20", "100", "781"]
    import numpy as np

    assert axis.place(np.array([10.0, 100.0, 1000.0])).tolist() == pytest.approx([0, 0.5, 1])


def example(failure: str | None = None) -> Done:
    row = {"tau": 0.5, "transfer": "none", "failure": failure}
    return Done(Cell("gates", 78, 1, 0), [row], {})


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), force_terminal=False)
    lines = display(console)
    assert isinstance(lines, PlainLines)
    lines.started(10, 2)
    lines.finished_one(example("boom"))
    now[0] = 10.0
    lines.finished_one(example())
    lines.ended()
    assert console.file.getvalue().splitlines() == [  # type: ignore[attr-defined]
        "continuing after 2 of 10 fits",
        "gates with 78 labels, data seed 1, model seed 0 failed: boom",
        "4/10 fits, gates 78 labels: tau 0.500, about 30 s left",
    ]


def test_live_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    bar = display(console)
    assert isinstance(bar, LiveBar)
    bar.started(10, 2)
    bar.finished_one(example("boom"))
    bar.ended()
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "failed: boom" in text
    assert "3/10" in text
