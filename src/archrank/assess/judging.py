"""The criteria of an assessment: what each is called, how it reads, how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from archrank import criteria
from archrank.types import Floats


@dataclass(frozen=True)
class Measure:
    """One number that judges a ranking.

    Attributes:
        name: its column in the raw results.
        title: its heading.
        unit: ``"%"`` if it is a fraction that is printed as percent.
        decimals: how many are printed.
    """

    name: str
    title: str
    unit: str = ""
    decimals: int = 3

    def text(self, value: float) -> str:
        """A value as people read it, without its unit."""
        return f"{(100 if self.unit else 1) * value:.{self.decimals}f}"


MEASURES = (
    Measure("tau", "tau", decimals=4),
    Measure("spearman", "Spearman", decimals=4),
    Measure("p_at_5", "P@5 %", "%", 1),
    Measure("br_at_1", "BR@1 %", "%", 3),
    Measure("ndcg_10", "NDCG@10"),
    Measure("regret_10", "regret@10"),
    Measure("pair_accuracy", "pairs %", "%", 2),
)
LOWER_IS_BETTER = ("br_at_1", "regret_10")
SECONDS = Measure("seconds", "seconds", decimals=2)


def judge(scores: Floats, truth: Floats) -> dict[str, float]:
    """Every criterion of ``scores: (n,)`` against ``truth: (n,)``, both higher-is-better.

    P@5 % and BR@1 % round down to at least one architecture; the regret is that of the truly best
    of the predicted top ten, in the unit of the truth.

    Raises:
        LabelError: NaN or constant scores.
    """
    n = len(truth)
    measured: dict[str, Callable[[Floats, Floats], float]] = {
        "tau": criteria.kendall_tau,
        "spearman": criteria.spearman,
        "p_at_5": partial(criteria.precision_at, k=max(n // 20, 1)),
        "br_at_1": partial(criteria.best_ranking_at, k=max(n // 100, 1)),
        "ndcg_10": partial(criteria.ndcg, k=min(10, n)),
        "regret_10": partial(criteria.regret, k=min(10, n)),
        "pair_accuracy": criteria.pair_accuracy,
    }
    return {name: criterion(scores, truth) for name, criterion in measured.items()}
