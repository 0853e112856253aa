"""Charts of trade-offs: Pareto fronts, and the objective against MACs or parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from archrank.formatting import Scale, format_value
from archrank.metrics import Metric
from archrank.report.chart import Axis, Chart
from archrank.report.figures import MAX_DOTS, Figure, fence, thin, titles
from archrank.report.summary import costs
from archrank.study.results import Results
from archrank.types import Bools, Floats, Ints


def trade_offs(results: Results) -> Iterable[Figure]:
    """Draw the first objective against each other one.

    A single one is drawn against each metric that has a limit, or else against MACs or params.
    """
    objectives = results.objectives
    if len(objectives) > 1:
        for other in objectives[1:]:
            yield _front_plot(results, other.metric)
        return
    limited = dict.fromkeys(c.metric for c in results.constraints)
    limited.pop(results.objective.metric, None)
    drawn = [_single_plot(results, results.metrics[n], results.column(n)) for n in limited]
    cost = None if any(drawn) else costs(results)
    if cost is not None and cost[0].name != results.objective.metric:
        drawn.append(_single_plot(results, *cost))
    yield from filter(None, drawn)


def _single_plot(results: Results, metric: Metric, values: Floats) -> Figure | None:
    """Draw the objective against a metric, ``(n,)``; ``None`` if it is constant or not known."""
    known = results.ok & np.isfinite(values)
    if not known.any() or np.ptp(values[known]) == 0 or known.sum() != results.ok.sum():
        return None
    limits = [c for c in results.constraints if c.metric == metric.name]
    kind = f"Limit: {', '.join(map(str, limits))}" if limits else f"Cost: {metric.name}"
    scale = Scale.of(metric, float(np.abs(values[known]).max()))
    return _Scatter(results, values, metric.name, scale).draw(kind, pareto=False)


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
        bounds = self._bounds(x[ok])
        x_axis = Axis.around(self.scale.label, np.append(x[ok], bounds))
        chart = Chart(x_axis, y_axis, f"{metric.name} against {self.name}")
        for bound in bounds:
            chart.upright(bound, "limit")
        legend = [("limit", "limit")] if bounds else []
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
        caption = "" if len(ok) <= MAX_DOTS else f"At most {MAX_DOTS:,} dots of a kind are drawn. "
        caption += self._left_out()
        return Figure(title, chart.svg(), caption, tuple(legend))

    def _bounds(self, shown: Floats) -> list[float]:
        """Return the limits of the quantity that lie near the values ``(k,)`` that are drawn."""
        of_this = [c.bound for c in self.results.constraints if c.metric == self.name]
        low, high, room = shown.min(), shown.max(), np.ptp(shown)
        scaled = [self.scale.factor * bound for bound in of_this]
        return [bound for bound in scaled if low - room <= bound <= high + room]

    def _left_out(self) -> str:
        """Say how many architectures are not drawn, since the quantity broke its limit."""
        limits = [c for c in self.results.constraints if c.metric == self.name]
        values = [r.values.get(self.name, float("nan")) for r in self.results.rejected]
        out = [v for v in values if any(c.excess(v) > 0 for c in limits)]
        if not out:
            return ""
        metric = self.results.metrics[self.name]
        ends = [format_value(end, metric) for end in (min(out), max(out))]
        have = ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
        return f"Not drawn: {len(out):,} that have {have} and were not evaluated."

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
