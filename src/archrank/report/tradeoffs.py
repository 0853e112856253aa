"""Charts of trade-offs: Pareto fronts, and the objective against MACs or parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from archrank.formatting import Scale
from archrank.report.chart import Axis, Chart
from archrank.report.figures import MAX_DOTS, Figure, fence, thin, titles
from archrank.report.summary import costs
from archrank.study.results import Results
from archrank.types import Bools, Floats, Ints


def trade_offs(results: Results) -> Iterable[Figure]:
    """Draw the first objective against each other one, or a single one against MACs or params."""
    objectives = results.objectives
    if len(objectives) > 1:
        for other in objectives[1:]:
            yield _front_plot(results, other.metric)
        return
    cost = costs(results)
    if cost is None or cost[0].name == results.objective.metric:
        return
    metric, values = cost
    known = results.ok & np.isfinite(values)
    if known.any() and np.ptp(values[known]) > 0 and known.sum() == results.ok.sum():
        scatter = _Scatter(
            results, values, metric.name, Scale.of(metric, float(values[known].max()))
        )
        yield scatter.draw(f"Cost: {metric.name}", pareto=False)


def _front_plot(results: Results, name: str) -> Figure:
    values = results.column(name)
    scale = Scale.of(results.metrics[name], float(np.nanmax(np.abs(values))))
    scatter = _Scatter(results, values, name, scale)
    return scatter.draw(f"Trade-off: {name}", pareto=True)


@dataclass(frozen=True)
class _Scatter:
    """Chart of the first objective (vertical) against another quantity (horizontal)."""

    results: Results
    across: Floats  # (n,)
    name: str
    scale: Scale

    def draw(self, title: str, *, pareto: bool) -> Figure:
        results = self.results
        metric = results.metrics[results.objective.metric]
        up = results.column(metric.name)
        ok, sign = results.ok, results.objective.sign
        up_scale = Scale.of(metric, float(np.abs(up[ok]).max()))
        x, y = self.scale.factor * self.across, up_scale.factor * up
        marked = results.front_rows if pareto else results.order[:1]
        low = max(float((sign * y[ok]).min()), fence(sign * y[ok]))
        low = min([low, *(sign * y[marked])])
        y_axis = Axis.around(up_scale.label, sign * np.array([low, (sign * y[ok]).max()]))
        chart = Chart(
            Axis.around(self.scale.label, x[ok]), y_axis, f"{metric.name} against {self.name}"
        )
        legend: list[tuple[str, str]] = []
        self._points(chart, x, y, marked, legend, "dominated" if pareto else "evaluation")
        if pareto and len(marked):
            # with more than two objectives, a plane does not show dominance
            two = len(results.objectives) == 2
            if two:
                chart.line(*staircase(x[marked], y[marked], results), "front")
            chart.dots(x[marked], y[marked], "front", titles(results, marked))
            legend.insert(0, ("front" if two else "point", f"front ({len(marked)})"))
        elif len(marked):
            chart.dots(x[marked], y[marked], "best", titles(results, marked), "star")
            legend.insert(0, ("star", "best"))
        if (sign * y[ok] < low).any():
            legend.append(("beyond", "off the scale"))
        caption = "" if len(ok) <= MAX_DOTS else f"At most {MAX_DOTS:,} dots of a kind are drawn."
        return Figure(title, chart.svg(), caption, tuple(legend))

    def _points(
        self, chart: Chart, x: Floats, y: Floats, marked: Ints,
        legend: list[tuple[str, str]], plain: str,
    ) -> None:  # fmt: skip
        results = self.results
        free: Bools = np.ones(len(x), dtype=bool)
        free[marked] = False
        for kind, which, text in (
            ("infeasible", results.ok & ~results.feasible & free, "breaks a constraint"),
            ("dot", results.feasible & free, plain),
        ):
            rows = thin(np.flatnonzero(which))
            if len(rows):
                chart.dots(x[rows], y[rows], kind, titles(results, rows),
                           "ring" if kind == "infeasible" else "dot")  # fmt: skip
                legend.append((kind, text))


def staircase(x: Floats, y: Floats, results: Results) -> tuple[Floats, Floats]:
    """Compute the border of the region that the front ``x, y: (k,)`` dominates."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    # from left to right, x gets worse and y better
    minimised = results.objectives[1].sign < 0
    corners = (x[1:], y[:-1]) if minimised else (x[:-1], y[1:])
    steps = [np.insert(corner, 0, p[0]) for p, corner in zip((x, y), corners, strict=True)]
    xs, ys = (np.stack([s, p], axis=1).ravel() for s, p in zip(steps, (x, y), strict=True))
    return xs, ys
