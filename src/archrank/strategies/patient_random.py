"""Random search under cheap scores that ends when it finds nothing better: RankNAS's baseline.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021, section
4.1: uniform sampling, which stops when the best architecture has not changed for 3 epochs. The
paper does not say how many architectures an epoch is; here as many as its evolution scores at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archrank.checks import whole
from archrank.errors import BudgetError
from archrank.strategies.evaluated import Evaluated, LimitSearch, WithinLimit


@dataclass(frozen=True)
class PatientRandom(LimitSearch):
    """Random search that stops when the best has not changed for some batches; once per limit.

    No two architectures that are scored are equivalent.

    Args:
        batch: architectures that are scored together.
        patience: batches without a better architecture, after which it stops.
        batches: in all, at most; code that resembles RankNAS's draws 100,000 architectures.

    Raises:
        BudgetError: a number is below 1.
    """

    batch: int = 125
    patience: int = 3
    batches: int = 800

    def __post_init__(self) -> None:
        for setting in ("batch", "patience", "batches"):
            what = f"{type(self).__name__}: {setting}"
            whole(getattr(self, setting), what, at_least=1, error=BudgetError)

    @property
    def evaluations(self) -> int:
        """Architectures that are scored within one limit, at most."""
        return self.batch * self.batches

    def _search(self, of: WithinLimit) -> Evaluated:
        """Search within one limit."""
        seen = of.measured(of.start[:0])
        best, vain = -np.inf, 0
        for i in range(self.batches):
            first = of.start[: 0 if i else None]
            drawn = of.new(seen.archs, first, self.batch, rng=of.rng(i))
            if not len(drawn):
                break  # everything within the limit is scored
            new = of.measured(drawn)
            seen = seen.joined(new)
            of.tell(len(seen))
            now = np.max(new.scores, initial=-np.inf, where=np.isfinite(new.scores))
            best, vain = (now, 0) if now > best else (best, vain + 1)
            if vain == self.patience:
                break
        return seen
