"""Layered graphs: order, distances and crossings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.drawing.layout import GAP, LANE, Edge, plan


def test_a_chain_is_straight() -> None:
    made = plan([40, 100, 20], [Edge(0, 1), Edge(1, 2)])
    assert made.layer == [0, 1, 2]
    assert made.x == pytest.approx([50, 50, 50])
    assert made.width == pytest.approx(100)


def test_long_edges_pass_beside_nodes() -> None:
    made = plan([40, 100, 40], [Edge(0, 1), Edge(1, 2), Edge(0, 2)])
    (passed,) = made.routes[2]
    assert abs(passed - made.x[1]) >= (100 + LANE) / 2 + GAP - 1e-9
    assert made.routes[:2] == [[], []]


def test_crossings_are_removed() -> None:
    made = plan([30] * 4, [Edge(0, 3), Edge(1, 2)])  # 0 and 1 above, 2 and 3 below
    assert (made.x[0] - made.x[1]) * (made.x[3] - made.x[2]) > 0


def test_ports_decide_the_order() -> None:
    made = plan([30, 30, 200], [Edge(0, 2, port=60), Edge(1, 2, port=-60)])
    assert made.x[1] < made.x[0]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], list[Edge]]:
    n = draw(st.integers(2, 8))
    widths = draw(st.lists(st.integers(10, 200), min_size=n, max_size=n))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1])
    return widths, [Edge(a, b) for a, b in draw(st.lists(pairs, max_size=12))]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_overlaps(graph: tuple[list[int], list[Edge]]) -> None:
    widths, edges = graph
    made = plan(widths, edges)
    assert plan(widths, edges) == made
    for edge, route in zip(edges, made.routes, strict=True):
        assert made.layer[edge.source] < made.layer[edge.target]
        assert len(route) == made.layer[edge.target] - made.layer[edge.source] - 1
    places = [(made.layer[i], made.x[i], float(widths[i])) for i in range(len(widths))]
    for edge, route in zip(edges, made.routes, strict=True):
        start = made.layer[edge.source] + 1
        places += [(at, x, LANE) for at, x in enumerate(route, start)]
    for i, (layer, x, width) in enumerate(places):
        assert width / 2 - 1e-6 <= x <= made.width - width / 2 + 1e-6
        for other, y, wide in places[:i]:
            assert layer != other or abs(x - y) >= (width + wide) / 2 + GAP - 1e-6
