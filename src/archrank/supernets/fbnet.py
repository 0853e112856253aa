"""Supernet of FBNet: one path at a time, in place of the paper's sum of all candidates.

Wu et al., CVPR 2019, add up the candidates of a block, weighted by a Gumbel softmax, and learn the
weights of the sum. Here an architecture runs one candidate of each block, as everywhere in
archrank, so that samplers, scores and searches are the same as for other spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archrank.networks.fbnet import FBNetBlock, FBNetNetwork, fbnet_block
from archrank.networks.initial_weights import he_by_fan_out
from archrank.supernets.chains import ChainSupernet

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class FBNetSupernet(ChainSupernet):
    """Supernet of FBNet's blocks.

    Args:
        space: space of the chains; an operation beyond those of a block skips it.
        blocks: input channels and operations of each block, in index order.
        build: makes the stand-alone network of a row.
        affine: True for batch norms of the searched blocks with a scale and a shift.
        **sizes: options of :class:`~archrank.networks.FBNetNetwork`.
    """

    def __init__(
        self,
        space: Space,
        *,
        blocks: Sequence[tuple[int, Sequence[FBNetBlock]]],
        build: Callable[[NDArray[np.uint8]], nn.Module],
        affine: bool = True,
        **sizes: Any,
    ) -> None:
        around = FBNetNetwork([operations[0] for _, operations in blocks], **sizes)
        searched = [[fbnet_block(c_in, made) for made in each] for c_in, each in blocks]
        super().__init__(space, around, searched, build, affine=affine)
        he_by_fan_out(self.blocks)
