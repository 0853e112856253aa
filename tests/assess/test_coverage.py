"""Coverage of calibrated intervals, against a plain loop over the rows of a tiny table."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from archrank.assess import Assessment, assess
from archrank.errors import ResumeError
from archrank.parallel import process_pool
from archrank.rankers import Calibrated
from archrank.spaces import NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Linear, Recorder
from tests.assess.test_engine import GRID, Stop

COLUMNS = ["covered_50", "covered_80", "covered_95", "width_50", "width_80", "width_95"]


class OnlyWhole(Linear):
    """Fails on parts of the labels."""

    def _fit(self, archs, scores):  # type: ignore[no-untyped-def]
        if len(archs) not in (20, 40):
            raise ZeroDivisionError("only whole")
        super()._fit(archs, scores)


def measured(found: Assessment) -> pd.DataFrame:
    return found.raw.drop(columns=[c for c in found.raw if "seconds" in c])


def test_against_a_plain_loop(table: BenchTable, space: NASBench201) -> None:
    found = assess(table, {"a": Linear(space, noise=1.0)}, coverage=True, **GRID)
    values = table.column("val")
    for row in found.raw.to_dict("records"):
        size, data = row["train_size"], row["data_seed"]
        learnt = np.random.default_rng([data, 0]).permutation(len(table))[:size].tolist()
        seed = int(np.random.SeedSequence([data, 0]).generate_state(1)[0] >> 1)
        calibrated = Calibrated(Linear(space, noise=1.0, seed=seed), seed=data)
        calibrated.fit(table.archs[learnt], values[learnt])
        for share in (50, 80, 95):
            inside, widths = 0, 0.0
            rest = [i for i in range(len(table)) if i not in learnt]
            low, high = calibrated.interval(table.archs[rest], share / 100)
            for i, a, b in zip(rest, low, high, strict=True):
                inside += bool(a <= values[i] <= b)
                widths += (b - a) / np.std(values)
            assert row[f"covered_{share}"] == pytest.approx(inside / len(rest))
            assert row[f"width_{share}"] == pytest.approx(widths / len(rest))
        assert row["uncalibrated"] is None
        assert row["calibration_failure"] is None
        assert row["calibration_seconds"] > 0
    means = found.table()
    assert means["covered_80"][0] == pytest.approx(found.raw["covered_80"][:6:2].mean())


def test_it_changes_nothing_else(table: BenchTable, space: NASBench201) -> None:
    settings = {**GRID, "judge": ["other_test"], "stages": 2}
    plain = assess(table, [Linear(space)], **settings)
    found = assess(table, [Linear(space)], coverage=True, **settings)
    assert "covered_50" not in plain.raw
    assert plain.coverage_rows() == plain.coverage_notes() == []
    pd.testing.assert_frame_equal(measured(found)[list(measured(plain))], measured(plain))
    shown = found.raw["covered_50"].notna()
    assert (shown == (found.raw["transfer"] == "none")).all()  # of the labels, once per fit
    assert found.coverage_rows()[0][:3] == ("ranker", "labels", "stage")
    assert len(found.coverage_rows()) == 1 + 2 * 2


def test_each_fit_becomes_seven(table: BenchTable, space: NASBench201) -> None:
    Recorder.fits.clear()
    assess(table, [Recorder(space)], labels="val", train_sizes=[40], seeds=1, coverage=True)
    assert [len(archs) for archs, _ in Recorder.fits] == [40, *[32] * 5, 40]


def test_labels_that_are_too_few(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    grid = {**GRID, "train_sizes": [8, 240], "coverage": True}
    found = assess(table, {"<a>": Linear(space)}, out=tmp_path, **grid)
    assert found.table()["failed"].tolist() == [0, 0]
    assert found.raw["tau"].notna().all()
    assert found.raw[COLUMNS].isna().all(axis=None)
    few, all_of_them = found.coverage_notes()
    assert few == (
        "intervals of <a> with 8 labels: not calibrated, Calibrated needs at least 10 labels, got 8"
    )
    assert all_of_them.endswith("not calibrated, all 240 rows are labelled, so none can judge")
    assert found.coverage_rows() == []
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "intervals of &lt;a&gt; with 8 labels" in page
    rest = Stop(-1)
    again = assess(table, {"<a>": Linear(space)}, out=tmp_path, progress=rest, **grid)
    assert rest.cells == []  # nothing that a repetition would change
    pd.testing.assert_frame_equal(measured(found), measured(again))


def test_rankers_that_fail_on_parts(
    table: BenchTable, space: NASBench201, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = assess(table, [OnlyWhole(space)], out=tmp_path, coverage=True, **GRID)
    assert found.raw["tau"].notna().all()
    assert found.failures() == {}
    reason = "failed, ZeroDivisionError: only whole"
    assert found.coverage_notes()[0] == f"intervals of OnlyWhole with 20 labels: {reason}"
    monkeypatch.setattr(OnlyWhole, "_fit", Linear._fit)
    rest = Stop(-1)
    mended = assess(table, [OnlyWhole(space)], out=tmp_path, coverage=True, progress=rest, **GRID)
    assert len(rest.cells) == 6
    assert mended.raw["covered_50"].notna().all()


def test_workers_and_repetitions(path: Path, space: NASBench201, tmp_path: Path) -> None:
    rankers = {"a": Linear(space, noise=1.0)}
    settings = {**GRID, "space": space, "coverage": True}
    alone = assess(path, rankers, **settings)
    executor = process_pool(2)
    assert executor is not None
    with executor:
        there = assess(path, rankers, out=tmp_path, executor=executor, **settings)
    pd.testing.assert_frame_equal(measured(alone), measured(there))
    rest = Stop(-1)
    again = assess(path, rankers, out=tmp_path, progress=rest, **settings)
    assert rest.cells == []
    pd.testing.assert_frame_equal(again.raw, there.raw)


@pytest.mark.parametrize("old", [False, True])
def test_coverage_is_part_of_what_is_assessed(
    old: bool, table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    assess(table, [Linear(space)], out=tmp_path, **GRID)
    path = tmp_path / "assess.json"
    if old:  # of a version that knew no coverage
        settings = json.loads(path.read_text())
        del settings["coverage"]
        path.write_text(json.dumps(settings))
    with pytest.raises(ResumeError, match="coverage: False -> True"):
        assess(table, [Linear(space)], out=tmp_path, coverage=True, **GRID)
    rest = Stop(-1)
    assess(table, [Linear(space)], out=tmp_path, progress=rest, **GRID)
    assert rest.cells == []


def test_what_is_off_is_told(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    rankers = {"<a>": Linear(space), "b": Linear(space, noise=4.0)}
    found = assess(table, rankers, coverage=True, **GRID)
    notes = "\n".join(found.coverage_notes())
    for row in found.table().to_dict("records"):
        for share in (50, 80, 95):
            covered = row[f"covered_{share}"]
            error = row[f"covered_{share}_sd"] / math.sqrt(3)
            part = f"{share} % intervals cover {100 * covered:.1f} ± {100 * error:.1f} %"
            assert (part in notes) == (abs(covered - share / 100) > 0.05)
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Coverage of intervals for val (maximize)" in page
    titles = re.findall(r"<h2>(What intervals cover[^<]*)</h2>", page)
    assert titles == ["What intervals cover, 20 labels", "What intervals cover, 40 labels"]
    for chart in re.findall(r"<svg class=\"chart\".*?</svg>", page):
        ElementTree.fromstring(chart)
        assert "nan" not in chart
    back = pd.read_parquet(found.to_parquet(tmp_path / "raw.parquet"))
    assert np.allclose(back[COLUMNS], found.raw[COLUMNS])
    text = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert text["coverage_notes"] == found.coverage_notes()
    assert text["results"][0]["covered_50"] == found.table()["covered_50"][0]


def test_nothing_to_tell(table: BenchTable, space: NASBench201) -> None:
    found = assess(table, [Linear(space)], coverage=True, **GRID)
    for share in (50, 80, 95):
        found.raw[f"covered_{share}"] = share / 100 + 0.04
    assert found.coverage_notes() == [
        "all intervals cover the share that they state, within 5 points"
    ]
    found.raw["covered_95"] = 0.89
    assert found.coverage_notes()[0] == "more than 5 points off (± standard error):"
    one = assess(table, [Linear(space)], coverage=True, **{**GRID, "seeds": 1})
    one.raw["covered_80"] = 0.7
    assert "of other labels" in one.coverage_notes()[0]
    assert "80 % intervals cover 70.0 %" in one.coverage_notes()[1]
