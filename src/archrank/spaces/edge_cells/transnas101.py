"""TransNAS-Bench-101, micro (Duan et al., CVPR 2021): 4,096 cells of 4 nodes and 4 operations.

The cells are those of NAS-Bench-201 without the average pooling. Published strings give the
operations of the six edges as digits, grouped by node: ``64-41414-1_02_333`` is ``102333`` here, as
in the tables that list cells alone. ``64-41414`` names the published network: 64 channels, and five
modules of which 4 doubles the channels and halves the resolution and 1 keeps both. It is not
rebuilt: the cells are put into the network of NAS-Bench-201, so costs are not the published
ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.edge_cells.base import EdgeCellSpace
from archrank.spaces.edge_cells.nasbench201 import PUBLISHED, NASBench201
from archrank.spaces.images import CellSizes, Scale, cell_sizes
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.nasbench201 import NASBench201Network
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")  # digits 0 to 3, as published
_DIGITS = re.compile(r"(?:\d+-\d+-)?([\d_]+)")  # "102333", "1_02_333", "64-41414-1_02_333"


class TransNAS101Micro(EdgeCellSpace):
    """The cells of TransNAS-Bench-101 micro, in the network of NAS-Bench-201.

    Args:
        scale: as of :class:`~archrank.spaces.NASBench201`.

    Example:
        >>> space = TransNAS101Micro()
        >>> cell = space.parse(["64-41414-1_02_333"])
        >>> space.format(cell)
        ['102333']
        >>> space.as_cells(cell)[0][:31]
        '|skip_connect~0|+|none~0|nor_co'
    """

    name = "transnas101_micro"
    supernet_options = ("affine", "dropout")

    def __init__(self, scale: Scale | None = None) -> None:
        super().__init__(OPS, nodes=4)
        self._cells = NASBench201(scale)  # its first four operations

    @property
    def scale(self) -> Scale | None:
        """Scale of the networks, if it was given."""
        return self._cells.scale

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """Six digits, one per edge: ``102333``."""
        return ["".join(map(str, row)) for row in archs.tolist()]

    def as_cells(self, archs: Archs) -> list[str]:
        """The same cells in the notation of NAS-Bench-201: ``|op~0|+|op~0|op~1|+...``."""
        return super().format(archs)

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read digits, with or without the published network in front, or NAS-Bench-201 strings.

        Raises:
            ArchitectureError: neither form, a wrong number of edges or an unknown operation.
        """
        cells = []
        for n, text in enumerate(strings):
            found = _DIGITS.fullmatch(text.strip())
            cells.append(text if found is None else self._spell(n, text, found[1]))
        return super().parse(cells)

    def _spell(self, n: int, text: str, code: str) -> str:
        """A cell of digits in the notation of NAS-Bench-201."""
        digits = [int(c) for c in code if c != "_"]
        nodes = "_" not in code or [len(part) for part in code.split("_")] == [1, 2, 3]
        if len(digits) != self.d or not nodes:
            raise ArchitectureError(
                f"architecture {n}: expected {self.d} digits like 102333 or 1_02_333, got {text!r}"
            )
        if max(digits) >= len(self.ops):
            known = ", ".join(f"{k} {op}" for k, op in enumerate(self.ops))
            raise ArchitectureError(
                f"architecture {n}: unknown operation {max(digits)} in {text!r}. Known: {known}"
            )
        return self.as_cells(np.array([digits], dtype=np.uint8))[0]

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> CellSizes:
        return cell_sizes(task, self.name, self.scale, PUBLISHED)

    def _cost(self, archs: Archs, sizes: CellSizes) -> dict[str, Floats]:
        return self._cells._cost(archs, sizes)

    def _build(self, arch: NDArray[np.uint8], sizes: CellSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: CellSizes
    ) -> Blueprint[NASBench201Network]:
        return self._cells._blueprint(arch, sizes)

    def _supernet(self, sizes: CellSizes, **options: Any) -> Supernet:
        supernet = self._cells._supernet(sizes, **options)
        supernet.space = self  # the fifth operation, average pooling, has no weights
        return supernet

    def fingerprint(self) -> str:
        """Return the name, and the scale if one was given."""
        return self._cells.fingerprint().replace(self._cells.name, self.name, 1)
