"""Draw an architecture in the style that its space has chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.block_spaces import (
    draw_attentivenas,
    draw_fbnet,
    draw_layers,
    draw_proxylessnas,
)
from archrank.drawing.choices import draw_choices
from archrank.drawing.edge_cells import draw_cell
from archrank.drawing.node_cells import draw_nasbench101, draw_nds
from archrank.drawing.stack_spaces import (
    draw_gpt_s,
    draw_language_model,
    draw_translation,
)
from archrank.errors import UnknownNameError
from archrank.spaces.base import Space

Drawer = Callable[[Any, NDArray[np.uint8]], str]


@dataclass(frozen=True)
class Style:
    """A kind of picture: its title, a caption, and the function that draws it."""

    title: str
    caption: str
    drawer: Drawer
    legend: bool = False  # colours of edges need one; other pictures name what they show


_SUM = "A node is the sum of its incoming edges."
_ATTENTION = "The first layer is at the bottom; wider boxes are wider feed-forward networks. "
_BLOCKS = "Blocks are coloured by kernel size; expand is the factor of their inner channels."
_SKIPPED = " Dashed blocks are skipped."
_PATHS = "Vertices and edges on no path are left out."
_LAYERS = "Layers of one colour are of one kind."
_DECODER = "Lines lead to the decoder layers that attend to an encoder layer."
_NODES = "A panel is a node, the sum of two operations; cell k-1 is the cell before."
STYLES: dict[str, Style] = {
    "edge_cell": Style("The cell", _SUM, draw_cell, legend=True),
    "nasbench101": Style("The cell", _PATHS, draw_nasbench101),
    "nds": Style("The cells", _NODES, draw_nds),
    "proxylessnas": Style("The blocks", _BLOCKS + _SKIPPED, draw_proxylessnas),
    "fbnet": Style("The blocks", _BLOCKS + _SKIPPED, draw_fbnet),
    "attentivenas": Style("The blocks", _BLOCKS, draw_attentivenas),
    "translation": Style("The layers", _ATTENTION + _DECODER, draw_translation),
    "language_model": Style("The layers", _ATTENTION, draw_language_model),
    "gpt_s": Style("The layers", _ATTENTION, draw_gpt_s),
    "layers": Style("The layers", _LAYERS, draw_layers),
    "choices": Style(
        "Its choices", "Faint decisions have no effect in this architecture.", draw_choices
    ),
}
"""Kinds of pictures by the name that a space gives as :attr:`~archrank.spaces.Space.drawing`."""


def style_of(space: Space) -> Style:
    """Return the kind of picture that ``space`` has chosen.

    Raises:
        UnknownNameError: no kind of picture has the name ``space.drawing``.
    """
    if space.drawing not in STYLES:
        raise UnknownNameError(f"drawing of space {space.name!r}:", space.drawing, STYLES)
    return STYLES[space.drawing]


def draw(space: Space, arch: NDArray[np.uint8]) -> str:
    """Draw an architecture ``arch: (d,)`` as an SVG document that stands alone.

    Cells become graphs, image networks chains of blocks, Transformers columns of layers; any other
    space a table of its choices.

    Raises:
        ArchitectureError: not an architecture of ``space``.
        UnknownNameError: no kind of picture has the name ``space.drawing``.

    Example:
        >>> from archrank.spaces import HAT
        >>> space = HAT()
        >>> svg = draw(space, space.sample(1, rng=np.random.default_rng(0))[0])
        >>> svg[:4], svg.count(">self-attention, ") > 6
        ('<svg', True)
    """
    row = space.to_origin(space.validate(arch[None]))[0]
    return style_of(space).drawer(space.origin, row)
