"""Charts of RankNAS's figures: results of searches against the architectures that they scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.types import Floats

DOTS = 12  # points of a curve that are marked, at most


@dataclass(frozen=True, eq=False)
class Curve:
    """Means of a search, with a band.

    Attributes:
        name: Entry of the legend.
        at: Architectures scored: ``(n,)``.
        mean: ``(n,)``.
        half: Half the width of the band: ``(n,)``; 0 for none.
    """

    name: str
    at: Floats
    mean: Floats
    half: Floats


def curves(
    title: str,
    across: str,
    up: str,
    drawn: Sequence[Curve],
    *,
    caption: str,
    level: tuple[str, float] | None = None,
) -> Figure:
    """Draw curves with bands, and a horizontal line that is named, if any.

    Args:
        title: Heading.
        across: Label of the horizontal axis.
        up: Label of the vertical axis.
        drawn: The curves.
        caption: Text below.
        level: Name and height of the line.
    """
    ends = [each.mean + sign * each.half for each in drawn for sign in (-1, 1)]
    heights = np.concatenate([*ends, [] if level is None else [level[1]]])
    x = Axis.around(across, np.concatenate([each.at for each in drawn] + [np.zeros(1)]))
    chart = Chart(x, Axis.around(up, heights[np.isfinite(heights)]), title)
    legend = []
    if level is not None:
        chart.level(level[1], "limit")
        legend.append(("limit", level[0]))
    for i, each in enumerate(drawn):
        chart.band(each.at, each.mean - each.half, each.mean + each.half, f"s{i}")
    for i, each in enumerate(drawn):
        chart.line(each.at, each.mean, f"s{i}")
        some = np.unique(np.linspace(0, len(each.at) - 1, min(DOTS, len(each.at))).astype(int))
        texts = [f"{each.name}, {each.at[j]:,.0f}: {each.mean[j]:.4f}" for j in some]
        chart.dots(each.at[some], each.mean[some], f"s{i}", texts)
        legend.append((f"s{i}", each.name))
    return Figure(title, chart.svg(), caption, tuple(legend))
