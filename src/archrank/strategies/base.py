"""The Strategy contract: what to evaluate next, as a pure function of what is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from archrank.errors import BudgetError
from archrank.strategies.history import History
from archrank.types import Archs


class Strategy(ABC):
    """Proposes architectures.

    A strategy holds settings, never state: all it knows is the history. A study can therefore be
    killed, resumed and spread over workers without changing what is proposed.
    """

    def batch(self, history: History) -> int:
        """How many architectures the next round proposes, evaluated before the one after."""
        return 1

    @abstractmethod
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Return up to ``n`` architectures not yet in ``history``: ``(k, d)``, best first.

        Fewer than ``n`` only when the space (or its allowed part) has no more. The result depends
        on the arguments alone: the same history, ``n`` and ``rng`` state give the same rows.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The settings that change proposals; JSON values."""


def require_positive(who: object, **settings: int) -> None:
    """Refuse numbers of architectures below 1.

    Raises:
        BudgetError: names the strategy and the setting.
    """
    for name, value in settings.items():
        if value < 1:
            raise BudgetError(f"{type(who).__name__}: {name} must be at least 1, got {value}")
