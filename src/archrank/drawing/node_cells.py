"""Pictures of cells with operations on nodes: NAS-Bench-101, and the two cells of NDS.

In an NDS cell a node is the sum of two operations: two boxes in a panel, each with its own input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.canvas import (
    AMBER,
    BLUE,
    GREEN,
    PINK,
    RED,
    SKIP,
    SKY,
    arrow,
    before,
    box,
    box_width,
    frame,
    picture,
    text_width,
    write,
)
from archrank.drawing.layout import Edge, Plan, plan
from archrank.spaces.nasbench101.space import NASBench101
from archrank.spaces.nds.cells import joined
from archrank.spaces.nds.space import NDS

HEIGHT = 30.0  # of a box
PAD = 7.0  # of a panel
PLUS = 20.0  # between the two boxes of a panel
ROOM = 46.0  # between layers, for edges
MARGIN = 14.0
APART = 56.0  # between two cells
TITLE = 34.0
WIDEST = 1500.0  # of two cells side by side


@dataclass(frozen=True)
class Node:
    """Node of a picture: one box, or a panel of two; without a colour, nothing is computed."""

    labels: tuple[str, ...]
    colors: tuple[str | None, ...]

    @property
    def boxes(self) -> list[float]:
        """Widths of the boxes, in pixels."""
        return [box_width([label]) for label in self.labels]

    @property
    def width(self) -> float:
        """Width of the whole node, in pixels."""
        if len(self.labels) == 1:
            return self.boxes[0]
        return sum(self.boxes) + PLUS + 2 * PAD

    @property
    def ports(self) -> list[float]:
        """Middle of each box, in pixels to the right of the node's middle."""
        if len(self.labels) == 1:
            return [0.0]
        first, second = self.boxes
        return [(first - self.width) / 2 + PAD, (self.width - second) / 2 - PAD]


@dataclass(frozen=True)
class Cell:
    """Nodes in topological order, and edges (source, target, box of the target)."""

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int, int], ...]


def op_color(op: str) -> str | None:
    """Return the colour of an operation's type; ``None`` for the one that computes nothing."""
    kinds = (
        ("none", None),
        ("skip", SKIP),
        ("max", PINK),
        ("avg", AMBER),
        ("dil", GREEN),
        ("sep", RED),
        ("conv_1x1", SKY),
        ("conv1x1", SKY),
    )
    return next((color for start, color in kinds if op.startswith(start)), BLUE)


def draw_nasbench101(space: NASBench101, arch: NDArray[np.uint8]) -> str:
    """Draw the pruned cell of ``arch: (26,)`` as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> space = NASBench101()
        >>> svg = draw_nasbench101(space, space.parse(["110011:02"])[0])
        >>> [svg.count(f">{op}<") for op in ("conv3x3", "conv1x1", "maxpool3x3")]
        [1, 0, 1]
    """
    row = space.validate(arch[None])
    view = space.graph(row)
    vertices = np.flatnonzero(view.mask[0])
    names = [view.op_names[k] for k in view.ops[0, vertices]]
    nodes = tuple(
        Node((name,), (SKIP if name in ("input", "output") else op_color(name),)) for name in names
    )
    place = {int(v): i for i, v in enumerate(vertices)}
    edges = tuple(
        (place[int(a)], place[int(b)], 0)
        for a, b in np.argwhere(view.adjacency[0])
        if a in place and b in place
    )
    label = f"{space.name} cell {space.format(row)[0]}"
    return _draw([Cell("", nodes, edges)], label, "")


