"""Architectures as pictures: SVG documents, one file per kind of picture."""

from __future__ import annotations

from archrank.drawing.canvas import PALETTE, SKIP, inline
from archrank.drawing.dispatch import STYLES, Style, draw, style_of
from archrank.drawing.edge_cells import Arc, arrange, draw_cell, op_colors, op_dash

__all__ = [
    "PALETTE",
    "SKIP",
    "STYLES",
    "Arc",
    "Style",
    "arrange",
    "draw",
    "draw_cell",
    "inline",
    "op_colors",
    "op_dash",
    "style_of",
]
