"""The smallest and the largest architecture of a space, between which a supernet is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.conditions import existing
from archrank.spaces.numbers import is_numeric
from archrank.spaces.subsets import Members, swapped
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Choice
    from archrank.spaces.networks import Networks

Cost: TypeAlias = Literal["macs", "params"]

SWEEPS = 10  # over all decisions; two are enough where costs are sums over decisions


def extremes(networks: Networks, by: Cost = "macs") -> Archs:
    """Return the architectures with the fewest and the most multiply-accumulates: ``(2, d)``.

    Decisions are set one after the other, to the option with which the network has the fewest or
    most MACs, then parameters; of options that cost the same, a number's smallest or largest. That
    is exact where options are sizes, and each larger one costs more whatever the others are.
    A member of a set takes the place of another one where that helps.

    Args:
        networks: of a space.
        by: ``"params"`` compares parameters, then MACs.
    """
    space = networks.space
    values = [_values(choice) for choice in space.choices]
    sets = {j: one for one in space.subsets for j in one.columns}
    rows = np.stack([[v.argmin() for v in values], [v.argmax() for v in values]]).astype(np.uint8)
    rows = space._completed(rows, None, None)
    invalid = ~space.valid(rows)
    rows[invalid] = space.sample(int(invalid.sum()), rng=np.random.default_rng(0))
    for row, sign in zip(rows, (-1, 1), strict=True):
        for _ in range(SWEEPS):
            before = row.copy()
            for j, of_options in enumerate(values):
                if j in sets:
                    row[:] = _best_member(networks, row, j, sets[j], sign, by)
                else:
                    row[j] = _best(networks, row, j, of_options, sign, by)
            if (row == before).all():
                break
    return space.canonical(rows)


def _values(choice: Choice) -> Floats:
    """Return the options of a decision as numbers, or else their places: ``(options,)``."""
    options = choice.options if is_numeric(choice) else range(len(choice.options))
    return np.array(options, dtype=np.float64)


def _best(
    networks: Networks, row: NDArray[np.uint8], j: int, values: Floats, sign: int, by: Cost
) -> np.uint8:
    """Return the option of decision ``j`` that makes ``row: (d,)`` largest, by ``sign`` * cost."""
    rows = np.repeat(row[None], len(values), axis=0)
    rows[:, j] = np.arange(len(values))
    rows, values = rows[networks.space.valid(rows)], values[networks.space.valid(rows)]
    best: np.uint8 = rows[_order(networks, rows, values, sign, by)[-1], j]
    return best


def _best_member(
    networks: Networks, row: NDArray[np.uint8], j: int, one: Members, sign: int, by: Cost
) -> NDArray[np.uint8]:
    """Return ``row: (d,)`` with or without a member, or in place of another, whichever is best."""
    space = networks.space
    exists = existing(row[None], space.conditions)[0]
    changed = row.copy()
    changed[j] = (row[j] + 1) % space.radices[j]
    rows = np.concatenate([row[None], changed[None], swapped(row, exists, [one])])
    rows = rows[space.valid(rows) & ((rows[:, j] != row[j]) | (rows == row).all(axis=1))]
    stays = (rows == row).all(axis=1).astype(np.float64)  # of those that cost the same
    best: NDArray[np.uint8] = rows[_order(networks, rows, sign * stays, sign, by)[-1]]
    return best


def _order(networks: Networks, rows: Archs, values: Floats, sign: int, by: Cost) -> Ints:
    """Sort rows by ``sign`` * cost, then the other cost, then values, ``(k,)``: ``(k,)``."""
    costs = networks.cost(rows)
    second = costs["params" if by == "macs" else "macs"]
    order: Ints = np.lexsort([sign * v for v in (values, second, costs[by])])
    return order
