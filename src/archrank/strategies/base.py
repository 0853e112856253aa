"""Base class of strategies, which choose the next architectures to evaluate.

The choice is a pure function of the history: the same evaluations give the same choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import whole
from archrank.errors import BudgetError
from archrank.strategies.history import History
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker


class Strategy(ABC):
    """Base class of strategies: propose architectures to evaluate, given the evaluations so far.

    A strategy holds settings and no state; everything else it learns from the history that it is
    passed. A study can therefore be killed, resumed and run on several workers, and still
    evaluates the same architectures.

    The command line passes ``--ranker``, ``--initial`` and ``--batch`` to the constructor arguments
    ``ranker``, ``initial`` and ``batch_size``, and refuses an option that a strategy does not take.
    It also passes ``space``, and as ``budget`` the evaluations that are planned, where one of these
    is taken.

    Attributes:
        adaptive: whether proposals depend on the results of evaluations, as those of random and
            exhaustive search do not.
        usual_budget: evaluations if the command line is told no number.
        ranker: orders candidates; ``None`` is the default ranker, or none at all.
    """

    adaptive: bool = False
    usual_budget: int = 60
    ranker: Ranker | None = None

    def batch(self, history: History) -> int:
        """Return the number of architectures in the next round; a round is evaluated as a whole."""
        return 1

    @abstractmethod
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose up to ``n`` architectures that are not in ``history``: ``(k, d)``, best first.

        Returns fewer than ``n`` only if the space, or the part of it that ``history.allowed``
        admits, has no more. The result depends on nothing but the arguments: the same history,
        ``n`` and state of ``rng`` give the same rows.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the settings that influence proposals, as JSON values."""


def require_positive(who: object, **settings: int) -> None:
    """Check that all ``settings`` of the strategy ``who`` are at least 1.

    Raises:
        BudgetError: One is not; the message names the strategy and the setting.
    """
    for name, value in settings.items():
        whole(value, f"{type(who).__name__}: {name}", at_least=1, error=BudgetError)
