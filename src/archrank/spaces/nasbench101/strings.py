"""NAS-Bench-101 cells as strings: edge bits, a colon, one digit per operation.

The tables of the benchmark have both as columns. A cell of ``v`` vertices has ``v (v - 1) / 2``
bits, the upper triangle of its adjacency row by row, and ``v - 2`` operations.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import isqrt

from archrank.errors import ArchitectureError
from archrank.spaces.nasbench101.cells import EDGES, INTERIOR, VERTICES

OPS = ("conv3x3", "conv1x1", "maxpool3x3")  # published order and labels
_TEXT = re.compile(r"([01]*):([0-9]*)")


def format_cell(row: list[int]) -> str:
    """Write one row of 26 decisions as a cell of seven vertices."""
    return "".join(map(str, row[: len(EDGES)])) + ":" + "".join(map(str, row[len(EDGES) :]))


def parse_cell(text: str, n: int) -> list[int]:
    """Read one cell as a row of 26 decisions.

    Args:
        text: the string.
        n: its number, for messages.

    Raises:
        ArchitectureError: not of this form, or an unknown operation.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ArchitectureError(
            f"architecture {n}: expected <edge bits>:<operations> such as "
            f"100110100001001010101:02001, got {text!r}"
        )
    bits, ops = match.groups()
    v = (1 + isqrt(1 + 8 * len(bits))) // 2
    if v * (v - 1) // 2 != len(bits) or not 2 <= v <= VERTICES or len(ops) != v - 2:
        raise ArchitectureError(
            f"architecture {n}: {len(bits)} edge bits and {len(ops)} operations in {text!r}; a "
            "cell of v = 2..7 vertices has v (v - 1) / 2 bits and v - 2 operations"
        )
    if ops.strip("012"):
        known = ", ".join(f"{k} ({op})" for k, op in enumerate(OPS))
        raise ArchitectureError(
            f"architecture {n}: operations are {known}; got {ops!r} in {text!r}"
        )
    row = [0] * len(EDGES)
    for position, bit in zip(_positions(v), bits, strict=True):
        row[position] = int(bit)
    return row + [int(k) for k in ops] + [0] * (len(INTERIOR) - len(ops))


@lru_cache(maxsize=VERTICES)
def _positions(v: int) -> list[int]:
    """Positions of the bits of a cell of ``v`` vertices: its output becomes the last vertex."""
    last = VERTICES - 1
    ends = [(i, last if j == v - 1 else j) for i in range(v) for j in range(i + 1, v)]
    return [EDGES.index(edge) for edge in ends]
