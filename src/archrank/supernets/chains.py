"""Supernets of chains of blocks: every operation of every block has weights of its own.

As AceNAS trains that of ProxylessNAS (single path one-shot, Guo et al., ECCV 2020): an architecture
runs one operation of each block; a skipped block is the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.supernets.base import Supernet
from archrank.supernets.slicing import copy_first
from archrank.supernets.statistics import use_batch_statistics, without_affine

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class ChainSupernet(Supernet):
    """Supernet of chains of blocks between a stem and a head.

    Args:
        space: space of the chains; an operation beyond those of a block skips it.
        around: a network of the space, whose ``stem``, ``mix``, ``dropout`` and ``classifier``
            become the supernet's.
        blocks: operations of each searched block, in index order.
        build: makes the stand-alone network of a row; its ``blocks`` are replaced by those that
            the row runs.
        first: a block before the searched ones, which all architectures run.
        affine: True for batch norms of the searched blocks with a scale and a shift.
    """

    def __init__(
        self,
        space: Space,
        around: Any,
        blocks: Iterable[Sequence[nn.Module]],
        build: Callable[[NDArray[np.uint8]], nn.Module],
        *,
        first: nn.Module | None = None,
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._build = build
        self.stem, self.first = around.stem, first
        self.mix, self.dropout, self.classifier = around.mix, around.dropout, around.classifier
        self.blocks = nn.ModuleList(nn.ModuleList(operations) for operations in blocks)
        use_batch_statistics(self)
        if not affine:
            without_affine(self.blocks)

    def _path(self, arch: NDArray[np.uint8]) -> list[nn.Module]:
        """Return the blocks that ``arch: (d,)`` runs, in order."""
        chosen = zip(self.blocks, arch.tolist(), strict=True)
        path = [block[k] for block, k in chosen if k < len(block)]  # type: ignore[arg-type,index]
        return path if self.first is None else [self.first, *path]

    def forward(self, x: Tensor, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        x = self.stem(x)
        for block in self._path(arch):
            x = block(x)
        x = self.mix(x).mean(dim=(2, 3))  # (b, channels)
        logits: Tensor = self.classifier(self.dropout(x))  # (b, classes)
        return logits

    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        network = self.placed(self._build(arch))
        network.blocks = nn.Sequential(*map(deepcopy, self._path(arch)))
        for name in ("stem", "mix", "classifier"):
            copy_first(self.get_submodule(name), network.get_submodule(name))
        return use_batch_statistics(network)
