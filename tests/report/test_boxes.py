"""Box plots and bars of charts: places of their numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from archrank.report.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Chart, Groups


def test_a_box_is_drawn_at_its_numbers() -> None:
    chart = Chart(Axis("x", 0, 10), Axis("y", 0, 100), "boxes")
    chart.boxes(np.array([5.0]), np.array([[0.0, 25, 50, 75, 100]]), 2.0, "s0", ["a & b"])
    (path,) = (p for p in ElementTree.fromstring(chart.svg()) if p.get("class") == "s0")
    assert path[0].text == "a & b"
    numbers = [float(n) for n in re.findall(r"[\d.]+", path.get("d") or "")]
    middle, across = (LEFT + WIDTH - RIGHT) / 2, (WIDTH - LEFT - RIGHT) / 10
    floor, tall = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    at = [floor - share * tall for share in (0, 0.25, 0.5, 0.75, 1)]
    left, right = middle - across, middle + across
    expected = [middle, at[0], at[1], middle, at[3], at[4], left, at[1], right, at[3], left]
    assert numbers == pytest.approx([*expected, left, at[2], right], abs=0.06)


def test_a_bar_reaches_from_low_to_high() -> None:
    chart = Chart(Groups.of("group", ["a", "b"]), Axis("y", 0, 100), "bars")
    chart.bars(np.array([1.0]), np.array([25.0]), np.array([75.0]), 0.5, "s0", ["a & b"])
    (group,) = (g for g in ElementTree.fromstring(chart.svg()) if g.get("class") == "s0")
    (bar,) = group
    assert bar[0].text == "a & b"
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP
    found = [float(bar.get(name, "")) for name in ("x", "y", "width", "height")]
    expected = [LEFT + wide * 0.625, HEIGHT - BOTTOM - 0.75 * tall, wide / 4, tall / 2]
    assert found == pytest.approx(expected, abs=0.11)
    assert all(f">{name}<" in chart.svg() for name in ("a", "b"))