def draw_nds(space: NDS, arch: NDArray[np.uint8]) -> str:
    """Draw the normal and the reduction cell of ``arch: (d,)`` side by side as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    half = 4 * space.nodes
    cells = []
    for k, title in enumerate(("normal cell", "reduction cell")):
        genes = row[0, k * half : (k + 1) * half]
        cells.append(_nds_cell(space, title, genes[::2].tolist(), genes[1::2]))
    values = dict(zip((c.name for c in space.choices), row[0].tolist(), strict=True))
    width, depth = space.widths[values["width"]], space.depths[values["depth"]]
    scale = f"{depth} cells, {width} channels in the first stage"
    return _draw(cells, f"{space.name} cells {space.format(row)[0]}", scale)


def _nds_cell(space: NDS, title: str, chosen: list[int], inputs: NDArray[np.uint8]) -> Cell:
    """Make one cell from the operations and inputs ``(p,)`` of its terms."""
    used = sorted(
        {int(s) for k, s in zip(chosen, inputs, strict=True) if k != space.none and s < 2}
    )
    place = {state: i for i, state in enumerate(used)}
    nodes = [Node((("cell k-2", "cell k-1")[state],), (SKIP,)) for state in used]
    edges = []
    for i in range(space.nodes):
        ops = [space.ops[k] for k in chosen[2 * i : 2 * i + 2]]
        place[2 + i] = len(nodes)
        for term, op in enumerate(ops):
            if op_color(op) is not None:
                edges.append((place[int(inputs[2 * i + term])], place[2 + i], term))
        nodes.append(Node(tuple(ops), tuple(map(op_color, ops))))
    joins = np.flatnonzero(joined(inputs[None], loose=space.loose)[0]) + 2
    edges += [(place[int(state)], len(nodes), 0) for state in joins]
    nodes.append(Node(("concatenation",), (SKIP,)))
    return Cell(title, tuple(nodes), tuple(edges))


# ---- drawing -----------------------------------------------------------------------------------


def _draw(cells: Sequence[Cell], label: str, note: str) -> str:
    """Draw cells side by side, or one below the other if too wide; ``note`` is below them."""
    planned = [(cell, *_plan(cell)) for cell in cells]
    widths = [max(made.width, 1.1 * text_width(cell.title)) for cell, made, _ in planned]
    heights = [_height(cell, made) for cell, made, _ in planned]
    across = sum(widths) + APART * (len(cells) - 1)
    beside = across <= WIDEST
    width = max(across if beside else max(widths), text_width(note))
    parts, x, y = [], MARGIN + max(0.0, width - across) / 2 if beside else MARGIN, MARGIN
    for (cell, made, ports), own, height in zip(planned, widths, heights, strict=True):
        left = x + ((own if beside else width) - made.width) / 2
        if cell.title:
            parts.append(write(left + made.width / 2, y + 14, cell.title, bold=True))
        parts += _cell(cell, made, ports, left, y + (TITLE if cell.title else 0))
        x, y = (x + own + APART, y) if beside else (x, y + height + APART)
    bottom = MARGIN + max(heights) if beside else y - APART
    if note:
        bottom += 34
        parts.append(write(MARGIN + width / 2, bottom, note))
    return picture(width + 2 * MARGIN, bottom + MARGIN, parts, label)


def _height(cell: Cell, made: Plan) -> float:
    """Compute the height of a cell with its title, in pixels."""
    layers = max(made.layer) + 1
    return (TITLE if cell.title else 0) + layers * (_tall(cell) + ROOM) - ROOM


def _tall(cell: Cell) -> float:
    panels = any(len(node.labels) > 1 for node in cell.nodes)
    return HEIGHT + (2 * PAD if panels else 0)


def _plan(cell: Cell) -> tuple[Plan, list[float]]:
    """Place the nodes, and spread incoming edges over the top of a box in their order."""
    ports = [cell.nodes[target].ports[k] for _, target, k in cell.edges]
    edges = [Edge(a, b, port) for (a, b, _), port in zip(cell.edges, ports, strict=True)]
    made = plan([node.width for node in cell.nodes], edges)
    came_from = [
        [made.x[a], *route][-1] for (a, _, _), route in zip(cell.edges, made.routes, strict=True)
    ]
    for target, k in {(b, k) for _, b, k in cell.edges}:
        into = [e for e, (_, b, at) in enumerate(cell.edges) if (b, at) == (target, k)]
        into.sort(key=came_from.__getitem__)
        step = min(16.0, 0.6 * cell.nodes[target].boxes[k] / len(into))
        for place, e in enumerate(into):
            ports[e] += step * (place - (len(into) - 1) / 2)
    return made, ports


def _cell(cell: Cell, made: Plan, ports: list[float], left: float, top: float) -> list[str]:
    tall = _tall(cell)
    tops = [top + at * (tall + ROOM) for at in range(max(made.layer) + 1)]
    parts = []
    for (source, target, _), route, port in zip(cell.edges, made.routes, ports, strict=True):
        y = tops[made.layer[source]] + (tall + _own(cell, source)) / 2
        x = left + made.x[source]
        path = f"M{x:g} {y:g}"
        for at, over in enumerate(route, made.layer[source] + 1):
            path += _bend(x, y, left + over, tops[at]) + f"V{tops[at] + tall:g}"
            x, y = left + over, tops[at] + tall
        tip = (left + made.x[target] + port, tops[made.layer[target]] + (tall - HEIGHT) / 2)
        end = before(tip, (0, 1))
        parts.append(arrow(path + _bend(x, y, *end), tip, (0, 1)))
    for node, x, at in zip(cell.nodes, made.x, made.layer, strict=True):
        parts += _node(node, left + x, tops[at] + tall / 2)
    return parts


def _own(cell: Cell, node: int) -> float:
    """Return the height of a node, in pixels."""
    return HEIGHT + (2 * PAD if len(cell.nodes[node].labels) > 1 else 0)


def _bend(x1: float, y1: float, x2: float, y2: float) -> str:
    """Write a curve that leaves and arrives vertically."""
    middle = (y1 + y2) / 2
    return f"C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"


def _node(node: Node, x: float, middle: float) -> list[str]:
    parts = []
    if len(node.labels) > 1:
        panel = (x - node.width / 2, middle - HEIGHT / 2 - PAD, node.width, HEIGHT + 2 * PAD)
        parts = [frame(*panel), write(x + (node.boxes[0] - node.boxes[1]) / 2, middle + 5, "+")]
    for label, fill, width, port in zip(
        node.labels, node.colors, node.boxes, node.ports, strict=True
    ):
        parts.append(box(x + port - width / 2, middle - HEIGHT / 2, width, HEIGHT, [label], fill))
    return parts
