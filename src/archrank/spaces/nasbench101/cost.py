"""Costs of NAS-Bench-101 cells in closed form, and the published channel rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archrank.types import Bools, Floats, Ints

KERNELS = (3, 1, 0)  # conv3x3, conv1x1, maxpool3x3


def vertex_channels(matrices: Bools, channels: int) -> Ints:
    """Channels of the interior vertices: ``(n, 7, 7)`` -> ``(n, 5)``; 0 where there is no vertex.

    The predecessors of the output share its channels evenly, the first ones taking one more where
    that leaves a rest; every other vertex is as wide as the widest it feeds (Ying et al. 2019,
    section 2.2 and released code). The order of vertices decides who takes the rest, so
    isomorphic cells may differ by some parameters.

    Args:
        matrices: pruned adjacency, row = source.
        channels: of the cell's output.
    """
    feeds = matrices[:, 1:-1, -1]  # (n, 5)
    share, rest = np.divmod(channels, np.maximum(feeds.sum(axis=1), 1))  # (n,), (n,)
    rank = feeds.cumsum(axis=1) - 1
    found: Ints = np.where(feeds, share[:, None] + (rank < rest[:, None]), 0).astype(np.int64)
    for v in range(found.shape[1] - 2, -1, -1):
        later = matrices[:, v + 1, v + 2 : -1]  # (n, 4 - v)
        widest = (later * found[:, v + 1 :]).max(axis=1)
        found[:, v] = np.where(feeds[:, v], found[:, v], widest)
    return found


def cell_cost(
    matrices: Bools, ops: NDArray[np.uint8], c_in: int, c_out: int
) -> tuple[Floats, Floats]:
    """Multiply-accumulates per pixel, and parameters, of one cell: ``(n,)`` each.

    Convolutions have no bias, every one has a batch norm of two parameters per channel.

    Args:
        matrices: ``(n, 7, 7)`` pruned adjacency.
        ops: ``(n, 5)``.
        c_in: channels of the cell's input.
        c_out: and of its output.
    """
    width = vertex_channels(matrices, c_out)  # (n, 5)
    area = np.square(KERNELS)[ops]  # (n, 5)
    projected = matrices[:, 0, 1:-1]  # (n, 5) edges from the input are 1x1 convolutions
    direct = matrices[:, 0, -1]  # (n,)
    weights = (area * width + projected * c_in) * width  # (n, 5)
    norms = ((area > 0) + projected.astype(np.int64)) * width  # (n, 5)
    macs = weights.sum(axis=1) + direct * c_in * c_out
    params = macs + 2 * (norms.sum(axis=1) + direct * c_out)
    return macs.astype(np.float64), params.astype(np.float64)


def network_cost(
    matrices: Bools,
    ops: NDArray[np.uint8],
    *,
    channels: int = 128,
    stacks: int = 3,
    cells: int = 3,
    n_classes: int = 10,
    input_shape: tuple[int, int, int] = (3, 32, 32),
) -> dict[str, Floats]:
    """Multiply-accumulates and trainable parameters of whole networks: two ``(n,)``.

    Convolutions and the classifier are counted; pooling, batch norm and sums are not.
    """
    c_in, h, w = input_shape
    macs = np.full(len(ops), 9.0 * c_in * channels * h * w)  # stem
    params = np.full(len(ops), 9.0 * c_in * channels + 2 * channels)
    before, c = channels, channels
    for stack in range(stacks):
        if stack > 0:
            c, h, w = 2 * c, (h + 1) // 2, (w + 1) // 2
        for count, start in ((1, before), (cells - 1, c)):
            per_pixel, weights = cell_cost(matrices, ops, start, c)
            macs += count * per_pixel * h * w
            params += count * weights
        before = c
    return {"macs": macs + c * n_classes, "params": params + (c + 1) * n_classes}
