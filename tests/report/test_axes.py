"""Axes of charts: ticks and names do not cover each other."""

from __future__ import annotations

import re

import numpy as np
import pytest

from archrank.report.chart import LEFT, LETTER, Axis, Chart


@pytest.mark.parametrize(("low", "high"), [(0.0, 9.0), (0.0925, 0.1125), (1e5, 2e6)])
def test_the_name_of_the_vertical_axis_is_left_of_its_ticks(low: float, high: float) -> None:
    chart = Chart(Axis("x", 0, 1), Axis("loss", low, high), "a chart")
    chart.line(np.array([0.0, 1.0]), np.array([low, high]), "s0")
    svg = chart.svg()
    (name,) = (float(at) for at in re.findall(r"translate\(([-\d.]+) ", svg))
    widest = max(len(text) for _, text in chart.y.ticks())
    assert name + 6 <= LEFT - 8 - LETTER * widest + 1e-6  # half the height of the name's letters
    left, _, width, _ = (float(v) for v in re.findall(r'viewBox="([^"]+)"', svg)[0].split())
    assert left <= name - 10  # nothing is cut off
    assert left + width == 520
