"""Kinds of choices: numbers on a grid, options with or without an order, yes or no.

A decision of a row is an index into at most 256 options, so numbers come from a grid. It has both
ends of the range and ``points`` numbers at most, unless ``step`` says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.checks import number, quoted, whole
from archrank.errors import SpaceError
from archrank.spaces.numbers import Order

MAX_OPTIONS = 256  # choice indices are uint8
LARGEST = 2**53  # whole number that a float can hold
INT_POINTS, FLOAT_POINTS = 32, 21  # of a grid, unless others are asked for: steps of 8, of 0.05
APART = 0.01  # of the distance to the next number of a grid, by which one may be rounded
DUST = 1e-9  # of that distance, by which sums of floats may be off

Option: TypeAlias = "str | int | float"


@dataclass(frozen=True)
class Int:
    """A whole number from ``low`` to ``high``, both included; larger is next to large.

    Up to ``points`` numbers are all options. Of more, ``points`` are, evenly spread and rounded,
    both ends among them; on a logarithmic scale (``log``) each is the same factor above the one
    before, as far as whole numbers allow, and numbers that are rounded alike count once. ``step``
    makes the grid ``low``, ``low + step``, ... up to ``high``, whatever ``points`` is.

    Args:
        low: the smallest.
        high: the largest.
        step: distance between two options; ``None`` lets ``points`` decide.
        log: factors matter rather than differences, as for widths and numbers of layers.
        points: most options, 2 to 256; 32 where nothing is said.

    Raises:
        SpaceError: an argument that cannot be used; says which.

    Example:
        >>> Int(1, 6).options, Int(8, 256, step=62).options
        ((1, 2, 3, 4, 5, 6), (8, 70, 132, 194, 256))
        >>> Int(8, 256, log=True, points=6).options
        (8, 16, 32, 64, 128, 256)
    """

    low: int
    high: int
    step: int | None = None
    log: bool = False
    points: int = INT_POINTS

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            whole(value, f"Int: {name}", at_least=-LARGEST, at_most=LARGEST, error=SpaceError)
        if self.step is not None:
            whole(self.step, "Int: step", at_least=1, error=SpaceError)
        _check_range(self)
        most = 0 if self.step is None else (self.high - self.low) // self.step + 1
        _check_number(self, most)

    @cached_property
    def options(self) -> tuple[int, ...]:
        """Numbers of the grid, ascending."""
        if self.step is not None or self.high - self.low < self.points:
            return tuple(range(int(self.low), int(self.high) + 1, int(self.step or 1)))
        spread = np.geomspace if self.log else np.linspace
        values = spread(float(self.low), float(self.high), self.points)
        inner = np.unique(np.rint(values[1:-1])).astype(int).tolist()
        return tuple(sorted({int(self.low), *inner, int(self.high)}))

    @property
    def order(self) -> Order:
        """Scale of the numbers."""
        return "log" if self.log else "linear"


@dataclass(frozen=True)
class Float:
    """A number from ``low`` to ``high``, both included; larger is next to large.

    The options are ``points`` numbers, evenly spread, or with ``log`` each the same factor above
    the one before. They are rounded to as few digits as move none by more than a hundredth of the
    way to its neighbour, so that they can be read and typed; the ends are exact. With ``step`` they
    are ``low``, ``low + step``, ... up to ``high``, without the last digits that floats are off by.

    Args:
        low: the smallest.
        high: the largest.
        log: factors matter rather than differences, as for learning rates.
        step: distance between two options; ``None`` lets ``points`` decide.
        points: number of options, 2 to 256; 21 where nothing is said.

    Raises:
        SpaceError: an argument that cannot be used; says which.

    Example:
        >>> Float(0, 0.5, step=0.1).options
        (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
        >>> Float(0, 1).options[:4]
        (0.0, 0.05, 0.1, 0.15)
        >>> Float(1e-4, 1e-1, log=True, points=4).options
        (0.0001, 0.001, 0.01, 0.1)
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    points: int = FLOAT_POINTS

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            number(getattr(self, name), f"Float: {name}", error=SpaceError)
        if self.step is not None and not number(self.step, "Float: step", error=SpaceError) > 0:
            raise SpaceError(f"Float: step must be above 0, got {quoted(self.step)}")
        _check_range(self)
        if not np.isfinite(float(self.high) - float(self.low)):
            raise SpaceError(f"Float({self.low}, {self.high}): the range is too wide")
        _check_number(self, 0 if self.step is None else self._steps)
        if len(set(self.options)) < len(self.options):
            raise SpaceError(
                f"Float({self.low}, {self.high}): the range is too narrow for "
                f"{len(self.options)} different numbers"
            )

    @property
    def _steps(self) -> int:
        assert self.step is not None
        return int(min((self.high - self.low) / self.step + DUST, LARGEST)) + 1

    @cached_property
    def options(self) -> tuple[float, ...]:
        """Numbers of the grid, ascending."""
        low, high = float(self.low) + 0.0, float(self.high) + 0.0  # never -0.0
        if self.step is not None:
            _, *later = _readable(low + self.step * np.arange(self._steps), DUST)
            return (low, *(min(option, high) for option in later))
        spread = np.geomspace if self.log else np.linspace
        values = _readable(spread(low, high, self.points), APART)
        return (low, *values[1:-1], high)

    @property
    def order(self) -> Order:
        """Scale of the numbers."""
        return "log" if self.log else "linear"


@dataclass(frozen=True)
class Bool:
    """``False`` or ``True``, as the list ``[False, True]``."""

    options: ClassVar[tuple[Option, ...]] = (False, True)
    order: ClassVar[Order] = "auto"


@dataclass(frozen=True)
class Ordered:
    """Options of which neighbours are alike: numbers by size, words as they are listed.

    A plain list of numbers is ordered anyway.

    Args:
        options: numbers, or strings from the least to the most.

    Raises:
        SpaceError: no list.

    Example:
        >>> Ordered(["none", "some", "much"]).order, Ordered([8, 16, 32]).order
        ('listed', 'auto')
    """

    options: Sequence[Option]

    def __post_init__(self) -> None:
        _check_list(self)

    @property
    def order(self) -> Order:
        """Scale of the options."""
        words = any(isinstance(option, str) for option in self.options)
        return "listed" if words else "auto"


@dataclass(frozen=True)
class Categorical:
    """Options without an order, though they may be numbers, such as versions of a layer.

    A plain list of strings has no order anyway.

    Args:
        options: numbers or strings.

    Raises:
        SpaceError: no list.
    """

    options: Sequence[Option]
    order: ClassVar[Order] = "none"

    def __post_init__(self) -> None:
        _check_list(self)


Kind: TypeAlias = "Int | Float | Bool | Ordered | Categorical"
KINDS = (Int, Float, Bool, Ordered, Categorical)


def _check_list(kind: Ordered | Categorical) -> None:
    if isinstance(kind.options, str) or not isinstance(kind.options, Sequence | np.ndarray):
        raise SpaceError(
            f"{type(kind).__name__} takes a list of options, got {quoted(kind.options)}"
        )


def _check_range(grid: Int | Float) -> None:
    """Refuse ranges without a second number, and scales that cannot be."""
    name = type(grid).__name__
    if not isinstance(grid.log, bool | np.bool_):
        raise SpaceError(f"{name}: log is {quoted(grid.log)}, expected True or False")
    whole(grid.points, f"{name}: points", at_least=2, at_most=MAX_OPTIONS, error=SpaceError)
    if not grid.low < grid.high:
        raise SpaceError(
            f"{name}({grid.low}, {grid.high}): the lower end comes first and is smaller; a single "
            f"option is written [{grid.low}]"
        )
    if grid.log and grid.step is not None:
        raise SpaceError(
            f"{name}({grid.low}, {grid.high}): step={grid.step} and log=True exclude each other; "
            "leave out one of them"
        )
    if grid.log and grid.low <= 0:
        raise SpaceError(
            f"{name}({grid.low}, {grid.high}, log=True): a logarithmic scale begins above 0"
        )


def _check_number(grid: Int | Float, count: int) -> None:
    """Refuse steps that make too many options, or a single one."""
    call = f"{type(grid).__name__}({grid.low}, {grid.high}, step={grid.step})"
    if count > MAX_OPTIONS:
        raise SpaceError(
            f"{call} has {count:,} options, a choice has {MAX_OPTIONS} at most: give a larger "
            "step, or points=... in place of it"
        )
    if count == 1:
        raise SpaceError(f"{call} has one option, since the step leads beyond {grid.high}")


def _readable(values: NDArray[np.floating[Any]], apart: float) -> tuple[float, ...]:
    """Round ascending values to as few digits as keep them where they are.

    Args:
        values: two or more.
        apart: share of the way to its neighbour by which one may be moved.
    """
    gaps = np.diff(values)
    near = np.minimum(np.append(gaps, gaps[-1]), np.insert(gaps, 0, gaps[0]))
    values = np.where(np.abs(values) <= DUST * near, 0.0, values)
    for digits in range(1, 18):
        rounded = np.array([float(f"{v:.{digits}g}") for v in values])
        if (np.abs(rounded - values) <= apart * near).all():
            break
    return tuple(rounded.tolist())
