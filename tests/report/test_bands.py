"""Bands of charts: the area between two lines."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from archrank.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Chart


def test_a_band_goes_along_its_upper_end_and_back_along_its_lower() -> None:
    chart = Chart(Axis("x", 0, 10), Axis("y", 0, 100), "bands")
    chart.band(np.array([0.0, 10]), np.array([0.0, 25]), np.array([50.0, 100]), "s0")
    (path,) = (p for p in ElementTree.fromstring(chart.svg()) if p.get("class") == "band s0")
    numbers = [float(n) for n in re.findall(r"[\d.]+", path.get("d") or "")]
    floor, tall = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    at = {share: floor - share * tall for share in (0, 0.25, 0.5, 1)}
    left, right = LEFT, WIDTH - RIGHT
    expected = [left, at[0.5], right, at[1], right, at[0.25], left, at[0]]
    assert numbers == pytest.approx(expected, abs=0.06)
