"""Parameters of Optuna as numbers on a scale, and the grid of them that is considered.

A decision of a row is an index into at most 256 options. Of a parameter with fewer values, these
are the options. Of any other, such as a float without a step, the options are a grid that is made
anew: the values that were tried, an even spread that is shifted at random, and ever finer steps
around the best values. So what was tried is told exactly, and a search can come as near to an
optimum as floats allow.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution, IntDistribution

from archrank.spaces.base import ENUMERABLE, Choice
from archrank.spaces.custom.options import MAX_OPTIONS
from archrank.spaces.numbers import Order
from archrank.types import Bools, Floats, Ints

TRIED = 96  # of a grid: values that were tried, the best first
EVEN = 64  # of a grid: evenly spread, beside both ends
CENTRES, HALVINGS = 3, 13  # best values with finer steps around them: 1/4, 1/8, ... of the range
OFF_STEP = 1e-6  # of a step, by which a value may be off


@dataclass(frozen=True)
class Axis:
    """A parameter: its values as numbers.

    The number of a categorical value is its place among the choices, that of a value with a step
    counts steps from the lowest, and that of another float is the float.

    Attributes:
        name: of the parameter.
        distribution: Optuna's, of one of its three classes.
    """

    name: str
    distribution: Any

    @cached_property
    def count(self) -> int | None:
        """Number of values; ``None`` of a float without a step."""
        found: Any = self.distribution
        if not self.ordered:
            return len(found.choices)
        if isinstance(found, IntDistribution):
            return int((found.high - found.low) // found.step + 1)
        if found.step is None:
            return None
        return int((found.high - found.low) / found.step + OFF_STEP) + 1

    @property
    def fine(self) -> bool:
        """True if there are more values than options of a decision."""
        return self.count is None or self.count > MAX_OPTIONS

    @property
    def ordered(self) -> bool:
        """True if values are numbers of a range."""
        return not isinstance(self.distribution, CategoricalDistribution)

    @property
    def log(self) -> bool:
        """True if factors matter rather than differences."""
        return self.ordered and bool(self.distribution.log)

    def number(self, value: Any) -> float:
        """Return the number of a value; NaN of one that the parameter cannot have (any more)."""
        found = self.distribution
        try:
            internal = found.to_internal_repr(value)
        except (ValueError, TypeError):
            return math.nan
        if not self.ordered:
            return float(internal)
        if not found.low <= internal <= found.high:
            return math.nan
        if self.count is None:
            return float(internal)
        steps = (internal - found.low) / found.step
        return float(round(steps)) if abs(steps - round(steps)) < OFF_STEP else math.nan

    def value(self, number: float) -> Any:
        """Return the value of a number, as Optuna's own samplers return values."""
        found = self.distribution
        if isinstance(found, CategoricalDistribution):
            return found.choices[int(number)]
        if isinstance(found, IntDistribution):
            return found.low + int(number) * found.step
        if self.count is None:
            return float(number)
        return float(min(found.low + number * found.step, found.high))

    # ---- the scale -----------------------------------------------------------------------------

    @property
    def _ends(self) -> tuple[float, float]:
        """Both ends of the scale, halved, so that their difference is finite."""
        if not self.ordered:
            return 0.0, max((self.count or 1) - 1, 1) / 2
        ends = float(self.distribution.low), float(self.distribution.high)
        low, high = (math.log(end) if self.log else end for end in ends)
        return low / 2, high / 2

    def places(self, numbers: Floats) -> Floats:
        """Place numbers on a scale from 0 (lowest) to 1: ``(k,)``."""
        low, high = self._ends
        values = numbers
        if self.ordered and self.count is not None:
            values = self.distribution.low + numbers * self.distribution.step
        values = np.log(values) if self.log else values
        found: Floats = (values / 2 - low) / (high - low)
        return found

    def at(self, places: Floats) -> Floats:
        """Return the numbers that are nearest to places: ``(k,)``, within the range."""
        low, high = self._ends
        values = 2 * (low + np.clip(places, 0, 1) * (high - low))
        values = np.exp(values) if self.log else values
        if self.count is None:
            values = np.clip(values, self.distribution.low, self.distribution.high)
            ends = [places <= 0, places >= 1]  # exactly, whatever logarithms are off by
            return np.select(ends, [self.distribution.low, self.distribution.high], values)
        if self.ordered:
            values = (values - self.distribution.low) / self.distribution.step
        return np.clip(np.rint(values), 0, self.count - 1)

    # ---- the grid ------------------------------------------------------------------------------

    def grid(self, tried: Floats, kept: Floats, rng: np.random.Generator) -> Floats:
        """Return the numbers that are considered, ascending: up to 256.

        No number that was tried and is not on the grid is added by chance, so a row with a new
        number on it was never tried.

        Args:
            tried: numbers of trials, the best first.
            kept: numbers that must be on the grid.
            rng: shifts the even spread.
        """
        if not self.fine:
            return np.arange(float(self.count or 0))
        _, first = np.unique(tried, return_index=True)
        known = tried[np.sort(first)]
        spread = (np.arange(EVEN) + rng.random()) / EVEN
        new = self.at(np.concatenate([[0.0, 1.0], spread]))
        if self.ordered:
            steps = 0.5 ** np.arange(2, 2 + HALVINGS)
            centres = self.places(known[:CENTRES])
            near = centres[:, None] + np.concatenate([-steps, steps])
            new = np.concatenate([new, self.at(near[(near >= 0) & (near <= 1)])])
        new = np.setdiff1d(new, known)
        if len(new) < EVEN // 2 and self.count is not None:  # most of its values were tried
            left = np.setdiff1d(np.arange(float(self.count)), known)
            new = np.union1d(new, rng.permutation(left)[:EVEN])
        return np.unique(np.concatenate([kept, known[:TRIED], new]))[:MAX_OPTIONS]

    def nearest(self, numbers: Floats, grid: Floats) -> Ints:
        """Return which of the ``grid`` is nearest to numbers ``(n,)``: indices ``(n,)``."""
        places = self.places(grid)
        wanted = self.places(numbers)
        after = np.clip(np.searchsorted(places, wanted), 1, max(len(grid) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(grid) - 1)
        nearer = np.abs(places[before] - wanted) <= np.abs(places[after] - wanted)
        return np.where(nearer, before, after)

    def choice(self, name: str, grid: Floats) -> Choice:
        """Return the decision of a name whose options are the values on the grid."""
        if self.ordered:
            order: Order = "log" if self.log else "linear"
            return Choice(name, tuple(self.value(n) for n in grid), order)
        values = [self.value(n) for n in grid]
        numbers = all(isinstance(v, int | float) and math.isfinite(v) for v in values)
        if numbers and len(set(values)) == len(values):  # True equals 1
            return Choice(name, tuple(values))
        named = tuple(f"{int(n)}: {v!r}" for n, v in zip(grid, values, strict=True))
        return Choice(name, named)

    def draw(self, rng: np.random.Generator, without: Collection[float] = ()) -> float:
        """Draw a number, evenly on the scale.

        Args:
            rng: source of randomness.
            without: numbers to leave out, as long as there are others.
        """
        if self.count is None or self.count > ENUMERABLE:
            return float(self.at(rng.random(1))[0])
        every = np.arange(float(self.count))
        free = every[~np.isin(every, list(without))]
        if not len(free):
            free = every
        shares = self.weights(every)[free.astype(int)]
        return float(rng.choice(free, p=shares / shares.sum()))

    def weights(self, grid: Floats) -> Floats:
        """Return how likely random draws are to take each number of a grid: ``(k,)``, sum 1.

        Numbers of a range by the part of the scale that is nearest to them, others evenly.
        """
        if not self.ordered or not (self.fine or self.log) or len(grid) < 2:
            return np.full(len(grid), 1 / len(grid))
        places = self.places(grid)
        borders = np.concatenate([[0.0], (places[1:] + places[:-1]) / 2, [1.0]])
        widths = np.maximum(np.diff(borders), 0.0)
        found: Floats = widths / widths.sum()
        return found


def present(numbers: Floats) -> Bools:
    """Mark the parameters that trials had: numbers ``(n, d)``, NaN where not."""
    return ~np.isnan(numbers)
