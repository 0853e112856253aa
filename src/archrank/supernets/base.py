"""The Supernet contract: weight sharing, with the architecture as an argument."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.spaces.base import Space


class Supernet(nn.Module, ABC):
    """A network that contains every architecture of its space.

    Which architecture runs is said at each call. There is no "active subnet" to set, so nothing can
    be left set, and one step may run several architectures.
    """

    space: Space

    @abstractmethod
    def forward(self, x: Tensor, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x`` (b, c, h, w) -> (b, classes)."""

    @abstractmethod
    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """A network of its own for ``arch: (d,)`` with copies of its weights.

        Its outputs equal those of :meth:`forward` for the same input and mode.
        """
