"""Intervals of a single fit; failed fits when a command is repeated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank import criteria
from archrank.assess import assess
from archrank.spaces import NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Linear, Unlucky
from tests.assess.test_engine import GRID, Stop, same


def test_failed_fits_are_tried_again(
    table: BenchTable, space: NASBench201, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rankers = {"a": Linear(space), "bad": Unlucky(space)}
    first = assess(table, rankers, out=tmp_path, **GRID)
    assert first.table()["failed"].sum() == 3
    again = Stop(-1)
    same(first, assess(table, rankers, out=tmp_path, progress=again, **GRID))
    assert again.told[0] == (12, 9)
    assert [(c.ranker, c.train_size) for c in again.cells] == [("bad", 20)] * 3
    monkeypatch.setattr(Unlucky, "_fit", Linear._fit)  # whoever wrote it has mended it
    mended = assess(table, rankers, out=tmp_path, **GRID)
    assert mended.table()["failed"].sum() == 0
    assert mended.failures() == {}
    same(mended, assess(table, rankers, **GRID))
    nothing = Stop(-1)
    same(mended, assess(table, rankers, out=tmp_path, progress=nothing, **GRID))
    assert nothing.cells == []


def test_a_single_fit_has_bootstrap_intervals(
    table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    grid = {**GRID, "train_sizes": [40], "seeds": 1}
    found = assess(table, [Linear(space)], out=tmp_path, **grid)
    rows = np.random.default_rng([0, 0]).permutation(len(table))[:40]
    scores = Linear(space).fit(table.archs[rows], table.column("val")[rows]).predict(table.archs)
    truth = table.column("test")
    rng = np.random.default_rng([0, 4])
    taus, overlaps = [], []
    for _ in range(200):
        drawn = rng.integers(len(table), size=len(table))
        taus.append(criteria.kendall_tau(scores[drawn], truth[drawn]))
        overlaps.append(criteria.precision_at(scores[drawn], truth[drawn], 12))
    row = found.table().iloc[0]
    assert (row["tau_low"], row["tau_high"]) == pytest.approx(np.quantile(taus, [0.025, 0.975]))
    assert (row["p_at_5_low"], row["p_at_5_high"]) == pytest.approx(
        np.quantile(overlaps, [0.025, 0.975])
    )
    assert found.rows()[1][2] == f"{row['tau']:.4f} [{row['tau_low']:.4f}, {row['tau_high']:.4f}]"
    assert "bootstrap interval" in found.caption
    page = found.report(tmp_path / "page.html").read_text()
    assert f"<small>[{row['tau_low']:.4f}, {row['tau_high']:.4f}]</small>" in page
    assert found.to_json()["results"][0]["tau_low"] == row["tau_low"]

    more = assess(table, [Linear(space)], out=tmp_path, **{**grid, "seeds": 3})
    assert "tau_low" not in more.table()
    assert "over 3 fits" in more.caption


def test_a_fit_stored_as_one_of_several_has_no_interval(
    table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    grid = {**GRID, "train_sizes": [40]}
    several = assess(table, [Linear(space)], out=tmp_path, **grid)
    one = assess(table, [Linear(space)], out=tmp_path, **{**grid, "seeds": 1})
    assert one.caption == "one fit"
    assert one.rows()[1][2] == f"{several.raw['tau'][0]:.4f}"
    one.report(tmp_path / "page.html")
