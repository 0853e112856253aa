"""Checks around the public methods of every space: what is passed in is an architecture.

Architectures as they should be, ``uint8`` of the right shape, cost two comparisons; anything else
is checked and converted first. Options out of range are told when a method stumbles over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance, quoted, whole
from archrank.errors import ArchitectureError, ArchrankError, ArgumentError, SpaceError

if TYPE_CHECKING:
    from archrank.spaces.base import Space

MANY = (
    *("valid", "active", "canonical", "index", "format", "features", "tokens", "graph"),
    *("common_features", "edge_graph", "to_origin", "mutate", "crossover"),
)
"""Methods of ``archs: (n, d)``."""
MOST = 1 << 40  # architectures
ONE = ("neighbors", "config")
"""Methods of ``arch: (d,)``."""


def guard(space: Any) -> None:
    """Put checks around the methods that a class of spaces defines itself."""
    own = vars(space)
    checks: dict[str, Callable[[Any], Any]] = {
        **{name: lambda method: _architectures(method, single=False) for name in MANY},
        **{name: lambda method: _architectures(method, single=True) for name in ONE},
        "parse": _strings,
        "sample": _count,
        "from_index": _numbers,
    }
    for name, check in checks.items():
        method = own.get(name)
        if callable(method) and not hasattr(method, "__wrapped__"):
            setattr(space, name, check(method))


def _architectures(method: Any, *, single: bool) -> Any:
    @wraps(method)
    def call(self: Space, archs: Any, *args: Any, **kwargs: Any) -> Any:
        plain = isinstance(archs, np.ndarray) and archs.dtype == np.uint8
        if not plain or archs.shape[-1:] != (self.d,) or archs.ndim != 2 - single:
            archs = _checked(self, archs, single)
        if args and method.__name__ == "crossover":  # the other parents
            args = (_checked(self, args[0], single), *args[1:])
            if args[0].shape != archs.shape:
                raise ArchitectureError(
                    f"crossover needs as many architectures on both sides, got {len(archs)} and "
                    f"{len(args[0])}"
                )
        if "rng" in kwargs:
            _generator(kwargs["rng"])
        if "rate" in kwargs:
            _rate(kwargs["rate"], len(archs))
        try:
            return method(self, archs, *args, **kwargs)
        except ArchrankError:
            raise
        except Exception:
            _checked(self, archs, single)  # options out of range are the cause, if there are any
            raise

    return call


def _checked(space: Space, archs: Any, single: bool) -> Any:
    if single:
        try:
            rows = np.asarray(archs)
        except ValueError:
            raise ArchitectureError(
                f"{space.name} expects an architecture of shape ({space.d},), got {quoted(archs)}"
            ) from None
        if rows.shape != (space.d,):
            raise ArchitectureError(
                f"{space.name} expects an architecture of shape ({space.d},), got shape "
                f"{rows.shape}"
            )
        return space.validate(rows[None])[0]
    return space.validate(archs)


def _strings(method: Any) -> Any:
    @wraps(method)
    def parse(self: Space, strings: Any) -> Any:
        if isinstance(strings, str | bytes) or not isinstance(strings, Iterable):
            raise ArchitectureError(
                f"{self.name} reads a list of strings, got {quoted(strings)}; write parse([text])"
            )
        texts = list(strings)
        for n, text in enumerate(texts):
            if not isinstance(text, str):
                raise ArchitectureError(f"architecture {n}: {quoted(text)} is no string")
        return method(self, texts)

    return parse


def _count(method: Any) -> Any:
    @wraps(method)
    def sample(self: Space, n: int, *, rng: np.random.Generator, **options: Any) -> Any:
        n = whole(n, "sample: n", at_least=0)
        if n >= MOST:
            raise ArgumentError(f"sample: n is {quoted(n)}, more than any memory holds")
        return method(self, n, rng=_generator(rng), **options)

    return sample


def _numbers(method: Any) -> Any:
    @wraps(method)
    def from_index(self: Space, index: Any) -> Any:
        numbers = np.asarray(index)
        if numbers.ndim != 1 or (len(numbers) and numbers.dtype.kind not in "iu"):
            raise ArgumentError(
                f"from_index takes numbers of architectures, (n,) integers, got {quoted(index)}"
            )
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.size):
            bad = numbers[(numbers < 0) | (numbers >= self.size)][0]
            raise SpaceError(
                f"there is no architecture {bad}: {self.name} has numbers 0..{self.size - 1}"
            )
        return method(self, numbers.astype(np.int64))

    return from_index


def _rate(rate: Any, n: int) -> None:
    """Refuse a rate of mutation that is no probability, nor one per architecture, ``(n, 1)``."""
    if rate is None:
        return
    rates = np.asarray(rate) if isinstance(rate, np.ndarray | Real) else np.zeros(0)
    numbers = rates.dtype.kind in "iuf" and rates.shape in ((), (n, 1))
    if not numbers or isinstance(rate, bool) or not bool(((rates >= 0) & (rates <= 1)).all()):
        raise ArgumentError(
            f"mutate: rate is {quoted(rate)}, expected a probability, or one per architecture, "
            f"({n}, 1)"
        )


def _generator(rng: Any) -> Any:
    return instance(rng, np.random.Generator, "rng", "make one with numpy.random.default_rng(seed)")
