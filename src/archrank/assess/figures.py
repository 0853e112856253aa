"""Charts of an assessment: criteria against training size, ranks, bias by cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.assess.coverage import COVERAGES, COVERED
from archrank.assess.grid import GROUPS
from archrank.assess.judging import MEASURES, Measure
from archrank.assess.reliability import WHAT, coverage_table
from archrank.assess.text import estimate
from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.report.series import series_style
from archrank.types import Floats

if TYPE_CHECKING:
    from pandas import DataFrame

    from archrank.assess.assessment import Assessment


CURVES = ("tau", "p_at_5", "br_at_1")
SHIFT = 0.012  # of the axis, between rankers at one size: their bars would hide each other


@dataclass(frozen=True)
class LogAxis(Axis):
    """Logarithmic axis with ticks at given values, such as the training sizes."""

    at: tuple[float, ...] = ()

    def place(self, values: Floats) -> Floats:
        """Compute positions in [0, 1] of ``values: (n,)``."""
        at = np.log(values / self.low) / math.log(self.high / self.low)
        return np.clip(at, 0.0, 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the given values without those that would overlap the previous label."""
        kept: list[float] = []
        for value in self.at:
            if not kept or np.diff(self.place(np.array([kept[-1], value])))[0] > 0.07:
                kept.append(value)
        return [(value, f"{value:,.0f}" if value >= 1 else f"{value:g}") for value in kept]

    def shift(self, values: Floats, share: float) -> Floats:
        """Move ``values`` by a share of the axis length."""
        moved: Floats = values * (self.high / self.low) ** share
        return moved


def style(rankers: tuple[str, ...]) -> str:
    """Write the style sheet: tight tables, and a colour (and dashes) per ranker."""
    return "\n".join(
        [
            series_style(len(rankers)),
            "main { max-width: 1200px; }",
            "table.spreads td, table.spreads th { padding-right: 10px; }",
            ".spreads small { color: var(--muted); font-weight: 400; }",
        ]
    )


def curves(found: Assessment) -> Iterator[Figure]:
    """Draw the criteria that studies plot, against the number of labels."""
    table = found.table()
    table = table[(table["transfer"] == "none") & table["tau"].notna()]
    if table.empty:
        return
    labels = np.unique(table["labels"].to_numpy(dtype=np.float64))
    x = LogAxis("labels", labels[0] / 1.25, labels[-1] * 1.25, at=tuple(labels.tolist()))
    for measure in (m for m in MEASURES if m.name in CURVES):
        factor = 100.0 if measure.unit else 1.0
        means = factor * table[measure.name]
        spreads = factor * table[f"{measure.name}_sd"].fillna(0.0)
        low, high = means - spreads, means + spreads
        if f"{measure.name}_low" in table:
            low = (factor * table[f"{measure.name}_low"]).fillna(means)
            high = (factor * table[f"{measure.name}_high"]).fillna(means)
        if measure.unit:  # a share is in this range, but its error bar may leave it
            least = 100 / found.n if measure.name == "br_at_1" else 0.0
            low, high = low.clip(least, 100.0), high.clip(least, 100.0)
        y = _height(measure, np.concatenate([low, high]).astype(np.float64))
        chart = Chart(x, y, f"{measure.title} against the number of labels")
        points = table[["ranker", "train_size", "labels"]].assign(mean=means, low=low, high=high)
        points["title"] = [
            f"{row['ranker']}, {row['labels']} labels: {estimate(measure, row)}"
            for row in table.to_dict("records")
        ]
        for i, name in enumerate(found.rankers):
            _curve(chart, x, i, points[points["ranker"] == name], len(found.rankers))
        title = f"{measure.title} from how many labels"
        yield Figure(title, chart.svg(), _note(found, measure), _legend(found))


def _height(measure: Measure, values: Floats) -> Axis:
    """Make the vertical axis for ``values``; logarithmic for ranks."""
    if measure.name != "br_at_1":
        return Axis.around(measure.title, values, margin=0.06)
    low, high = float(values.min()) / 1.3, float(values.max()) * 1.3
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = [m * 10.0**e for e in exponents for m in (1, 3)]
    return LogAxis(measure.title, low, high, at=tuple(s for s in steps if low <= s <= high))


def _curve(chart: Chart, x: LogAxis, i: int, points: DataFrame, rankers: int) -> None:
    """Draw points with error bars of one ranker; a line joins training sizes, or stages."""
    if points.empty:  # all its fits failed
        return
    staged = points["train_size"].nunique() < len(points)
    for _, part in points.groupby("train_size") if staged else [(0, points)]:
        at = part["labels"].to_numpy(dtype=np.float64)
        at = x.shift(at, SHIFT * (i - (rankers - 1) / 2))
        mean, low, high = (part[c].to_numpy(dtype=np.float64) for c in ("mean", "low", "high"))
        for px, a, b in zip(at, low, high, strict=True):
            if b > a:
                chart.line(np.array([px, px]), np.array([a, b]), f"bar{i}")
        chart.line(at, mean, f"s{i}")
        chart.dots(at, mean, f"s{i}", part["title"].tolist())


