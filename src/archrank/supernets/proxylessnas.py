"""Supernet of ProxylessNAS: every operation of every block has weights of its own.

As AceNAS trains it (single path one-shot, Guo et al., ECCV 2020): a chain of blocks, of which an
architecture runs one operation each; a skipped block is the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.proxylessnas import (
    Block,
    InvertedResidual,
    ProxylessNASNetwork,
    initialise,
)
from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first
from archrank.supernets.statistics import use_batch_statistics, without_affine

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class ProxylessNASSupernet(Supernet):
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
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._build = build
        smallest = [operations[0] for _, operations in blocks]
        outside = ProxylessNASNetwork(smallest, n_classes=n_classes, in_channels=in_channels)
        self.stem, self.first = outside.stem, outside.blocks[0]
        self.mix, self.dropout = outside.mix, outside.dropout
        self.classifier = outside.classifier
        self.blocks = nn.ModuleList(
            nn.ModuleList(InvertedResidual(c_in, operation) for operation in operations)
            for c_in, operations in blocks
        )
        initialise(self.blocks)
        use_batch_statistics(self)
        if not affine:
            without_affine(self.blocks)

    def _path(self, arch: NDArray[np.uint8]) -> list[nn.Module]:
        """Return the searched blocks that ``arch: (d,)`` runs, in order."""
        chosen = zip(self.blocks, arch.tolist(), strict=True)
        return [block[k] for block, k in chosen if k < len(block)]  # type: ignore[arg-type,index]

    def forward(self, x: Tensor, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        x = self.first(self.stem(x))
        for block in self._path(arch):
            x = block(x)
        x = self.mix(x).mean(dim=(2, 3))  # (b, 1280)
        logits: Tensor = self.classifier(self.dropout(x))  # (b, classes)
        return logits

    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        network = self.placed(self._build(arch))
        network.blocks = nn.Sequential(*map(deepcopy, [self.first, *self._path(arch)]))
        for name in ("stem", "mix", "classifier"):
            copy_first(self.get_submodule(name), network.get_submodule(name))
        return use_batch_statistics(network)
