"""Charts of an assessment: criteria against training size, ranks, and whom a ranker favours."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from archrank.assess.assessment import Assessment
from archrank.assess.grid import GROUPS
from archrank.assess.judging import MEASURES, Measure, spread
from archrank.report.chart import Axis, Chart
from archrank.report.drawing import PALETTE
from archrank.report.figures import Figure
from archrank.types import Floats

CURVES = ("tau", "p_at_5", "br_at_1")
SHIFT = 0.012  # of the axis, between rankers at one size: their bars would hide each other


@dataclass(frozen=True)
class SizeAxis(Axis):
    """A logarithmic axis with ticks at the training sizes themselves."""

    sizes: tuple[float, ...] = ()

    def place(self, values: Floats) -> Floats:
        """Positions in [0, 1] of ``values: (n,)``."""
        at = np.log(values / self.low) / math.log(self.high / self.low)
        return np.clip(at, 0.0, 1.0)

    def ticks(self) -> list[tuple[float, str]]:
        """The sizes, without those that would be written over the one before."""
        kept: list[float] = []
        for size in self.sizes:
            if not kept or np.diff(self.place(np.array([kept[-1], size])))[0] > 0.07:
                kept.append(size)
        return [(size, f"{size:,.0f}") for size in kept]

    def shift(self, values: Floats, share: float) -> Floats:
        """``values`` moved by a share of the axis."""
        moved: Floats = values * (self.high / self.low) ** share
        return moved


def style(rankers: tuple[str, ...]) -> str:
    """The colour of every ranker, the same in all charts; dashes where colours start again."""
    rules = []
    for i in range(len(rankers)):
        color, dash = PALETTE[i % len(PALETTE)], "" if i < len(PALETTE) else "6 4"
        rules.append(
            f"path.s{i} {{ stroke: {color}; stroke-width: 2; stroke-dasharray: {dash or 'none'}; }}"
            f"path.bar{i} {{ stroke: {color}; stroke-width: 1.3; stroke-opacity: 0.7; }}"
            f".s{i} circle {{ fill: {color}; }}"
            f".cloud{i} circle {{ fill: {color}; fill-opacity: 0.35; }}"
        )
    return "\n".join(rules)


def symbols(rankers: tuple[str, ...]) -> dict[str, str]:
    """Legend swatches of the rankers."""
    return {
        f"s{i}": f'<path class="s{i}" d="M0 6H26"/><g class="s{i}"><circle cx="13" cy="6" r="3.6"/>'
        "</g>"
        for i in range(len(rankers))
    }


def curves(found: Assessment) -> Iterator[Figure]:
    """The criteria that studies plot, against the number of labels."""
    table = found.table()
    table = table[(table["transfer"] == "none") & table["tau"].notna()]
    if table.empty:
        return
    labels = np.unique(table["labels"].to_numpy(dtype=np.float64))
    x = SizeAxis("labels", labels[0] / 1.25, labels[-1] * 1.25, sizes=tuple(labels.tolist()))
    for measure in (m for m in MEASURES if m.name in CURVES):
        factor = 100.0 if measure.unit else 1.0
        means = factor * table[measure.name].to_numpy(dtype=np.float64)
        spreads = factor * table[f"{measure.name}_sd"].fillna(0.0).to_numpy(dtype=np.float64)
        ends = np.concatenate([means - spreads, means + spreads])
        if measure.unit:
            ends = np.clip(ends, 0.0, 100.0)  # a share cannot leave this range, its bar would
        y = Axis.around(measure.title, ends, margin=0.06)
        chart = Chart(x, y, f"{measure.title} against the number of labels")
        for i, name in enumerate(found.rankers):
            _curve(chart, x, i, found, (table["ranker"] == name).to_numpy(), means, spreads, measure)
        yield Figure(
            f"{measure.title} from how many labels", chart.svg(), _note(found, measure),
            _legend(found),
        )  # fmt: skip


def _curve(
    chart: Chart,
    x: SizeAxis,
    i: int,
    found: Assessment,
    mine: np.ndarray,
    means: Floats,
    spreads: Floats,
    measure: Measure,
) -> None:
    """Points, bars and lines of one ranker; with stages, a line for each first size."""
    table = found.table()


def _legend(found: Assessment) -> tuple[tuple[str, str], ...]:
    return tuple((f"s{i}", name) for i, name in enumerate(found.rankers))
