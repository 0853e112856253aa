"""Pictures of HAT, RankNAS and GPT-S as stacks of layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.transformers import Column, Layer, Part, draw_stacks
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.gpt_s import GPTS
from archrank.spaces.transformers.ranknas import RankNASLanguageModel
from archrank.spaces.transformers.translation import TranslationSpace
from archrank.types import Archs


def draw_translation(space: TranslationSpace, arch: NDArray[np.uint8]) -> str:
    """Draw encoder and decoder of ``arch: (d,)`` as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    encoder, decoder = (
        Column(title, _notes(space, row, side), start, _translation_layers(space, row, side), end)
        for title, side, start, end in (
            ("encoder", "enc", "source tokens", ""),
            ("decoder", "dec", "target tokens", "next target token"),
        )
    )
    return draw_stacks([encoder, decoder], f"{space.name} network {space.format(row)[0]}")


def _translation_layers(space: TranslationSpace, row: Archs, side: str) -> tuple[Layer, ...]:
    heads = f"{side}_heads" if f"{side}_heads" in space.starts else f"{side}_self_heads"
    widest = _largest(space, f"{side}_ffn")
    layers = []
    for i in range(_one(space, row, f"{side}_layers")):
        lines = [f"self-attention, {_one(space, row, heads, i)} heads"]
        if f"{side}_rpr" in space.starts:
            lines.append(f"relative positions to ±{_one(space, row, f'{side}_rpr', i)}")
        parts = [Part("attention", tuple(lines))]
        sources: tuple[int, ...] = ()
        if side == "dec":
            sources = _sources(space, row, i)
            parts.append(_cross(space, row, i, sources))
        ffn = _one(space, row, f"{side}_ffn", i)
        parts.append(_network(f"feed-forward, {ffn}", ffn, widest))
        layers.append(Layer(tuple(parts), sources))
    return tuple(layers)


def _sources(space: TranslationSpace, row: Archs, layer: int) -> tuple[int, ...]:
    """Return the numbers, from 0, of the encoder layers that a decoder layer attends to."""
    layers = _one(space, row, "enc_layers")
    return tuple(range(max(layers - _one(space, row, "dec_arbitrary", layer), 0), layers))


def _cross(space: TranslationSpace, row: Archs, layer: int, sources: Sequence[int]) -> Part:
    heads = "dec_cross_heads" if "dec_cross_heads" in space.starts else "dec_heads"
    numbers = [str(source + 1) for source in sources]
    read = f"encoder layer{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
    lines = (f"cross-attention, {_one(space, row, heads, layer)} heads", f"to {read}")
    return Part("cross", lines)


def _notes(space: TranslationSpace, row: Archs, side: str) -> tuple[str, ...]:
    layers = _one(space, row, f"{side}_layers")
    size = f"{_one(space, row, f'{side}_embed')} channels, {_count(layers, 'layer')}"
    norm = "post"
    if f"{side}_norm" in space.starts:
        norm = "post" if _one(space, row, f"{side}_norm") else "pre"  # option 0 is pre-norm
    positions = "relative" if f"{side}_rpr" in space.starts else "sinusoidal"
    return size, f"{norm}-norm, ReLU, {positions} positions"


def draw_language_model(space: RankNASLanguageModel, arch: NDArray[np.uint8]) -> str:
    """Draw the stack of ``arch: (d,)`` as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    depth, widest = _one(space, row, "layers"), _largest(space, "ffn")
    dims = [_one(space, row, "embed", i) for i in range(depth)]
    layers = []
    for i, (before, dim) in enumerate(zip([dims[0], *dims], dims, strict=False)):
        ffn, heads = _one(space, row, "ffn", i), _one(space, row, "heads", i)
        bridge = [] if before == dim else [Part("other", (f"linear, {before} to {dim}",))]
        attention = Part("attention", (f"self-attention, {heads} heads",))
        network = _network(f"feed-forward, {ffn}", ffn, widest)
        layers.append(Layer((*bridge, attention, network)))
    after = "next token" if dims[-1] == dims[0] else f"linear, {dims[-1]} to {dims[0]}; next token"
    notes = (_count(depth, "layer"), "pre-norm, ReLU")
    column = Column("language model", notes, f"tokens, {dims[0]} channels", tuple(layers), after)
    return draw_stacks([column], f"{space.name} network {space.format(row)[0]}")


def draw_gpt_s(space: GPTS, arch: NDArray[np.uint8]) -> str:
    """Draw the blocks of ``arch: (d,)``, attention and network side by side, as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    dim, depth = _one(space, row, "embed_dim"), _one(space, row, "n_layer")
    widest = _largest(space, "mlp_ratio")
    layers = []
    for i in range(depth):
        heads, ratio = _one(space, row, "n_head", i), _one(space, row, "mlp_ratio", i)
        attention = Part("attention", (f"self-attention, {heads} heads",))
        text = f"gated network, {ratio} × {dim}"
        layers.append(Layer((attention, _network(text, ratio, widest))))
    biases = "biases" if _one(space, row, "bias") else "no biases"
    notes = (
        f"{dim} channels, {_count(depth, 'layer')}, {biases}",
        "pre-norm, rotary positions, attention and network side by side",
    )
    column = Column("language model", notes, "tokens", tuple(layers), "next token", parallel=True)
    return draw_stacks([column], f"{space.name} network {space.format(row)[0]}")


def _network(text: str, size: int, widest: int) -> Part:
    """Make a feed-forward network; its box is at least as wide as its text."""
    return Part("network", (text,), 0.6 + 0.4 * size / widest)


def _one(space: LayeredSpace, row: Archs, name: str, layer: int = 0) -> int:
    """Return the number that is chosen for a decision of ``row: (1, d)``."""
    return int(space.values(row, name)[0, layer])


def _largest(space: LayeredSpace, name: str) -> int:
    return int(max(float(o) for o in space.choices[space.starts[name]].options))


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
