"""Random search, the baseline that every other strategy has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.history import History
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs


class Random(Strategy):
    """Random search: uniform sampling without repetition.

    Args:
        batch_size: Architectures per round; limits how many are evaluated at the same time.
        skip_isomorphic: Draw no two isomorphic architectures as long as there are others.

    Raises:
        BudgetError: ``batch_size`` below 1.
    """

    def __init__(self, batch_size: int = 8, *, skip_isomorphic: bool = True) -> None:
        require_positive(self, batch_size=batch_size)
        self.batch_size = batch_size
        self.skip_isomorphic = skip_isomorphic

    def batch(self, history: History) -> int:
        """Return :attr:`batch_size`."""
        return self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures uniformly from those that have not been evaluated."""
        return sample_unseen(history, n, rng=rng, skip_isomorphic=self.skip_isomorphic)

    def describe(self) -> dict[str, Any]:
        """Return the name and the settings, as JSON values."""
        return {
            "strategy": "random",
            "batch_size": self.batch_size,
            "skip_isomorphic": self.skip_isomorphic,
        }
