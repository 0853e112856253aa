"""The space of a study's parameters: their grids as decisions, under learnt conditions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from archrank.errors import SpaceError
from archrank.integrations.optuna.axes import Axis
from archrank.spaces.conditions import Condition
from archrank.spaces.custom.conditional import ConditionalSpace
from archrank.spaces.features import DecisionFeatures
from archrank.types import Archs, Floats

ONE_BY_ONE = 16  # numbers of a range, up to which rankers see each beside their order


class ParameterSpace(ConditionalSpace):
    """A space whose decisions are parameters of an Optuna study.

    Args:
        axes: the parameters, those that others depend on before these.
        grids: the numbers of each that are considered, ascending.
        conditions: one per parameter, ``None`` if it always exists.
    """

    name = "optuna"

    def __init__(
        self,
        axes: Sequence[Axis],
        grids: Sequence[Floats],
        conditions: Sequence[Condition | None],
    ) -> None:
        pairs = enumerate(
            zip(axes, grids, strict=True)
        )  # names may be any text, so they are not used
        choices = [axis.choice(f"p{j}", grid) for j, (axis, grid) in pairs]
        super().__init__(choices, conditions)
        self.axes, self.grids = tuple(axes), tuple(grids)

    @property
    def discrete(self) -> bool:
        """True if every value of every parameter is an option."""
        return not any(axis.fine for axis in self.axes)

    def rows(self, numbers: Floats) -> Archs:
        """Return the canonical rows nearest to numbers ``(n, d)``; NaN is option 0: ``(n, d)``."""
        columns = [
            np.where(np.isnan(column), 0, axis.nearest(np.nan_to_num(column, nan=grid[0]), grid))
            for axis, grid, column in zip(self.axes, self.grids, numbers.T, strict=True)
        ]
        return self.canonical(np.stack(columns, axis=1).astype(np.uint8))

    def numbers(self, arch: NDArray[np.uint8]) -> dict[str, float]:
        """Return the numbers of ``arch: (d,)`` by parameter, also of those that may not exist."""
        chosen = zip(self.axes, self.grids, arch.tolist(), strict=True)
        return {axis.name: float(grid[k]) for axis, grid, k in chosen}

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw every parameter evenly on its scale, however fine its grid: ``(n, d)``."""
        columns = [
            np.searchsorted(bounds, rng.random(n), side="right").astype(np.uint8)
            for bounds in self._bounds
        ]
        return self.canonical(np.stack(columns, axis=1))

    @cached_property
    def _bounds(self) -> list[Floats]:
        """Cumulative shares of the options of each parameter but the last one."""
        shares = [axis.weights(grid) for axis, grid in zip(self.axes, self.grids, strict=True)]
        return [np.cumsum(share)[:-1] for share in shares]

    @cached_property
    def _decision_features(self) -> DecisionFeatures:
        return DecisionFeatures(self.choices, self.subsets, one_by_one=ONE_BY_ONE)

    def fingerprint(self) -> str:
        """Return the identity of the space, names of parameters included."""
        return f"{[axis.name for axis in self.axes]!r}: {super().fingerprint()}"

    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        raise SpaceError("parameters of an Optuna study have no networks")
