"""Supernet of ProxylessNAS, as AceNAS trains it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archrank.networks.initial_weights import he_by_fan_out
from archrank.networks.proxylessnas import Block, InvertedResidual, ProxylessNASNetwork
from archrank.supernets.chains import ChainSupernet

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class ProxylessNASSupernet(ChainSupernet):
    """Supernet of chains of inverted residual blocks.

    Args:
        space: space of the chains; an operation beyond those of a block skips it.
        blocks: input channels and operations of each searched block, in index order.
        build: makes the stand-alone network of a row.
        n_classes: size of the output.
        in_channels: channels of the images.
        affine: True for batch norms of the searched blocks with a scale and a shift.
    """

    def __init__(
        self,
        space: Space,
        *,
        blocks: Sequence[tuple[int, Sequence[Block]]],
        build: Callable[[NDArray[np.uint8]], nn.Module],
        n_classes: int,
        in_channels: int,
        affine: bool = True,
    ) -> None:
        smallest = [operations[0] for _, operations in blocks]
        around = ProxylessNASNetwork(smallest, n_classes=n_classes, in_channels=in_channels)
        searched = [[InvertedResidual(c_in, made) for made in each] for c_in, each in blocks]
        super().__init__(space, around, searched, build, first=around.blocks[0], affine=affine)
        he_by_fan_out(self.blocks)
