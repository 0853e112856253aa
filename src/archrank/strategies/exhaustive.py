"""Evaluate the whole space: what builds a benchmark table."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.spaces.base import Space
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.fresh import distinct, is_new
from archrank.strategies.history import History
from archrank.types import Archs


class Exhaustive(Strategy):
    """Every architecture of a space that can be listed, each once, in an order fixed beforehand.

    The order is a random permutation, the same in every run whatever its seed, so that whatever has
    been evaluated so far is a uniform random sample of the space, and the runs of several seeds
    evaluate the same sample.

    Args:
        classes: one architecture per isomorphism class, the canonical one.
        order: seed of the permutation.
        batch_size: architectures per round; only matters for how many run at once.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.strategies.history import History
        >>> nothing = (np.empty((0, 6), np.uint8), np.empty((0, 1)), np.empty(0))
        >>> history = History(NASBench201(), *nothing)
        >>> everything = Exhaustive().propose(history, 20_000, rng=np.random.default_rng(0))
        >>> len(everything)
        6466
    """

    def __init__(self, *, classes: bool = True, order: int = 0, batch_size: int = 256) -> None:
        require_positive(self, batch_size=batch_size)
        self.classes = classes
        self.order = order
        self.batch_size = batch_size

    def batch(self, history: History) -> int:
        """Always :attr:`batch_size`."""
        return self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """The next ``n`` of the fixed order that are allowed; ``rng`` is not used.

        Raises:
            SpaceError: the space is too large to be listed.
        """
        archs = self.listed(history.space)
        archs = archs[is_new(archs, history.archs)]
        return archs[history.allowed(archs)][:n]

    def listed(self, space: Space) -> Archs:
        """Everything that will be evaluated, in order: ``(n, d)``.

        Raises:
            SpaceError: the space is too large to be listed.
        """
        archs = space.enumerate()
        if self.classes:
            archs = distinct(space.canonical(archs))
        return archs[np.random.default_rng(self.order).permutation(len(archs))]

    def describe(self) -> dict[str, Any]:
        """Name and settings."""
        return {"strategy": "exhaustive", "classes": self.classes, "order": self.order}
