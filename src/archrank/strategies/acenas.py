"""The search of AceNAS: rounds that a ranker and chance share, then what the ranker likes best.

Zhang et al., "AceNAS: Learning to Rank Ace Neural Architectures with Weak Supervision of Weight
Sharing", 2021, sections 3.2, 4.1 and 4.3, algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.checks import number, whole
from archrank.errors import BudgetError, SettingsError, UnknownNameError
from archrank.rows import distinct, is_new
from archrank.spaces.base import ENUMERABLE
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.guided import describe_ranker
from archrank.strategies.history import History
from archrank.strategies.inside import whole_of
from archrank.strategies.ranked_evolution import evolve
from archrank.strategies.shortlist import seed_of
from archrank.strategies.unseen import remaining, sample_unseen
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.spaces.samplers.latency import LatencyBand

WEAK = 4_000  # architectures with weak labels (section 4.1)
WEAK_IN_BAND = 10_000  # of a band of latencies, half of them inside (appendix B.2)
ATTEMPTS = 20  # draws from a band before fewer architectures have to do
FINAL = ("ranking", "evolution")


class AceNASSearch(Strategy):
    """AceNAS: rounds that a ranker and chance choose by halves, then what is predicted best.

    The evaluations are planned beforehand. All but the last ``top`` are split into ``rounds`` of
    equal size; the last round takes what is left over. The first round is random. In every later
    one the ranker, fitted to all evaluations so far, orders the whole space and chooses the share
    ``greedy`` of the round; the others are random. Then the ``top`` architectures that are
    predicted best are evaluated, and the best of all evaluations is the answer. A longer run goes
    on with rounds of the same kind.

    The ranker should be pretrained on weak labels of a supernet (section 3.3). ``archrank search
    --strategy acenas`` trains the supernet, too. Several objectives are ranked by Pareto rank.

    Differences from the released code: every round starts from the pretrained weights, as its
    option to reload them does, not from those of the round before (``carry_over=True``);
    isomorphic architectures are left out (``skip_isomorphic=False`` keeps them); the last ``top``
    are all new ones, so the pool of the answer contains the paper's.

    Args:
        ranker: Any ranker; ``None`` is AceNAS's (:class:`~archrank.rankers.AceNAS`), not
            pretrained.
        budget: Evaluations that are planned (B + k in the paper, 100 + 10).
        rounds: Number of rounds (T).
        initial: Size of the first round; ``None``: the same as of the others.
        greedy: Share of a later round that the ranker chooses, rounded down (alpha).
        top: Evaluations of what is predicted best after the rounds (k).
        final: The last ``top`` are the best of a ``ranking`` of all candidates; or of an
            ``evolution`` by predicted scores, as in the ProxylessNAS experiment.
        band: Latencies that architectures are drawn from; ``None`` draws from the whole space.
        candidates: Spaces up to this size are ranked as a whole; of larger ones, this many random
            architectures.
        skip_isomorphic: Evaluate no two isomorphic architectures as long as there are others.
        carry_over: Start every round from the weights of the round before, as the released code
            does; for AceNAS's ranker only.

    Raises:
        BudgetError: a number below 1, or a budget too small for the rounds.
        SettingsError: ``greedy`` is no share, or ``carry_over`` for a ranker without weights.
        UnknownNameError: an unknown value of ``final``.

    Attributes:
        supernet_recipe: Recipe of the supernet that the command line trains; ``None``: the
            space's usual one.

    Example:
        >>> AceNASSearch(budget=63).sizes
        (10, 10, 10, 10, 13)
    """

    adaptive = True
    usual_budget = 110
    supernet_recipe: str | None = None

    def __init__(
        self,
        ranker: Ranker | None = None,
        *,
        budget: int = 110,
        rounds: int = 5,
        initial: int | None = None,
        greedy: float = 0.5,
        top: int = 10,
        final: Literal["ranking", "evolution"] = "ranking",
        band: LatencyBand | None = None,
        candidates: int = 100_000,
        skip_isomorphic: bool = True,
        carry_over: bool = False,
    ) -> None:
        name = type(self).__name__
        require_positive(self, budget=budget, rounds=rounds, candidates=candidates)
        whole(top, f"{name}: top", at_least=0, error=BudgetError)
        if initial is not None:
            require_positive(self, initial=initial)
        greedy = number(greedy, f"{name}: greedy", error=SettingsError)
        if not 0 <= greedy <= 1:
            raise SettingsError(f"{name}: greedy is a share from 0 to 1, got {greedy:g}")
        if not isinstance(final, str) or final not in FINAL:
            raise UnknownNameError(f"final stage of {name}", str(final), FINAL)
        if carry_over and ranker is not None and not hasattr(ranker, "continued"):
            raise SettingsError(
                f"{name}: carry_over needs AceNAS's ranker, {type(ranker).__name__} starts afresh"
            )
        self.ranker = ranker
        self.budget, self.rounds, self.initial = budget, rounds, initial
        self.greedy, self.top = greedy, top
        self.final: Literal["ranking", "evolution"] = final
        self.band = band
        self.candidates, self.skip_isomorphic = candidates, skip_isomorphic
        self.carry_over = carry_over
        self.sizes = self._sizes()

    def _sizes(self) -> tuple[int, ...]:
        """Return the sizes of the rounds; raise ``BudgetError`` if one would be empty."""
        others = self.rounds - 1
        first = self.labels // self.rounds if self.initial is None else self.initial
        size = (self.labels - first) // others if others else first
        if min(first, size) < 1 or (not others and first != self.labels):
            start = "" if self.initial is None else f" with {self.initial} in the first"
            raise BudgetError(
                f"{type(self).__name__}: a budget of {self.budget}, less the last {self.top}, "
                f"cannot be split into {self.rounds} rounds{start}; allow more evaluations"
            )
        last = self.labels - first - size * (others - 1)
        return (first, *[size] * (others - 1), last) if others else (first,)

    @property
    def labels(self) -> int:
        """Evaluations in rounds: the budget without the last :attr:`top`."""
        return self.budget - self.top

    # ---- the plan --------------------------------------------------------------------------------

    def batch(self, history: History) -> int:
        """Return what is left of the present round, of the plan or after it."""
        done = len(history)
        for end in np.cumsum([*self.sizes, self.top]).tolist():
            if done < end:
                return int(end - done)
        size = self.sizes[min(1, len(self.sizes) - 1)]
        return size - (done - self.budget) % size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose random architectures in the first round, later what the round's plan says."""
        done = len(history)
        best = history.archs[:0]
        if done >= self.sizes[0]:
            last = self.labels <= done < self.budget
            best = self.best(history, n if last else int(self.greedy * n + 1e-9), rng=rng)
        return np.concatenate([best, self._random(history, n - len(best), rng, best)])

    # ---- candidates ------------------------------------------------------------------------------

    def _random(self, history: History, n: int, rng: np.random.Generator, taken: Archs) -> Archs:
        """Draw up to ``n`` new allowed architectures from the space, or from the band."""
        if n == 0:
            return taken[:0]
        if self.band is None:
            skip = self.skip_isomorphic
            return sample_unseen(history, n, rng=rng, taken=taken, skip_isomorphic=skip)
        keys = history.space.canonical if self.skip_isomorphic else np.asarray
        known = keys(np.concatenate([history.archs, taken]))
        found = taken[:0]
        for _ in range(ATTEMPTS):
            drawn = self.band.sample(n + n // 2 + 16, rng=rng)
            drawn = drawn[history.allowed(drawn)]
            drawn = np.concatenate([found, drawn[is_new(keys(drawn), known)]])
            found = distinct(drawn, keys(drawn))[:n]
            if len(found) == n:
                break
        return found

    def _candidates(self, history: History, rng: np.random.Generator) -> Archs:
        """Return the new architectures that are ranked, no two isomorphic ones: ``(k, d)``.

        All of a small space, and all that a table lists of one that is too large to be listed.
        """
        size, region = history.space.size, history.region
        all_known = size <= self.candidates
        all_known |= size > ENUMERABLE and region.rows(history.space) is not None
        if all_known and self.band is None:
            pool = rng.permutation(remaining(history))[: self.candidates]
        else:
            pool = self._random(history, self.candidates, rng, history.archs[:0])
        if not self.skip_isomorphic:
            return pool
        keys = history.space.canonical(pool)
        new = is_new(keys, history.canonical)
        return distinct(pool[new], keys[new])

    # ---- ranking ---------------------------------------------------------------------------------

    def best(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Return up to ``n`` new architectures that are predicted best, best first: ``(k, d)``.

        None if there are too few labels to learn from, or they are all the same.
        """
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # sums must not depend on the number of cores
            ranker = self._fitted(history)
            if ranker is None or n == 0:
                return history.archs[:0]
            pool = self._candidates(history, rng)
            order = np.argsort(-ranker.predict(pool), kind="stable")  # ties: in random order
            pool = pool[order]
            last = self.labels <= len(history) < self.budget
            if last and self.final == "evolution" and len(pool) > 1:
                inside = None if self.band is None else self.band.inside
                pool = evolve(pool, ranker.predict, history, inside=inside, rng=rng)
                if self.skip_isomorphic:
                    keys = history.space.canonical(pool)
                    new = is_new(keys, history.canonical)
                    pool = distinct(pool[new], keys[new])
            return pool[:n]

    def _fitted(self, history: History) -> Ranker | None:
        """Fit a copy of the ranker; ``None`` if nothing can be learnt.

        Its seed depends on the evaluations alone.
        """
        from sklearn.base import clone

        base = self.ranker if self.ranker is not None else acenas_ranker(whole_of(history.space))
        last = len(history)
        ends = np.cumsum([*self.sizes, self.top]).tolist() if self.carry_over else []
        ranker: Any = None
        for end in (*(end for end in ends if end < last), last):
            known = history.first(end)
            scores = known.scores[known.ok]
            if len(scores) < base.min_labels or np.ptp(scores) == 0:
                continue
            ranker = clone(base) if ranker is None else ranker.continued()
            ranker.set_params(seed=seed_of(known)[0] >> 1).fit(known.archs[known.ok], scores)
        found: Ranker | None = ranker
        return found

    def answer(self, history: History, *, pool: Literal["all", "top"] = "all") -> int:
        """Return which evaluation is the answer of a finished plan: its place in ``history``.

        Args:
            history: at least :attr:`budget` evaluations.
            pool: ``all`` is the best of all evaluations (algorithm 1, the released code, and what
                a study calls best); ``top`` the best of the ``top`` architectures that the ranker
                puts first after the rounds, whether they were evaluated before or not (section
                4.1).

        Raises:
            BudgetError: the plan is not finished.
        """
        if len(history) < self.budget:
            raise BudgetError(
                f"{type(self).__name__}: only {len(history)} of {self.budget} planned evaluations "
                "are done"
            )
        planned = history.first(self.budget)
        scores = np.where(planned.ok, planned.scores, -np.inf)
        if pool == "all":
            return int(scores.argmax())
        ranker = self._fitted(history.first(self.labels))
        if ranker is None:
            return int(scores.argmax())
        first = np.argsort(-ranker.predict(planned.archs), kind="stable")[: max(self.top, 1)]
        return int(first[scores[first].argmax()])

    # ---- weak labels -----------------------------------------------------------------------------

    def weak_archs(self, space: Space, *, rng: np.random.Generator) -> Archs:
        """Draw the architectures whose weak labels the ranker should be pretrained on: ``(n, d)``.

        4,000 of the space (section 4.1). With a band of latencies 10,000, half of them inside
        (appendix B.2).
        """
        if self.band is None:
            return distinct(space.sample(WEAK, rng=rng))
        half = WEAK_IN_BAND // 2
        free, inside = self.band.prior(half, rng=rng), self.band.sample(half, rng=rng)
        return distinct(np.concatenate([free, inside]))

    def describe(self) -> dict[str, Any]:
        """Return the name and the settings, including those of the ranker, as JSON values."""
        return {
            "strategy": "acenas",
            "ranker": "acenas" if self.ranker is None else describe_ranker(self.ranker),
            "budget": self.budget,
            "rounds": self.rounds,
            "initial": self.initial,
            "greedy": self.greedy,
            "top": self.top,
            "final": self.final,
            "band": None if self.band is None else self.band.describe(),
            "candidates": self.candidates,
            "skip_isomorphic": self.skip_isomorphic,
            "carry_over": self.carry_over,
        }


def acenas_ranker(space: Space) -> Ranker:
    """Make the ranker of AceNAS, not pretrained."""
    from archrank.rankers import RANKERS

    ranker: Ranker = RANKERS.get("acenas")(space)
    return ranker
