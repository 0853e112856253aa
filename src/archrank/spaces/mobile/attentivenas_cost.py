"""MACs and parameters of the parts of an AttentiveNAS network, as its released code counts them.

MACs of convolutions (squeeze-and-excitation and shortcut projections included) and of the
classifier; biases, batch norms, activations and resizing count nothing. Parameters of all layers; a
shortcut has weights only where channels change. Channels are multiples of 8, so that the expanded
ones need no rounding.
"""

from __future__ import annotations

import numpy as np

from archrank.types import Floats


def halved(size: int, stride: int) -> int:
    """The side of an image after a convolution; an odd one is rounded up."""
    return (size + stride - 1) // stride


def squeezed(channels: int) -> int:
    """Channels inside a squeeze-and-excitation: a quarter, to the nearest multiple of 8.

    The same as :func:`archrank.networks.attentivenas.make_divisible`, without torch.
    """
    quarter = channels // 4
    nearest = max(1, (quarter + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * quarter else nearest


def stem_cost(resolution: int, width: int, in_channels: int) -> Floats:
    """(MACs, params) of the first convolution, 3x3 with stride 2."""
    side, weights = halved(resolution, 2), 9 * in_channels * width
    return np.array([weights * side**2, weights + 2 * width], dtype=np.float64)


def block_cost(
    side: int, c_in: int, width: int, kernel: int, expand: int, stride: int, se: bool
) -> Floats:
    """(MACs, params) of one inverted residual block with its shortcut; ``side`` of its input."""
    mid, after = c_in * expand, halved(side, stride)
    macs = params = 0
    if expand > 1:
        macs += c_in * mid * side**2
        params += c_in * mid + 2 * mid
    inner = kernel**2 * mid + mid * width
    macs += inner * after**2
    params += inner + 2 * mid + 2 * width
    if se:
        macs += 2 * mid * squeezed(mid)
        params += 2 * mid * squeezed(mid) + squeezed(mid) + mid
    if c_in != width:
        macs += c_in * width * after**2
        params += c_in * width
    return np.array([macs, params], dtype=np.float64)


def stage_cost(
    side: int, c_in: int, width: int, depth: int, kernel: int, expand: int, stride: int, se: bool
) -> Floats:
    """(MACs, params) of ``depth`` blocks, the first of which has the stride."""
    first = block_cost(side, c_in, width, kernel, expand, stride, se)
    other = block_cost(halved(side, stride), width, width, kernel, expand, 1, se)
    return first + (depth - 1) * other


def head_cost(side: int, width: int, wide: int, last: int, n_classes: int) -> Floats:
    """(MACs, params): 1x1 to ``wide``, pooling, 1x1 to ``last`` on one pixel, classifier."""
    rest = wide * last + last * n_classes
    macs = width * wide * side**2 + rest
    return np.array([macs, width * wide + 2 * wide + rest + n_classes], dtype=np.float64)
