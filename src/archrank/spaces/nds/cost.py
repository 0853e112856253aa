"""Closed-form costs of NDS networks, for whole populations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.types import Bools, Floats, Ints


class OpCost(NamedTuple):
    """Weights of an operation on ``c`` channels: ``square * c^2 + linear * c``, and batch norms.

    ``wide`` of the ``square`` ones lie in a 1 x k convolution, which a stride 2 halves in one
    direction only.
    """

    square: int = 0
    linear: int = 0
    norms: int = 0
    wide: int = 0


OP_COSTS = {
    "conv_1x1": OpCost(1, 0, 1),
    "conv_3x3": OpCost(9, 0, 1),
    "conv_3x1_1x3": OpCost(6, 0, 1, wide=3),
    "conv_7x1_1x7": OpCost(14, 0, 1, wide=7),
    "sep_conv_3x3": OpCost(2, 18, 2),
    "sep_conv_5x5": OpCost(2, 50, 2),
    "sep_conv_7x7": OpCost(2, 98, 2),
    "dil_conv_3x3": OpCost(1, 9, 1),
    "dil_conv_5x5": OpCost(1, 25, 1),
    "dil_sep_conv_3x3": OpCost(2, 18, 2),
}  # pooling, none and skip at stride 1 cost nothing
REDUCING_SKIP = OpCost(1, 0, 1)  # two 1x1 convolutions, each to half the channels


@dataclass(frozen=True)
class CellCosts:
    """Sums over a cell's operations, ``(n, 4)`` as in :class:`OpCost`, by their stride."""

    plain: Floats
    strided: Floats
    joined: Ints  # (n,) nodes in the output

    def take(self, rows: Ints) -> CellCosts:
        """Those of some rows."""
        return CellCosts(self.plain[rows], self.strided[rows], self.joined[rows])


def cell_costs(
    ops: tuple[str, ...],
    chosen: NDArray[np.uint8],
    inputs: NDArray[np.uint8],
    joined: Ints,
    *,
    reduce: bool,
) -> CellCosts:
    """Costs of cells with operations ``chosen: (n, 2 nodes)`` on ``inputs: (n, 2 nodes)``."""
    table = np.array([OP_COSTS.get(op, OpCost()) for op in ops], dtype=np.float64)  # (ops, 4)
    halving = table.copy()
    if "skip_connect" in ops:
        halving[ops.index("skip_connect")] = REDUCING_SKIP
    strided: Bools = (inputs < 2) & reduce
    return CellCosts(
        (table[chosen] * ~strided[..., None]).sum(axis=1),
        (halving[chosen] * strided[..., None]).sum(axis=1),
        joined,
    )


def network_cost(
    normal: CellCosts,
    reduce: CellCosts,
    width: Ints,
    depth: int,
    *,
    n_classes: int,
    input_shape: tuple[int, int, int],
    imagenet: bool,
) -> tuple[Floats, Floats]:
    """Multiply-accumulates and parameters of networks of one ``depth``: ``(n,)`` each.

    Convolutions and the classifier count; pooling, batch norm and sums do not.

    Args:
        normal: costs of the normal cells.
        reduce: and of the reduction cells.
        width: ``(n,)`` channels of the first stage.
        depth: number of cells.
        n_classes: outputs.
        input_shape: channels, height, width of the images.
        imagenet: the stem of three strided convolutions.
    """
    macs, params, (h, w) = _stem(width.astype(np.float64), input_shape, imagenet)
    c = width.astype(np.float64)
    before = last = c * (1 if imagenet else 3)
    for i in range(depth):
        halves = i in (depth // 3, 2 * depth // 3)
        cell = reduce if halves else normal
        c = 2 * c if halves else c
        joint = (before + last) * c  # both inputs pass a 1x1 convolution
        macs += joint * h * w
        params += joint + 4 * c
        wide_pixels = h * w
        if halves:
            wide_pixels = h * ((w + 1) // 2)
            h, w = (h + 1) // 2, (w + 1) // 2
        for sums, wide in ((cell.plain, h * w), (cell.strided, wide_pixels)):
            square, linear, norms, rows = sums.T
            weights = square * c * c + linear * c
            macs += weights * h * w + rows * c * c * (wide - h * w)
            params += weights + 2 * norms * c
        before, last = last, c * cell.joined
    return macs + last * n_classes, params + (last + 1) * n_classes


def _stem(
    c: Floats, input_shape: tuple[int, int, int], imagenet: bool
) -> tuple[Floats, Floats, tuple[int, int]]:
    c_in, h, w = input_shape
    if not imagenet:
        weights = 27.0 * c_in * c
        return weights * h * w, weights + 6 * c, (h, w)
    macs, params = np.zeros_like(c), np.zeros_like(c)
    half = c // 2
    for a, b in ((np.full_like(c, c_in), half), (half, c), (c, c)):
        h, w = (h + 1) // 2, (w + 1) // 2
        macs += 9 * a * b * h * w
        params += 9 * a * b + 2 * b
    return macs, params, (h, w)