def _note(found: Assessment, measure: Measure) -> str:
    protocol = found.protocol
    fits = protocol.fits
    meaning = {
        "tau": "Kendall's tau-b of predicted and true order",
        "p_at_5": "Share of the predicted best 5 % that are among the true best 5 %",
        "br_at_1": "True rank of the best of the predicted top 1 %, in % of all: lower is better",
    }[measure.name]
    bars = "One fit, bars are bootstrap intervals over architectures"
    if fits > 1:
        bars = f"Mean of {fits} fits, bars are one standard deviation"
    part = "architectures that were not trained on" if protocol.leave_out_training else (
        f"all {found.n:,} architectures"
    )  # fmt: skip
    return f"{meaning}, on {protocol.judged[0]} of {part}. {bars}."


def scatters(found: Assessment) -> Iterator[Figure]:
    """Draw predicted against true ranks of one fit per ranker, with the most labels."""
    size = max(found.protocol.train_sizes)
    for i, name in enumerate(found.rankers):
        drawn = [d for d in found.done if d.points and d.cell.ranker == name]
        done = next((d for d in drawn if d.cell.train_size == size), None)
        if done is None:
            continue
        x = Axis("true percentile (100 is best)", -2, 102)
        y = Axis("predicted percentile", -2, 102)
        last = [row for row in done.rows if row["transfer"] == "none"][-1]
        title = f"{name}: tau {last['tau']:.3f} from {last['labels']} labels"
        chart = Chart(x, y, f"predicted against true ranks, {title}")
        measured, predicted = (
            100 - 100 * np.array(done.points[k]) / found.n for k in ("measured", "predicted")
        )
        chart.dots(measured, predicted, f"cloud{i}", [""] * len(measured))
        chart.line(np.array([0.0, 100.0]), np.array([0.0, 100.0]), "limit")
        shown = f"{len(measured):,} of {found.n:,}" if len(measured) < found.n else "All"
        caption = f"{shown} architectures, {found.protocol.judged[0]}, the first draw of labels."
        yield Figure(title, chart.svg(), caption, (("limit", "perfect order"),))


def favours(found: Assessment) -> Iterator[Figure]:
    """Draw mean rank differences in groups of rising cost, with the most labels."""
    size, stage = max(found.protocol.train_sizes), found.protocol.stages - 1
    lines: dict[int, Floats] = {}
    labels = size
    for i, name in enumerate(found.rankers):
        rows = [
            row
            for done in found.done
            if done.cell.ranker == name and done.cell.train_size == size
            for row in done.rows
            if row["transfer"] == "none" and row["stage"] == stage and row["rank_difference"]
        ]
        if rows:
            labels = rows[0]["labels"]
            values = np.array([row["rank_difference"] for row in rows], dtype=np.float64)
            mean = values.mean(axis=0)  # (GROUPS,)
            lines[i] = np.asarray(100 * mean / found.n, dtype=np.float64)
    drawn = [line[np.isfinite(line)] for line in lines.values()]
    if not drawn or not any(map(len, drawn)):
        return
    y = Axis.around("mean rank difference (% of all)", np.concatenate([*drawn, [0.0]]), margin=0.08)
    x = Axis(f"{found.cost_name}: groups from least to most", 0.5, GROUPS + 0.5, whole=True)
    chart = Chart(x, y, "mean rank difference by cost")
    chart.level(0.0, "limit")
    for i, line in lines.items():
        at = np.asarray(1.0 + np.flatnonzero(np.isfinite(line)), dtype=np.float64)
        texts = [f"{found.rankers[i]}, group {g:.0f}: {line[int(g) - 1]:+.1f} %" for g in at]
        chart.line(at, line[np.isfinite(line)], f"s{i}")
        chart.dots(at, line[np.isfinite(line)], f"s{i}", texts)
    caption = (
        f"Mean of true minus predicted rank in ten equal groups by {found.cost_name}, from "
        f"{labels} labels. Above 0 a group is over-estimated, below 0 under-estimated."
    )
    yield Figure("Whom rankers favour", chart.svg(), caption, _legend(found))


def reliability(found: Assessment) -> Iterator[Figure]:
    """Draw covered against stated shares, with the fewest and with the most labels."""
    if not found.protocol.coverage:
        return
    table = coverage_table(found.table())
    for labels in sorted({table["labels"].min(), table["labels"].max()} if len(table) else ()):
        part = table[table["labels"] == labels]
        x = Axis("stated share (%)", 40, 100)
        covered = 100 * part[[measure.name for measure in COVERED]].to_numpy(dtype=np.float64)
        y = Axis("covered share (%)", min(40.0, float(covered.min()) - 2), 100)
        chart = Chart(x, y, f"covered against stated shares, {labels} labels")
        stated = 100 * np.array(COVERAGES)
        ends = np.array([max(x.low, y.low), 100.0])
        chart.line(ends, ends, "limit")
        for at, (name, line) in enumerate(zip(part["ranker"], covered, strict=True)):
            i = found.rankers.index(name)
            places = stated + 60 * SHIFT * (at - (len(part) - 1) / 2)
            texts = [
                f"{name}: {share:.1f} % in {s:.0f} %" for s, share in zip(stated, line, strict=True)
            ]
            chart.line(places, line, f"s{i}")
            chart.dots(places, line, f"s{i}", texts)
        caption = f"{WHAT}, from {labels} labels."
        legend = (*_legend(found), ("limit", "as stated"))
        yield Figure(f"What intervals cover, {labels} labels", chart.svg(), caption, legend)


def _legend(found: Assessment) -> tuple[tuple[str, str], ...]:
    return tuple((f"s{i}", name) for i, name in enumerate(found.rankers))
