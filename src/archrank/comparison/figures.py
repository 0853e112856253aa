"""Charts of a comparison: mean curves of groups, with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archrank.comparison.statistics import LEVEL
from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.types import Floats

if TYPE_CHECKING:
    from archrank.comparison.comparison import Comparison
    from archrank.comparison.curves import Curve

FILES = {"evaluations": False, "cost": True}
"""Names of the figures' files, and whether they are over the cost."""


def figure(found: Comparison, *, over_cost: bool) -> Figure | None:
    """Draw the best so far of every group; ``None`` if no group has two points of a curve."""
    curves = found.curves(over_cost=over_cost)
    drawn = [curve for curve in curves if len(curve.x) > 1]
    if not drawn:
        return None
    factor = found.scale.factor
    end = max(float(curve.x[-1]) for curve in drawn)
    label = found.cost if over_cost else "evaluations"
    name = found.measure.metric.name
    x = Axis(label, 0, 1.02 * end if end > 0 else 1.0, whole=not over_cost)
    y = Axis.around(found.scale.label, factor * _extent(drawn), margin=0.06)
    chart = Chart(x, y, f"best {name} so far against {label}")
    if found.target is not None:
        chart.level(factor * found.sign * found.target.score, "limit")
    for i, curve in enumerate(curves):  # bands first: no line may hide below one
        banded = np.isfinite(curve.low)
        if banded.sum() > 1:
            steps = _stepped(curve.x[banded])
            low, high = (np.repeat(factor * end[banded], 2) for end in (curve.low, curve.high))
            chart.band(steps, low[:-1], high[:-1], f"s{i}")
    for i, curve in enumerate(curves):
        if len(curve.x):
            chart.line(curve.x, factor * curve.mean, f"s{i}", steps=True)
    legend = [(f"s{i}", _entry(found, i)) for i in range(len(curves))]
    if found.target is not None:
        legend.append(("limit", "target"))
    return Figure(
        f"Best so far against {label.removesuffix(' (s)')}",
        chart.svg(),
        _caption(found, curves, over_cost=over_cost),
        tuple(legend),
    )


def _stepped(x: Floats) -> Floats:
    """Return the corners of steps at ``x: (k,)``, each lasting until the next: ``(2 k - 1,)``."""
    return np.repeat(x, 2)[1:]


def _extent(curves: list[Curve]) -> Floats:
    """Return the range that is drawn: of means, and of bands as far as they are not far outside.

    Early values are far below all that matters, and intervals of two runs far wider.
    """
    means = np.concatenate([curve.mean for curve in curves])
    late = np.concatenate([curve.mean[len(curve.mean) // 20 :] for curve in curves])
    low, high = float(late.min()), float(late.max())
    room = 0.35 * (high - low)
    ends = np.concatenate([end for curve in curves for end in (curve.low, curve.high)])
    ends = ends[np.isfinite(ends)]
    ends = ends[(ends >= low - room) & (ends <= high + room)]
    kept = means[(means >= low - room) & (means <= high + room)]
    return np.array([min([low, *ends, *kept]), max([high, *ends, *kept])])


def _entry(found: Comparison, i: int) -> str:
    n = len(found.groups[i].runs)
    return f"{found.groups[i].name} ({n} run{'s' if n > 1 else ''})"


def _caption(found: Comparison, curves: list[Curve], *, over_cost: bool) -> str:
    parts = [f"{found.measure.meaning}."]
    if any(len(group.runs) > 1 for group in found.groups):
        parts.append(
            f"Lines are means over runs, bands their {LEVEL:.0%} intervals by Student's t "
            "distribution; each ends where the first of its runs ends."
        )
    if over_cost:
        parts.append(f"The horizontal axis is the {found.cost.removesuffix(' (s)')} of one run.")
    lost = [g.name for g, c in zip(found.groups, curves, strict=True) if not len(c.x)]
    if lost:
        parts.append(f"Without a place at which all their runs have a value: {', '.join(lost)}.")
    return " ".join(parts)
