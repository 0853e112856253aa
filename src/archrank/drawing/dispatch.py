"""Which kind of picture a space has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.block_spaces import (
    draw_attentivenas,
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
from archrank.spaces.base import Space
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.mobile.attentivenas import AttentiveNAS
from archrank.spaces.mobile.proxylessnas import ProxylessNAS
from archrank.spaces.nasbench101.space import NASBench101
from archrank.spaces.nds.space import NDS
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.gpt_s import GPTS
from archrank.spaces.transformers.ranknas import RankNASLanguageModel
from archrank.spaces.transformers.translation import TranslationSpace

Drawer = Callable[[Any, NDArray[np.uint8]], str]


@dataclass(frozen=True)
class Style:
    """A kind of picture, and what a reader is told about it."""

    title: str
    caption: str
    drawer: Drawer


_SUM = "A node is the sum of its incoming edges."
_ATTENTION = "The first layer is at the bottom; wider boxes are wider feed-forward networks. "
_BLOCKS = "Blocks are coloured by kernel size; expand is the factor of their inner channels."
STYLES: tuple[tuple[type[Space], Style], ...] = (  # the first that fits
    (EdgeCellSpace, Style("The cell", _SUM, draw_cell)),
    (
        NASBench101,
        Style("The cell", "Vertices and edges on no path are left out.", draw_nasbench101),
    ),
    (
        NDS,
        Style(
            "The cells",
            "A panel is a node, the sum of two operations; cell k-1 is the cell before.",
            draw_nds,
        ),
    ),
    (ProxylessNAS, Style("The blocks", _BLOCKS + " Dashed blocks are skipped.", draw_proxylessnas)),
    (AttentiveNAS, Style("The blocks", _BLOCKS, draw_attentivenas)),
    (
        TranslationSpace,
        Style(
            "The layers",
            _ATTENTION + "Lines lead to the decoder layers that attend to an encoder layer.",
            draw_translation,
        ),
    ),
    (RankNASLanguageModel, Style("The layers", _ATTENTION, draw_language_model)),
    (GPTS, Style("The layers", _ATTENTION, draw_gpt_s)),
    (LayeredSpace, Style("The layers", "Layers of one colour are of one kind.", draw_layers)),
)
CHOICES = Style("Its choices", "Faint decisions have no effect in this architecture.", draw_choices)


def style_of(space: Space) -> Style:
    """How architectures of ``space`` are drawn; else as a table of choices."""
    return next((style for kind, style in STYLES if isinstance(space, kind)), CHOICES)


def draw(space: Space, arch: NDArray[np.uint8]) -> str:
    """Draw an architecture ``arch: (d,)`` as an SVG document that stands alone.

    Cells become graphs, image networks chains of blocks, Transformers columns of layers; any other
    space a table of its choices.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> from archrank.spaces import HAT
        >>> space = HAT()
        >>> svg = draw(space, space.sample(1, rng=np.random.default_rng(0))[0])
        >>> svg[:4], svg.count(">self-attention, ") > 6
        ('<svg', True)
    """
    return style_of(space).drawer(space, arch)
