"""Pictures of cells as graphs: nodes from left to right, edges coloured by operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.canvas import PALETTE, SKIP, picture, text_width, write
from archrank.spaces.edge_cells.base import EdgeCellSpace

RADIUS = 17
LEVEL = 62  # height of one level of arcs
EDGE = 82.0  # room beside the outer nodes, for their names
LONGEST = 260.0  # of an operation's name; longer ones are cut


@dataclass(frozen=True)
class Arc:
    """Edge between positions on the line of nodes; level 0 is straight, below 0 curves down."""

    start: int
    end: int
    op: int
    level: int


def draw_cell(space: EdgeCellSpace, arch: NDArray[np.uint8]) -> str:
    """Draw the live part of one cell ``arch: (d,)`` as an SVG document.

    Edges that are on no path from input to output, and nodes without other edges, are left out.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> all_convolutions = np.full(6, 3, dtype=np.uint8)
        >>> draw_cell(NASBench201(), all_convolutions).count("nor_conv_3x3</text>")
        6
    """
    row = space.validate(arch[None])
    live = np.flatnonzero(space.live(row)[0])
    ends = [space.edges[e] for e in live]
    nodes = sorted({0, space.nodes - 1, *(node for edge in ends for node in edge)})
    place = {node: at for at, node in enumerate(nodes)}
    arcs = arrange(
        [(place[j], place[i], int(row[0, e])) for e, (j, i) in zip(live, ends, strict=True)]
    )
    # a neighbour's label fits between two circles
    labels = [min(text_width(space.ops[a.op]), LONGEST) for a in arcs]
    gap = max(128.0, 50 + max(labels, default=0.0))
    xs = [EDGE + gap * at for at in range(len(nodes))]
    up = LEVEL * max([0, *(a.level for a in arcs)]) + 38
    down = LEVEL * max([0, *(-a.level for a in arcs)]) + 34
    parts = [_arc(space, arc, xs, up) for arc in arcs]
    parts += [_node(space, node, xs[place[node]], up) for node in nodes]
    if not arcs:
        parts.append(write((xs[0] + xs[-1]) / 2, up - 8, "no path"))
    label = f"{space.name} cell {space.format(row)[0]}"
    return picture(xs[-1] + EDGE, up + down, parts, label)


def arrange(edges: list[tuple[int, int, int]]) -> list[Arc]:
    """Give each edge ``(start, end, op)`` a level so that few arcs cross.

    Edges between neighbours are straight. Longer edges, short ones first, go to the side where they
    cross fewer arcs, one level above all arcs that they overlap there.
    """
    arcs: list[Arc] = []
    for start, end, op in sorted(edges, key=lambda e: (e[1] - e[0], e[0])):
        if end - start == 1:
            arcs.append(Arc(start, end, op, 0))
            continue
        sides = []
        for side in (1, -1):
            same = [a for a in arcs if a.level * side > 0]
            crossed = sum(
                a.start < start < a.end < end or start < a.start < end < a.end for a in same
            )
            beneath = [abs(a.level) for a in same if a.start < end and start < a.end]
            sides.append((crossed, max([0, *beneath]) + 1, side))
        _, level, side = min(sides, key=lambda s: (s[0], s[1], -s[2]))
        arcs.append(Arc(start, end, op, side * level))
    return arcs


def op_colors(space: EdgeCellSpace) -> dict[int, str]:
    """Return the colour of every operation but ``none``, the same in all pictures of a space."""
    drawn = [k for k in range(len(space.ops)) if k not in (space.none, space.skip)]
    colors = {k: PALETTE[i % len(PALETTE)] for i, k in enumerate(drawn)}
    return colors if space.skip is None else colors | {space.skip: SKIP}


def op_dash(space: EdgeCellSpace, op: int) -> str:
    """Return the dash pattern of an operation: for the identity, and for repeated colours."""
    if op == space.skip:
        return "6 5"
    before = sum(k not in (space.none, space.skip) for k in range(op))
    return "" if before < len(PALETTE) else "12 4"


def _arc(space: EdgeCellSpace, arc: Arc, xs: list[float], line: float) -> str:
    color, name = op_colors(space)[arc.op], space.ops[arc.op]
    x1, x2 = xs[arc.start], xs[arc.end]
    middle, side = (x1 + x2) / 2, 1 if arc.level >= 0 else -1
    peak = line - LEVEL * arc.level
    if arc.level == 0:
        x1, x2 = x1 + RADIUS, x2 - RADIUS - 8
        path, tip = f"M{x1:g} {line:g}H{x2:g}", f"translate({x2:g} {line:g})"
    else:  # leaves and enters the circles at 60 degrees, flat on top
        y = line - side * 0.87 * RADIUS
        x1, x2 = x1 + 0.5 * RADIUS, x2 - 0.5 * RADIUS - 4
        y2, bend = y - side * 7, (x2 - x1) / 4
        path = (
            f"M{x1:g} {y:g}C{x1 + bend / 2:g} {peak:g} {x1 + bend:g} {peak:g} {middle:g} {peak:g}"
            f"S{x2 - bend / 2:g} {peak:g} {x2:g} {y2:g}"
        )
        angle = np.degrees(np.arctan2(y2 - peak, bend / 2))
        tip = f"translate({x2:g} {y2:g}) rotate({angle:.0f})"
    dash = op_dash(space, arc.op)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    label_at = peak - 8 if side > 0 else peak + 18
    return (
        f'<g><path d="{path}" fill="none" stroke="{color}" stroke-width="3"{dashes}/>'
        f'<path d="M-2 -6L9 0L-2 6Z" fill="{color}" transform="{tip}"/>'
        f"{write(middle, label_at, name, room=LONGEST)}</g>"
    )


def _node(space: EdgeCellSpace, node: int, x: float, line: float) -> str:
    name = ""
    if node == 0:
        name = write(x - RADIUS - 6, line + 5, "input", anchor="end")
    elif node == space.nodes - 1:
        name = write(x + RADIUS + 6, line + 5, "output", anchor="start")
    return (
        f'<g><circle cx="{x:g}" cy="{line:g}" r="{RADIUS}" fill="none" stroke="currentColor" '
        f'stroke-width="1.8"/>{write(x, line + 5, str(node))}{name}</g>'
    )
