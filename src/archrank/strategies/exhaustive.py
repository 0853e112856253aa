"""Exhaustive evaluation of a whole space, used to build benchmark tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.rows import distinct, is_new
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.history import History
from archrank.types import Archs


class Exhaustive(Strategy):
    """Evaluate every architecture of a space exactly once, in a fixed random order.

    The order does not depend on the study's seed. An unfinished run has therefore evaluated a
    uniform random sample of the space, and runs with different seeds share the same sample.

    Args:
        skip_isomorphic: Evaluate one architecture per isomorphism class, its canonical form.
        order: Seed of the permutation.
        batch_size: Architectures per round; limits how many are evaluated at the same time.

    Raises:
        BudgetError: ``batch_size`` below 1.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> from archrank.strategies.history import History
        >>> nothing = (np.empty((0, 6), np.uint8), np.empty((0, 1)), np.empty(0))
        >>> history = History(NASBench201(), *nothing)
        >>> everything = Exhaustive().propose(history, 20_000, rng=np.random.default_rng(0))
        >>> len(everything)
        6466
    """

    def __init__(
        self, *, skip_isomorphic: bool = True, order: int = 0, batch_size: int = 256
    ) -> None:
        require_positive(self, batch_size=batch_size)
        self.skip_isomorphic = skip_isomorphic
        self.order = order
        self.batch_size = batch_size

    def batch(self, history: History) -> int:
        """Return :attr:`batch_size`."""
        return self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose the next ``n`` allowed architectures of the fixed order: ``(k, d)``.

        ``rng`` is not used.

        Raises:
            SpaceError: The space is too large to be listed.
        """
        archs = self.listed(history.space)
        archs = archs[is_new(archs, history.archs)]
        return history.region.first(archs, n)

    def listed(self, space: Space) -> Archs:
        """List all architectures that will be evaluated, in order: ``(n, d)``.

        Raises:
            SpaceError: The space is too large to be listed.
        """
        archs = space.enumerate()
        if self.skip_isomorphic:
            archs = distinct(space.canonical(archs))
        return archs[np.random.default_rng(self.order).permutation(len(archs))]

    def describe(self) -> dict[str, Any]:
        """Return the name and the settings, as JSON values."""
        return {
            "strategy": "exhaustive",
            "skip_isomorphic": self.skip_isomorphic,
            "order": self.order,
        }
