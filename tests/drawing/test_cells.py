"""Cells with operations on edges: what is live is drawn, what is not is left out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from archrank.drawing import PALETTE, SKIP, Arc, arrange, op_colors, op_dash
from archrank.errors import ArchitectureError
from archrank.report import draw_cell
from archrank.spaces import EdgeCellSpace, NASBench201

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> tuple[list[str], list[str]]:
    """Node and edge labels of a drawing, which must be XML."""
    root = ElementTree.fromstring(svg)
    texts = [t.text or "" for t in root.iter(f"{SVG}text")]
    return [t for t in texts if t.isdigit()], [t for t in texts if "_" in t]


def test_every_live_edge_is_drawn(space: NASBench201) -> None:
    archs = space.sample(300, rng=np.random.default_rng(0))
    for arch, live in zip(archs, space.live(archs), strict=True):
        _, labels = drawn(draw_cell(space, arch))
        assert sorted(labels) == sorted(space.ops[k] for k in arch[live])


def test_dead_nodes_are_left_out(space: NASBench201) -> None:
    text = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    nodes, labels = drawn(draw_cell(space, space.parse([text])[0]))
    assert nodes == ["0", "3"]
    assert labels == ["skip_connect"]


def test_no_path(space: NASBench201) -> None:
    svg = draw_cell(space, np.zeros(6, dtype=np.uint8))
    assert "no path" in svg


def test_operation_names_are_escaped(cells: EdgeCellSpace) -> None:
    space = type(cells)(("none", "<script>", "b&c"), nodes=3, skip="b&c")
    svg = draw_cell(space, np.array([1, 2, 1], dtype=np.uint8))
    ElementTree.fromstring(svg)
    assert "<script>" not in svg


def test_wrong_architecture(space: NASBench201) -> None:
    with pytest.raises(ArchitectureError):
        draw_cell(space, np.zeros(5, dtype=np.uint8))


def test_levels_of_the_full_cell(space: NASBench201) -> None:
    arcs = arrange([(j, i, 0) for j, i in space.edges])
    levels = {(a.start, a.end): a.level for a in arcs}
    assert levels[0, 1] == levels[1, 2] == levels[2, 3] == 0
    assert levels[0, 2] * levels[1, 3] < 0  # on the same side they would cross
    assert abs(levels[0, 3]) == 2


@pytest.mark.parametrize("nodes", [5, 7])
def test_arcs_on_one_level_do_not_overlap(nodes: int) -> None:
    arcs = arrange([(j, i, 0) for i in range(nodes) for j in range(i)])
    assert len(arcs) == nodes * (nodes - 1) // 2
    for a in arcs:
        for b in arcs:
            if a is not b and a.level == b.level:
                assert a.end <= b.start or b.end <= a.start
    assert Arc(0, 1, 0, 0) in arcs


def test_colours_are_fixed_per_operation(space: NASBench201, cells: EdgeCellSpace) -> None:
    colors = op_colors(space)
    assert space.none not in colors
    assert colors[1] == SKIP
    assert [colors[k] for k in (2, 3, 4)] == list(PALETTE[:3])
    many = type(cells)([f"op{i}" for i in range(9)], nodes=3)
    looks = {(op_colors(many)[k], op_dash(many, k)) for k in range(9)}
    assert len(looks) == 9


def test_drawing_stays_inside_its_frame(space: NASBench201) -> None:
    for arch in space.sample(50, rng=np.random.default_rng(1)):
        svg = draw_cell(space, arch)
        _, _, width, height = map(float, re.findall(r'viewBox="([^"]+)"', svg)[0].split())
        for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):
            assert 0 < float(text.get("x", "")) < width
            assert 10 < float(text.get("y", "")) < height
