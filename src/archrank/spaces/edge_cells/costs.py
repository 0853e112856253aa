"""Networks of users' cells: every operation is counted once, and costs of cells are sums."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import BuildError
from archrank.spaces.calling import check_output, count_module
from archrank.spaces.networks import Networks
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.edge_cells.custom import CustomCells


class CustomCellNetworks(Networks):
    """The networks of a :class:`~archrank.spaces.CustomCells` space for one task.

    Costs of a million cells are one look-up, once the operations that occur have been counted.
    """

    space: CustomCells

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """Return MACs and parameters of the networks that :meth:`build` makes: ``(n,)`` each.

        Raises:
            BuildError: an operation that occurs cannot be built, or does not keep the shape.
        """
        space = self.space
        archs = space.validate(archs)
        live = space.live(archs)
        prices = np.zeros((len(space.ops), 2))
        for k in np.unique(archs[live]).tolist():
            prices[k] = self._price(k)
        totals = self._surroundings[0] + (prices[archs] * live[:, :, None]).sum(axis=1)  # (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    @property
    def _by_user(self) -> bool:
        return True  # operations are, if not the whole network

    @cached_property
    def _surroundings(self) -> tuple[Floats, list[int], list[tuple[int, ...]]]:
        """Costs around the cells ``(2,)``, channels of each cell made, input shape of each run."""
        from torch import nn

        made: list[int] = []
        shapes: list[tuple[int, ...]] = []

        class Probe(nn.Module):
            def forward(self, x: Any) -> Any:
                shapes.append(tuple(x.shape[1:]))
                return x

        def make_cell(channels: int) -> nn.Module:
            made.append(channels)
            return Probe()

        def make() -> nn.Module:
            made.clear()  # counting may try more than once
            shapes.clear()
            return self.space._assemble(make_cell, self.sizes)

        name = f"{self.space.name}: the network without its cells"
        found = count_module(name, make, self._input_shape, self._warned)
        if self.task is not None:
            check_output(name, found.output, self.task)
        return np.array([found.macs, found.params]), made, shapes

    @property
    def _input_shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = (
            self.sizes.images.input_shape if self.task is None else self.task.input_shape
        )
        return shape

    @cached_property
    def _prices(self) -> dict[int, Floats]:
        return {}

    def _price(self, k: int) -> Floats:
        """MACs and parameters of operation ``k`` on one edge of every cell: ``(2,)``."""
        if k not in self._prices:
            _, made, shapes = self._surroundings
            macs = {shape: self._on(k, shape) for shape in set(shapes)}
            params = {c: self._params(k, c) for c in set(made)}
            total = sum(macs[shape] for shape in shapes), sum(params[c] for c in made)
            self._prices[k] = np.array(total, dtype=np.float64)
        return self._prices[k]

    def _on(self, k: int, shape: tuple[int, ...]) -> float:
        """MACs of operation ``k`` on one input of ``shape``."""
        name = f"{self.space.name}: operation {self.space.ops[k]!r}"
        found = count_module(name, lambda: self.space._operation(k, shape[0]), shape, self._warned)
        if found.output != (1, *shape):
            raise BuildError(
                f"{name} turns (b, {', '.join(map(str, shape))}) into {found.output}; operations "
                "keep the shape"
            )
        return found.macs

    def _params(self, k: int, channels: int) -> float:
        """Trainable parameters of operation ``k`` for ``channels``."""
        from archrank.torch_state import untouched

        with untouched():
            module = self.space._operation(k, channels)
        return float(sum(p.numel() for p in module.parameters() if p.requires_grad))
