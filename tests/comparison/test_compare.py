"""Numbers of a comparison, its notes, and the files that it writes."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import archrank as ar
from archrank.comparison import Comparison
from archrank.errors import BudgetError, SettingsError
from archrank.locking import locked
from tests.comparison.conftest import Make

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def studies(make: Make) -> list[ar.Study]:
    return [make(seed, batch) for batch in (2, 3) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def found(studies: list[ar.Study]) -> Comparison:
    return ar.compare(studies, budget=8, cost="latency_ms")


def ends(studies: list[ar.Study], n: int) -> np.ndarray:
    """Return the best accuracy of the first ``n`` evaluations of every study."""
    return np.array([max(r.values["accuracy"] for r in s.records[:n]) for s in studies])


def test_means_and_intervals_are_scipys(found: Comparison, studies: list[ar.Study]) -> None:
    values = ends(studies, 8).reshape(2, 3)
    for summary, group in zip(found.summaries, values, strict=True):
        assert summary.values.tolist() == pytest.approx(group.tolist())
        low, high = stats.t.interval(0.95, 2, loc=group.mean(), scale=stats.sem(group))
        assert summary.mean == pytest.approx(group.mean())
        assert 2 * summary.half == pytest.approx(high - low)
    (pair,) = found.pairs
    assert pair.difference.p == pytest.approx(stats.ttest_rel(values[1], values[0]).pvalue)
    assert pair.difference.n == 3


def test_evaluations_to_a_target_are_counted(studies: list[ar.Study]) -> None:
    target = float(np.sort(ends(studies, 8))[2])
    found = ar.compare(studies, budget=8, target=target)
    for summary, part in zip(found.summaries, (studies[:3], studies[3:]), strict=True):
        wanted = []
        for study in part:
            hits = [i for i, r in enumerate(study.records[:8], 1) if r.values["accuracy"] >= target]
            wanted.append(hits[0] if hits else math.inf)
        assert summary.reached.tolist() == wanted
        assert summary.found == sum(map(math.isfinite, wanted))
        assert summary.median_reached == sorted(wanted)[1]


def test_the_usual_target_is_the_mean_of_the_last(found: Comparison) -> None:
    assert found.target is not None
    assert found.target.score == min(summary.mean for summary in found.summaries)


def test_a_minimised_metric_is_shown_as_measured(make: Make) -> None:
    studies = [make(s, b, objectives="loss") for b in (2, 3) for s in (0, 1)]
    found = ar.compare(studies, budget=8)
    lows = [min(r.values["loss"] for r in study.records[:8]) for study in studies]
    assert [v for s in found.summaries for v in s.values] == pytest.approx(lows)
    for curve in found.curves():
        assert (np.diff(curve.mean) <= 0).all()
        assert (curve.low <= curve.mean).all()
        assert (curve.mean <= curve.high).all()
    assert found.target is not None
    assert -found.target.score == max(s.mean for s in found.summaries)


def test_what_is_ahead_is_told_by_the_interval(make: Make) -> None:
    """Searches of 2 evaluations against searches of all but 2 of the space, in either order."""
    few, many = ([make(seed, b, n) for seed in range(4)] for b, n in ((2, 46), (3, 46)))
    metric = {"budget": 46}
    assert [pair.ahead for pair in ar.compare([*few, *many], **metric).pairs] == [""]
    found = ar.compare([*few, *many], budget=3)
    values = [summary.values for summary in found.summaries]
    low, high = stats.ttest_rel(values[1], values[0]).confidence_interval()
    (pair,) = found.pairs
    assert pair.ahead == (pair.second if low > 0 else pair.first if high < 0 else "")


def test_other_seeds_are_tested_unpaired(make: Make) -> None:
    found = ar.compare([make(0), make(1), make(2, 3), make(3, 3)])
    (pair,) = found.pairs
    assert pair.difference.test == "Welch's t-test"


def test_notes_tell_what_a_reader_must_know(make: Make, tmp_path: Path) -> None:
    runs = [make(s, run=tmp_path / f"run {s}", budget=n) for s, n in ((0, 12), (1, 9))]
    with locked(tmp_path / "run 1"):
        found = ar.compare([tmp_path])
    assert found.budget == 9
    told = " ".join(found.notes)
    assert f"{tmp_path / 'run 1'} is still searching: 9 evaluations so far" in told
    assert f"not all runs have 12 evaluations: {tmp_path / 'run 1'} (9)" in told
    with pytest.raises(BudgetError, match="run 1 has 9; leave runs out, or compare after"):
        ar.compare([tmp_path], budget=12)
    strict = [make(seed, constraints="latency_ms<=1") for seed in (0, 1)]
    notes = ar.compare(strict).notes
    assert len([n for n in notes if "had found nothing after 12 evaluations that keeps" in n]) == 2
    assert ar.compare(strict).target is None
    assert len(runs) == 2


def test_a_target_in_percent_is_refused(studies: list[ar.Study], make: Make) -> None:
    evaluator = ar.evaluators.Function(
        lambda config: {"valid_accuracy": config["depth"] / 10},
        [ar.evaluators.Metric("valid_accuracy", unit="fraction")],
    )
    shares = [
        ar.Study(studies[0].space, evaluator, ar.strategies.Random(), seed=seed).run(4)
        for seed in (0, 1)
    ]
    with pytest.raises(SettingsError, match=r"from 0 to 1; write 0.94 for 94 %"):
        ar.compare(shares, target=94)
    assert "valid_accuracy (%)" in found_label(ar.compare(shares))


def found_label(found: Comparison) -> str:
    return found.scale.label


class Page(HTMLParser):
    """Rows of tables, and sources of anything that is not in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [str(v) for k, v in attrs if k in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_files_hold_the_plotted_numbers(found: Comparison, tmp_path: Path) -> None:
    page = found.write(tmp_path / "an <odd> & folder")
    folder = page.parent
    assert {path.name for path in folder.iterdir()} == {
        "comparison.html",
        "evaluations.svg",
        "evaluations.csv",
        "cost.svg",
        "cost.csv",
        "groups.csv",
    }
    points = pd.read_csv(folder / "evaluations.csv")
    curves = found.curves()
    assert points["group"].unique().tolist() == [group.name for group in found.groups]
    assert points["accuracy"].tolist() == pytest.approx(
        np.concatenate([curve.mean for curve in curves]).tolist()
    )
    assert (points["runs"] == 3).all()
    groups = pd.read_csv(folder / "groups.csv")
    assert groups["accuracy after 8"].tolist() == pytest.approx(
        [v for s in found.summaries for v in s.values]
    )
    shown = Page(page.read_text(encoding="utf-8"))
    assert shown.sources == []
    for group in found.groups:
        assert any(group.name in text for text in shown.text)


def test_svg_files_stand_alone(found: Comparison, tmp_path: Path) -> None:
    folder = found.write(tmp_path).parent
    for name in ("evaluations", "cost"):
        text = (folder / f"{name}.svg").read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert "var(" not in text
        lines = {path.get("class") for path in root.iter(f"{SVG}path")}
        assert {"s0", "s1", "band s0", "band s1"} <= lines
        texts = {text.text for text in root.iter(f"{SVG}text")}
        assert {f"{group.name} (3 runs)" for group in found.groups} <= texts
        (drawn,) = (p for p in root.findall(f"{SVG}path") if p.get("class") == "s0")
        n = len(found.curves(over_cost=name == "cost")[0].x)
        assert drawn.get("d", "").count("H") == n - 1


def test_json_has_no_nan(make: Make) -> None:
    strict = [make(seed, constraints="latency_ms<=1") for seed in (0, 1)]
    text = json.dumps(ar.compare(strict).to_json(), allow_nan=False)
    assert json.loads(text)["groups"][0]["values"] == [None, None]
