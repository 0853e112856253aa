"""Front of a search in a supernet beside its random sub-networks, as AttentiveNAS's Fig. 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from archrank.drawing import PALETTE
from archrank.formatting import Scale
from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure, fence, thin
from archrank.types import Floats

if TYPE_CHECKING:
    from archrank.runs.supernet_search.results import Finalist, SubnetSearch
    from archrank.tables.base import BenchTable

TITLE = "Front of the search, and random sub-networks"
CAPTION = (
    "Random sub-networks are scored on some of the held-out data. Finalists are measured on all of "
    "it"
)
CALIBRATED = ", with batch norms calibrated for each"


def draw_front(
    found: SubnetSearch, sampled: BenchTable, beside: Mapping[str, SubnetSearch]
) -> Figure:
    """Draw front, best within each limit, random sub-networks, and fronts of other searches.

    Args:
        found: the results.
        sampled: random architectures that the supernet has scored.
        beside: other searches of the same metric by the name of their curve.
    """
    finalists = [each for each in found.finalists if np.isfinite(_points(found, [each])).all()]
    if not finalists:
        return Figure(TITLE, "", "No finalist could be measured.")
    return _Drawing(found, sampled, beside, finalists).figure()


class _Drawing:
    """One chart while it is drawn.

    Args:
        found: the results.
        sampled: random architectures.
        beside: other searches.
        finalists: those of the results whose numbers are known.
    """

    def __init__(
        self,
        found: SubnetSearch,
        sampled: BenchTable,
        beside: Mapping[str, SubnetSearch],
        finalists: Sequence[Finalist],
    ) -> None:
        self._found, self._finalists = found, finalists
        self._fronts = {name: _points(found, other.front) for name, other in beside.items()}
        self._names = sampled.space.format(sampled.archs)
        self._random = np.stack([sampled.column(found.cost), sampled.column(found.metric)], axis=1)
        shown = np.concatenate([_points(found, finalists), *self._fronts.values()])
        x, y = np.concatenate([shown, self._random]).T
        sign = -1.0 if found.direction == "minimize" else 1.0
        worst = min(
            max(float((sign * y).min()), fence(sign * y)), float((sign * shown[:, 1]).min())
        )
        metrics = found.metrics
        scales = [
            Scale.of(metrics[name], float(np.abs(values).max()))
            for name, values in ((found.cost, x), (found.metric, y))
        ]
        self._factors = np.array([scale.factor for scale in scales])
        ends = sign * np.array([worst, (sign * y).max()])
        self._chart = Chart(
            Axis.around(scales[0].label, self._factors[0] * x),
            Axis.around(scales[1].label, self._factors[1] * ends),
            f"{found.metric} against {found.cost}",
        )

    def figure(self) -> Figure:
        """Return the finished figure."""
        found, chart = self._found, self._chart
        legend: list[tuple[str, str]] = []
        rows = thin(np.arange(len(self._random)))
        x, y = (self._factors * self._random[rows]).T
        chart.dots(x, y, "dot", [self._names[i] for i in rows.tolist()])
        front = found.front
        others = [each for each in self._finalists if each not in front]
        self._dots(others, "ring")
        for i, (name, points) in enumerate(self._fronts.items()):
            self._curve(points, f"o{i}")
            x, y = (self._factors * points).T
            self._chart.dots(x, y, f"o{i}", [name] * len(points))
            legend.append((f"o{i}", f"front of {name}"))
        self._curve(_points(found, front), "front")
        self._dots(front, "front")
        self._dots([each for each in found.winners.values() if each is not None], "best")
        legend = [
            ("front", f"front ({len(front)})"),
            ("star", "best within each limit"),
            *legend,
            *([("ring", "other finalists")] if others else []),
            ("dot", f"random sub-networks ({len(self._random):,})"),
        ]
        how = CALIBRATED if found.calibrated else ""
        return Figure(TITLE, chart.svg(), f"{CAPTION}{how}.", tuple(legend))

    def _dots(self, which: Sequence[Finalist], kind: str) -> None:
        x, y = (self._factors * _points(self._found, which)).T
        texts = [each.architecture for each in which]
        if kind == "best":
            self._chart.dots(x, y, kind, texts, "star")
        else:
            self._chart.dots(x, y, kind, texts, "ring" if kind == "ring" else "dot")

    def _curve(self, points: Floats, kind: str) -> None:
        """Draw the border of what a front ``(k, 2)``, by rising cost, dominates."""
        if len(points):
            x, y = (self._factors * points).T
            self._chart.line(np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1], kind)


def _points(found: SubnetSearch, which: Sequence[Finalist]) -> Floats:
    """Return cost and metric of finalists: ``(n, 2)``."""
    values = [[each.value(found.cost), each.value(found.metric)] for each in which]
    return np.array(values, dtype=np.float64).reshape(-1, 2)


def style(curves: int) -> str:
    """Write the style sheet of other searches' curves: a colour of each, and dashes."""
    colors = PALETTE[1:]  # the first one is that of the search itself
    return "\n".join(
        f"path.o{i} {{ stroke: {color}; stroke-width: 2; stroke-dasharray: "
        f"{6 + 2 * (i // len(colors))} 3; }} .o{i} circle {{ fill: {color}; }}"
        for i in range(curves)
        for color in [colors[i % len(colors)]]
    )


def symbols(curves: int) -> dict[str, str]:
    """Return the legend's swatches of other searches' curves."""
    return {
        f"o{i}": f'<g class="o{i}"><path class="o{i}" d="M0 6H26"/>'
        '<circle cx="13" cy="6" r="3.6"/></g>'
        for i in range(curves)
    }
