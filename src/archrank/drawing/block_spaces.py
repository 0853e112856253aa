"""Pictures of ProxylessNAS, FBNet, AttentiveNAS and layered spaces as chains of blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archrank.drawing.canvas import AMBER, GREEN, PALETTE, SKIP, SKY
from archrank.drawing.chains import Block, Stage, draw_chain
from archrank.spaces.mobile.attentive import AttentiveSpace
from archrank.spaces.mobile.attentive_options import HEAD_EXPAND
from archrank.spaces.mobile.chains import BlockChain
from archrank.spaces.mobile.fbnet import STEM as FBNET_STEM
from archrank.spaces.mobile.fbnet import FBNet
from archrank.spaces.mobile.proxylessnas import FIRST, HEAD, STEM, ProxylessNAS
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.layers import Stack

CLASSIFIER = "linear, classes"  # as many as the task has, which is no part of the architecture
KERNELS = {3: SKY, 5: AMBER, 7: GREEN}  # colours of depthwise kernels


def draw_proxylessnas(space: ProxylessNAS, arch: NDArray[np.uint8]) -> str:
    """Draw the blocks of ``arch: (21,)`` as an SVG document; skipped ones are dashed.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> space = ProxylessNAS()
        >>> mobile = space.named("ProxylessNAS-mobile")[0]
        >>> draw_proxylessnas(space, mobile).count(">skip<")
        2
    """
    row = space.validate(arch[None])[0]
    side = _behind_stem(space, 2)
    stages = [
        _stem(space, STEM, 2),
        Stage("stage 1", (f"{FIRST} channels, stride 1", _size(side)), (_inverted(3, 1),)),
        *_chain(space, row, side),
        _head((f"conv 1×1, {HEAD}", "average pool", CLASSIFIER)),
    ]
    return draw_chain(stages, f"{space.name} network {space.format(row[None])[0]}")


def draw_fbnet(space: FBNet, arch: NDArray[np.uint8]) -> str:
    """Draw the blocks of ``arch: (22,)`` as an SVG document; what is left out is dashed.

    A skipped block that changes the shape is a convolution.

    Raises:
        ArchitectureError: not an architecture of ``space``.

    Example:
        >>> space = FBNet()
        >>> draw_fbnet(space, space.named("FBNet-A")[0]).count(">skip<")
        3
    """
    row = space.validate(arch[None])[0]
    stages = [
        _stem(space, FBNET_STEM, space.stem_stride),
        *_chain(space, row, _behind_stem(space, space.stem_stride)),
        _head((f"conv 1×1, {space.head}", "average pool", CLASSIFIER)),
    ]
    return draw_chain(stages, f"{space.name} network {space.format(row[None])[0]}")


def _behind_stem(space: BlockChain, stride: int) -> list[int]:
    """Return height and width behind the first convolution of the published networks."""
    _, *image = space.networks().sizes.input_shape
    return [_half(s, stride) for s in image]


def _stem(space: BlockChain, channels: int, stride: int) -> Stage:
    _, *image = space.networks().sizes.input_shape
    side = _size(_behind_stem(space, stride))
    notes = (f"{channels} channels, stride {stride}", f"{side} of {_size(image)}")
    return Stage("stem", notes, (Block(("conv 3×3",), SKIP),))


def _chain(space: BlockChain, row: NDArray[np.uint8], side: list[int]) -> Iterator[Stage]:
    """Yield the stages of ``row: (d,)``.

    Args:
        space: space of the row.
        row: what is drawn.
        side: height and width of the image before the first stage.
    """
    kept = space.kept(row[None])[0]
    for k, number in enumerate(space.stages):
        columns = np.flatnonzero(space.stage_of == k).tolist()
        first = space.positions[columns[0]]
        side = [_half(s, first.stride) for s in side]
        blocks = tuple(_operation(space, int(row[j]), bool(kept[j])) for j in columns)
        notes = (f"{first.width} channels, stride {first.stride}", _size(side))
        yield Stage(f"stage {number}", notes, blocks)


def _operation(space: BlockChain, op: int, kept: bool) -> Block:
    if op == space.skip:
        return Block(("conv 1×1",), SKIP) if kept else Block(("skip",), None)
    made = {name: int(numbers[op]) for name, numbers in space.settings.items()}
    return _inverted(made["kernel"], made["expand"], made.get("groups", 1))


def draw_attentivenas(space: AttentiveSpace, arch: NDArray[np.uint8]) -> str:
    """Draw the blocks of ``arch: (d,)`` as an SVG document.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    values = space.predictor_vector(row)[0].tolist()
    resolution, stem, *_ = values
    n = len(space.options.stages)
    side = [_half(resolution, 2)] * 2
    notes = (f"{stem} channels, stride 2", f"{_size(side)} of {resolution}×{resolution}")
    stages = [Stage("stem", notes, (Block(("conv 3×3",), SKIP),))]
    for k, made in enumerate(space.options.stages):
        starts = (2, n + 3, 2 * n + 3, 3 * n + 3)
        width, depth, kernel, expand = (values[start + k] for start in starts)
        side = [_half(s, made.stride) for s in side]
        notes = (
            f"{width} channels, stride {made.stride}",
            f"{_size(side)}{', squeeze-excite' if made.se else ''}",
        )
        stages.append(Stage(made.name, notes, (_inverted(kernel, expand),) * depth))
    wide, last = HEAD_EXPAND * width, values[n + 2]
    ends = (f"conv 1×1, {wide}", "average pool", f"conv 1×1, {last}", CLASSIFIER)
    return draw_chain([*stages, _head(ends)], f"{space.name} network {space.format(row)[0]}")


