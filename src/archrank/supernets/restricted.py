"""Supernets of restricted spaces: those of the whole space, by rows of the smaller one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.supernets.base import Supernet
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space


class RestrictedSupernet(Supernet):
    """Supernet of a restricted space.

    It holds all weights of the whole space's, so weights that no architecture of the smaller space
    uses stay as they were initialised.

    Args:
        space: the smaller space; its rows are run.
        whole: supernet of the space that it was restricted from.
    """

    def __init__(self, space: Space, whole: Supernet) -> None:
        super().__init__()
        self.space, self.options = space, whole.options
        self.whole = whole

    def forward(self, *inputs: Any) -> Tensor:
        """Run ``arch: (d,)``, the last argument, as the whole supernet does."""
        *x, arch = inputs
        outputs: Tensor = self.whole(*x, self._whole_row(arch))
        return outputs

    def forward_each(self, inputs: Sequence[Tensor], archs: Archs) -> Iterator[tuple[int, Tensor]]:
        """Run ``archs: (n, d)`` as the whole supernet does; yields place and outputs of each."""
        yield from self.whole.forward_each(inputs, self.space.to_origin(archs))

    def extract(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Copy ``arch: (d,)`` and its weights out of the whole supernet."""
        return self.whole.extract(self._whole_row(arch))

    def _whole_row(self, arch: NDArray[np.uint8]) -> NDArray[np.uint8]:
        row: NDArray[np.uint8] = self.space.to_origin(arch[None])[0]
        return row
