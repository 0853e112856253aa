"""Base class of supernets, whose forward pass takes the architecture as an argument."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class Supernet(nn.Module, ABC):
    """Base class of networks that contain every architecture of a space, with shared weights.

    The architecture is an argument of each call. There is no active architecture to be set, so
    none can be left set by mistake, and one training step may run several architectures. Only
    what the architecture runs is computed, so weights of other paths get no gradient.

    Batch norms have no running statistics: those would mix all architectures that were trained.
    They normalise by the batch, in training and evaluation mode alike, and so do extracted
    networks until :func:`~archrank.supernets.statistics.recalibrate` gives them statistics of
    their own.

    Attributes:
        space: space of the architectures that it contains.
        options: JSON values with which ``space.networks(task).supernet(**options)`` makes it again.
    """

    space: Space
    options: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def forward(self, x: Tensor, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""

    def forward_each(self, inputs: Sequence[Tensor], archs: Archs) -> Iterator[tuple[int, Tensor]]:
        """Run many architectures on the same batch: yields place and outputs of each.

        A supernet whose architectures have parts of the computation in common overrides this, and
        may yield them in another order. Outputs equal those of :meth:`forward` up to rounding.

        Args:
            inputs: inputs of :meth:`forward`, without the architecture.
            archs: ``(n, d)``.
        """
        for place, arch in enumerate(archs):
            yield place, self(*inputs, arch)

    @abstractmethod
    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Copy ``arch: (d,)`` and its weights into a network that is independent of the supernet.

        Its outputs equal those of :meth:`forward` for the same input and mode. It is on the
        supernet's device, in its number format and mode.
        """

    def placed(self, network: nn.Module) -> nn.Module:
        """Put a new network where the supernet is: its device, number format and mode."""
        weight = next(self.parameters())
        return network.to(weight.device, weight.dtype).train(self.training)
