"""Random search: the baseline every other strategy has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.fresh import sample_fresh
from archrank.strategies.history import History
from archrank.types import Archs


class Random(Strategy):
    """Uniform sampling without repetition.

    Args:
        batch_size: architectures per round; only matters for how many run at once.
        classes: draw no two isomorphic architectures while others are left.
    """

    def __init__(self, batch_size: int = 8, *, classes: bool = True) -> None:
        require_positive(self, batch_size=batch_size)
        self.batch_size = batch_size
        self.classes = classes

    def batch(self, history: History) -> int:
        """Always :attr:`batch_size`."""
        return self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` unevaluated architectures uniformly."""
        return sample_fresh(history, n, rng=rng, classes=self.classes)

    def describe(self) -> dict[str, Any]:
        """Name and settings."""
        return {"strategy": "random", "batch_size": self.batch_size, "classes": self.classes}
