"""Promotion: what did best in short trainings is trained in full.

A short training costs a part of a full one and orders architectures nearly as well, but for the
best ones among themselves. So many are trained shortly, by a search of their own, and only the best
of these in full, which alone decide what is recommended: successive halving with one step (Jamieson
& Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016), its
candidates chosen by a guided search instead of at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from archrank.checks import whole
from archrank.errors import BudgetError, SettingsError
from archrank.rows import is_new
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.history import History
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs, Floats

BATCH = 2  # architectures per round, as of guided search


@dataclass(frozen=True, eq=False)
class Shorts:
    """Short trainings in the order in which they were proposed.

    Attributes:
        archs: ``(n, d)`` architectures.
        scores: ``(n,)``, higher is better; NaN where a training failed.
    """

    archs: Archs
    scores: Floats


class Promoted(Strategy):
    """Evaluate what did best in short trainings, which another search has made before.

    Round ``k``, from 0, chooses among the first ``each * batch_size * (k + 1)`` short trainings, so
    that both searches grow together: one that goes on to a larger budget, and has more short
    trainings then, continues as if it had had them from the start.

    Args:
        shorts: The short trainings; ``None`` until they are known, which :attr:`shorts` tells then.
        each: Short trainings for every full one; about as many as cost the same as a full one are
            a good choice.
        batch_size: Architectures per round.
        made_by: What else identifies the short trainings, as JSON values.

    Raises:
        BudgetError: ``each`` or ``batch_size`` below 1.
    """

    def __init__(
        self,
        shorts: Shorts | None = None,
        *,
        each: int = 4,
        batch_size: int = BATCH,
        made_by: dict[str, Any] | None = None,
    ) -> None:
        require_positive(self, each=each, batch_size=batch_size)
        self.shorts = shorts
        self.each = each
        self.batch_size = batch_size
        self.made_by = made_by or {}

    def batch(self, history: History) -> int:
        """Return :attr:`batch_size`."""
        return self.batch_size

    def shorts_for(self, evaluations: int) -> int:
        """Return the number of short trainings that so many evaluations choose among."""
        whole(evaluations, "evaluations", at_least=1, error=BudgetError)
        return self.each * -(-evaluations // self.batch_size) * self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose the best short trainings that are not in ``history``; others if there are none.

        Raises:
            SettingsError: The short trainings are not known yet.
        """
        picks = self._best(history, n)
        if len(picks) < n:
            rest = sample_unseen(
                history, n - len(picks), rng=rng, taken=picks, skip_isomorphic=True
            )
            picks = np.concatenate([picks, rest])
        return picks

    def _best(self, history: History, n: int) -> Archs:
        """Return the best of the first short trainings, as many as a round knows: ``(k, d)``."""
        if self.shorts is None:
            raise SettingsError(
                "Promoted does not know its short trainings yet: set strategy.shorts to "
                "Shorts(archs, scores); archrank search --fidelity makes them"
            )
        rounds = len(history) // self.batch_size + -(-n // self.batch_size)
        there = self.each * self.batch_size * rounds
        archs, scores = self.shorts.archs[:there], self.shorts.scores[:there]
        order = np.argsort(-scores, kind="stable")[: int(np.isfinite(scores).sum())]
        archs = archs[order]
        archs = archs[is_new(history.space.canonical(archs), history.canonical)]
        return archs[history.allowed(archs)][:n]

    def describe(self) -> dict[str, Any]:
        """Return the settings; what the short trainings measured follows from :attr:`made_by`."""
        return {
            "strategy": "promoted",
            "each": self.each,
            "batch_size": self.batch_size,
            **self.made_by,
        }
