"""Criteria of an assessment: names, units, number formats and computation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from archrank import criteria
from archrank.criteria import Criterion
from archrank.errors import LabelError, UnknownNameError
from archrank.types import Floats

LEVEL = 0.95  # of bootstrap intervals
RESAMPLES = 200  # enough for two digits of an interval's width
RESAMPLED = 4_000_000  # architectures in all resamples together: seconds


@dataclass(frozen=True)
class Measure:
    """Criterion of a ranking: its name and number format.

    Attributes:
        name: Name of the column in the raw results.
        title: Heading in tables.
        unit: ``"%"`` for a fraction that is printed in percent.
        decimals: Number of decimals to print.
    """

    name: str
    title: str
    unit: str = ""
    decimals: int = 3

    def text(self, value: float) -> str:
        """Format a value for reading, without its unit."""
        return f"{(100 if self.unit else 1) * value:.{self.decimals}f}"


MEASURES = (
    Measure("tau", "tau", decimals=4),
    Measure("spearman", "Spearman", decimals=4),
    Measure("p_at_5", "P@5 %", "%", 1),
    Measure("br_at_1", "BR@1 %", "%", 3),
    Measure("n_at_10", "N@10", decimals=1),
    Measure("ndcg_10", "NDCG@10"),
    Measure("regret_10", "regret@10"),
    Measure("pair_accuracy", "pairs %", "%", 2),
)
LOWER_IS_BETTER = ("br_at_1", "n_at_10", "regret_10")
SECONDS = Measure("seconds", "seconds", decimals=2)


def criteria_of(n: int) -> dict[str, Criterion]:
    """Return the criteria for a ranking of ``n`` architectures, by the name of their measure.

    The numbers of architectures in P@5 % and BR@1 % are rounded down, but at least 1. N@10 is the
    best true rank among the predicted top ten. The regret is
    that of the best of the predicted top ten, in the unit of the truth.
    """
    return {
        "tau": criteria.kendall_tau,
        "spearman": criteria.spearman,
        "p_at_5": partial(criteria.precision_at, k=max(n // 20, 1)),
        "br_at_1": partial(criteria.best_ranking_at, k=max(n // 100, 1)),
        "n_at_10": partial(criteria.n_at, k=min(10, n)),
        "ndcg_10": partial(criteria.ndcg, k=min(10, n)),
        "regret_10": partial(criteria.regret, k=min(10, n)),
        "pair_accuracy": criteria.pair_accuracy,
    }


def measures_of(names: Sequence[str]) -> tuple[Measure, ...]:
    """Find measures by title or name, in the order asked for; without names, all.

    Case and spaces do not matter: ``P@5%`` is ``P@5 %`` or ``p_at_5``.

    Raises:
        UnknownNameError: There is no such criterion.
    """
    known = {_plain(text): m for m in MEASURES for text in (m.name, m.title)}
    for name in names:
        if _plain(name) not in known:
            titles = [m.title.replace(" %", "%") for m in MEASURES]
            raise UnknownNameError("criterion", name, titles)
    return tuple(dict.fromkeys(known[_plain(name)] for name in names)) or MEASURES


def _plain(text: str) -> str:
    return "".join(text.lower().split())


def judge(scores: Floats, truth: Floats) -> dict[str, float]:
    """Compute every criterion of ``scores: (n,)`` against ``truth: (n,)``, higher is better.

    Raises:
        LabelError: NaN or constant scores.
    """
    return {name: measured(scores, truth) for name, measured in criteria_of(len(truth)).items()}


def intervals(scores: Floats, truth: Floats, *, rng: np.random.Generator) -> dict[str, float]:
    """Compute bootstrap intervals over architectures: ``{name}_low`` and ``{name}_high``.

    They express the uncertainty of the criteria of this one ranking, not the spread between draws
    of labels. Tables of more than 20,000 architectures, whose intervals are narrow, have fewer
    resamples. NaN if a criterion is undefined on nearly all resamples.
    """
    resamples = min(RESAMPLES, max(RESAMPLED // len(truth), RESAMPLES // 5))
    measured = criteria_of(len(truth))
    try:
        found = criteria.bootstrap_all(
            measured, scores, truth, rng=rng, resamples=resamples, level=LEVEL
        )
    except LabelError:
        found = dict.fromkeys(measured, (math.nan, math.nan))
    lows = {f"{name}_low": low for name, (low, _) in found.items()}
    return lows | {f"{name}_high": high for name, (_, high) in found.items()}
