"""The search of RankNAS: what a search in a supernet puts first is trained from scratch.

Hu et al., "RankNAS: Efficient Neural Architecture Search by Pairwise Ranking", EMNLP 2021,
figure 3.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.checks import whole
from archrank.errors import SettingsError, UnknownNameError
from archrank.rows import distinct, is_new
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.guided import describe_ranker
from archrank.strategies.history import History
from archrank.strategies.unseen import sample_unseen
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.supernets.settling import Settling

SEARCHES = ("evolution", "random")


class RankNASSearch(Strategy):
    """RankNAS: architectures that a search in a supernet found are evaluated, the best first.

    A supernet scores some architectures, a ranker learns their losses; of all that are predicted to
    keep the limits, a search looks for those that the ranker puts first. ``archrank search
    --strategy ranknas`` does all of that before the first evaluation, and gives their order here.
    The paper trains one winner; each further evaluation is that of the next one. After all of them
    random architectures follow.

    Args:
        ranker: Orders by loss; ``None`` is RankNAS's (:class:`~archrank.rankers.RankNAS`).
        search: Under the ranker's scores: ``evolution``, as HAT's, or ``random``.
        archs: Architectures that the supernet scores for the ranker, which learns from half of them
            and is judged by the others.
        examples: Held-out examples of these scores; 0: all.
        timed: Architectures whose latency is measured, where a limit is one.
        repeats: Timed calls of each.
        finalists: Architectures within the limits that the supernet measures at the end.
        metric: Metric of the task that architectures are compared by, or ``loss``.
        batch_size: Architectures per round; limits how many are evaluated at the same time.

    Raises:
        BudgetError: ``batch_size`` below 1.
        SettingsError: a number that is too small.
        UnknownNameError: no such search.

    Attributes:
        supernet_recipe: Recipe of the supernet that the command line trains; ``None``: the space's
            usual one.
        settling: Tells when that training may stop (:class:`~archrank.supernets.Settling`);
            ``None``: at its end.
        winners: ``(k, d)`` what was found, best first; none before it is looked for.
    """

    usual_budget = 3
    supernet_recipe: str | None = None
    settling: Settling | None = None

    def __init__(
        self,
        ranker: Ranker | None = None,
        *,
        search: Literal["evolution", "random"] = "evolution",
        archs: int = 400,
        examples: int = 512,
        timed: int = 128,
        repeats: int = 50,
        finalists: int = 8,
        metric: str = "loss",
        batch_size: int = 16,
    ) -> None:
        require_positive(self, batch_size=batch_size)
        least = {"archs": 4, "examples": 0, "timed": 10, "repeats": 1, "finalists": 1}
        given = {"archs": archs, "examples": examples, "timed": timed, "repeats": repeats}
        for name, value in {**given, "finalists": finalists}.items():
            what = f"{type(self).__name__}: {name}"
            whole(value, what, at_least=least[name], error=SettingsError)
        if not isinstance(search, str) or search not in SEARCHES:
            raise UnknownNameError(f"search of {type(self).__name__}", str(search), SEARCHES)
        self.ranker = ranker
        self.search: Literal["evolution", "random"] = search
        self.archs, self.examples = archs, examples
        self.timed, self.repeats, self.finalists = timed, repeats, finalists
        self.metric, self.batch_size = metric, batch_size
        self.winners: Archs | None = None

    def batch(self, history: History) -> int:
        """Return :attr:`batch_size`."""
        return self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose the best ``n`` winners that are not in ``history``: ``(k, d)``, best first."""
        winners = history.archs[:0] if self.winners is None else self.winners
        keys = history.space.canonical(winners)
        left = distinct(winners[is_new(keys, history.canonical)])
        found = history.region.first(left, n)
        if len(found) == n:
            return found
        others = sample_unseen(history, n - len(found), rng=rng, taken=found, skip_isomorphic=True)
        return np.concatenate([found, others])

    def describe(self) -> dict[str, Any]:
        """Return the name, the settings and a digest of the winners, as JSON values."""
        found = None if self.winners is None else sha256(self.winners.tobytes()).hexdigest()[:16]
        return {
            "strategy": "ranknas",
            "ranker": None if self.ranker is None else describe_ranker(self.ranker, ("space",)),
            "search": self.search,
            "archs": self.archs,
            "examples": self.examples,
            "timed": self.timed,
            "repeats": self.repeats,
            "finalists": self.finalists,
            "metric": self.metric,
            "winners": found,
        }