def draw_layers(space: LayeredSpace, arch: NDArray[np.uint8]) -> str:
    """Draw the layers of any :class:`LayeredSpace`, ``arch: (d,)``, as an SVG document.

    A stage is a stack. The colour of a layer shows its option of the first decision whose options
    are names, or, if there is none, of the first decision.

    Raises:
        ArchitectureError: not an architecture of ``space``.
    """
    row = space.validate(arch[None])
    stages = [_stack(space, stack, row[0], k) for k, stack in enumerate(space.stacks, 1)]
    return draw_chain(stages, f"{space.name} network {space.format(row)[0]}")


def _stack(space: LayeredSpace, stack: Stack, row: NDArray[np.uint8], number: int) -> Stage:
    chosen = {c.name: c.options[row[space.starts[c.name]]] for c in (*stack.shared, stack.depth)}
    named = [c for c in stack.layers if isinstance(c.options[0], str)]
    kinds = (named or list(stack.layers))[:1]  # the decision that colours show
    blocks = []
    for i in range(int(chosen[stack.depth.name])):
        genes = {c: int(row[space.starts[c.name] + i]) for c in stack.layers}
        color = PALETTE[genes[kinds[0]] % len(PALETTE)] if kinds else SKIP
        lines = tuple(f"{c.name} {c.options[k]}" for c, k in genes.items())
        blocks.append(Block(lines or (f"layer {i + 1}",), color))
    notes = tuple(f"{name} {option}" for name, option in chosen.items())
    return Stage(f"stack {number}" if len(space.stacks) > 1 else "layers", notes, tuple(blocks))


def _inverted(kernel: int, expand: int, groups: int = 1) -> Block:
    size = f"{kernel}×{kernel}" + (f", {groups} groups" if groups > 1 else "")
    return Block((size, f"expand {expand}"), KERNELS.get(kernel, PALETTE[0]))


def _head(ends: tuple[str, ...]) -> Stage:
    return Stage("head", (), tuple(Block(tuple(end.split(", ")), SKIP) for end in ends))


def _half(side: int, stride: int) -> int:
    """Compute the side of an image after a block, rounded up."""
    return (side + stride - 1) // stride


def _size(side: list[int]) -> str:
    return "×".join(map(str, side))
