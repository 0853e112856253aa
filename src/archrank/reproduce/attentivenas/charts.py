"""Charts of AttentiveNAS's figures."""

from __future__ import annotations

import numpy as np

from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.types import Floats


def scatter(title: str, predicted: Floats, measured: Floats) -> Figure:
    """Draw predicted against measured ranks ``(n,)``; 1 is best."""
    n = len(measured)
    ends = (1 - 0.04 * n, 1.04 * n)
    x = Axis("measured rank (1 is best)", *ends, whole=True, ranks=True)
    y = Axis("predicted rank", *ends, whole=True, ranks=True)
    chart = Chart(x, y, f"{title}: predicted against measured ranks")
    chart.line(np.array([1.0, n]), np.array([1.0, n]), "limit")
    texts = [f"measured {m:g}, predicted {p:g}" for p, m in zip(predicted, measured, strict=True)]
    chart.dots(measured, predicted, "dot", texts)
    return Figure(
        title,
        chart.svg(),
        f"{n:,} sub-networks that the forest has not seen, of the first repetition.",
        (("dot", "sub-network"), ("limit", "perfect order")),
    )
