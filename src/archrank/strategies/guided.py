"""Guided search: fit a ranker to the evaluations so far, then evaluate what it ranks highest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from archrank.checks import whole
from archrank.errors import BudgetError, UnknownNameError
from archrank.identity import json_value
from archrank.rows import distinct, is_new
from archrank.strategies.acquisition import (
    ACQUISITIONS,
    Acquisition,
    expected_improvement,
    thompson,
    upper_confidence_bound,
)
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.climb import climb
from archrank.strategies.failing import hopeful
from archrank.strategies.history import History, feasible_first
from archrank.strategies.inside import whole_of
from archrank.strategies.region import BUILT
from archrank.strategies.shortlist import (
    PAIRS,
    Shortlist,
    chebyshev,
    last_fit,
    learnt_from,
    most_promising,
    seed_of,
    until_next,
)
from archrank.strategies.unseen import WALKED, rare_unseen, remaining, sample_unseen
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

INITIAL, FORESEEN = 5, 3  # first evaluations: of nothing but chance; spread over weak labels
WEAK_UNTIL = 12  # labels from which on weak ones hinder more than they help
POOL = 32  # architectures to choose each of the latter from
PARENTS = 10  # in a large space, mutants of this many best architectures are candidates
KEPT = 1000  # candidates that are followed in a long run
MUTANTS = 256  # of these, new in every round of a long run
FEW = 0.01  # share of candidates; where limits leave fewer, rare ones are looked for


class Guided(Strategy):
    """Search guided by a ranker: start at random, then refit, rank candidates and take the best.

    In a small space every architecture is a candidate. In a larger one, candidates are random
    architectures and mutants of the best architectures found. If the ranker predicts a standard
    deviation, candidates are ordered by an acquisition function, otherwise by the prediction.

    Weak labels, where the ranker was pretrained with some and can foresee an order by them, choose
    the first architectures and help to rank until there are :attr:`weak_until` labels; from then
    on the ranker predicts without them, and keeps only what they taught about architectures
    (:meth:`.Ranker.without_weak_labels`).

    What is expected to fail, as others that were like it did, is proposed last
    (:mod:`archrank.strategies.failing`).

    With several objectives, one ranker is fitted to each. Every pick weighs the objectives at
    random (the augmented Chebyshev scalarisation of ParEGO, Knowles 2006, on predicted ranks), so
    that the picks spread along the Pareto front.

    Args:
        ranker: Any ranker; ``None`` takes archrank's default ranker for the space.
        initial: Architectures that are evaluated before the first fit. They are random; a ranker
            with weak labels makes them spread over these, one random architecture in each of
            ``initial`` parts of equal size. ``None`` takes 5, or 3 where there are weak labels.
        weak_until: From this number of labels on, a ranker with weak labels predicts without them;
            ``None`` keeps them. Only rankers that can foresee (:attr:`.Ranker.can_foresee`) change.
        batch_size: Architectures per later round.
        explore: Share of later picks that are random, 0 to 1.
        acquisition: ``"ucb"`` (upper confidence bound), ``"ei"`` (expected improvement),
            ``"thompson"`` (Thompson sampling) or ``"greedy"`` (the prediction alone); see
            :mod:`archrank.strategies.acquisition`.
        kappa: Weight of the predicted standard deviation in ``"ucb"``.
        candidates: Spaces up to this size are ranked as a whole; in larger ones, this many
            candidates are generated per round. At most 512 where the cost of each has to be counted
            by building its network.
        local_search: Steps in which half of the candidates of a large space are made: mutants of
            the others that the ranker values most, then of the best of all these, and so on
            (:mod:`archrank.strategies.climb`). 0, the default, makes none: on the large spaces at
            hand it helped nowhere, since the highest values are often those of the least known.
        skip_isomorphic: Evaluate no two isomorphic architectures as long as there are others.
        exact: Up to this many evaluations, every round fits the ranker to all of them and ranks all
            candidates. In longer runs rankers that can, as the default one, are fitted after every
            6 to 128 more evaluations, ever more seldom, to 1,024 of them at most; between two fits
            the best 1,000 candidates and mutants of the best architectures are ranked, by
            predictions that learn every new label but keep their hyper-parameters
            (:mod:`archrank.strategies.shortlist`). The cost of a round is then bounded.

    Raises:
        UnknownNameError: No acquisition function has that name.
        BudgetError: ``initial``, ``weak_until``, ``batch_size`` or ``exact`` below 1, or
            ``local_search`` below 0.
    """

    adaptive = True

    def __init__(
        self,
        ranker: Ranker | None = None,
        *,
        initial: int | None = None,
        weak_until: int | None = WEAK_UNTIL,
        batch_size: int = 2,
        explore: float = 0.0,
        acquisition: Acquisition = "ucb",
        kappa: float = 3.0,
        candidates: int = 20_000,
        local_search: int = 0,
        skip_isomorphic: bool = True,
        exact: int = 200,
    ) -> None:
        if not isinstance(acquisition, str) or acquisition not in ACQUISITIONS:
            raise UnknownNameError("acquisition", acquisition, ACQUISITIONS)
        optional = {"initial": initial, "weak_until": weak_until}
        given = {name: value for name, value in optional.items() if value is not None}
        require_positive(self, **given, batch_size=batch_size, exact=exact)
        self.ranker = ranker
        self._initial = initial
        self.weak_until = weak_until
        self.batch_size = batch_size
        self.explore = explore
        self.acquisition = acquisition
        self.kappa = kappa
        self.candidates = candidates
        self.local_search = whole(
            local_search, "Guided: local_search", at_least=0, error=BudgetError
        )
        self.skip_isomorphic = skip_isomorphic
        self.exact = exact
        self._kept: Shortlist | None = None  # saves time, and changes no proposal

    @property
    def initial(self) -> int:
        """Number of architectures that are evaluated before the first fit."""
        if self._initial is not None:
            return self._initial
        return FORESEEN if self._foresees else INITIAL

    @property
    def _foresees(self) -> bool:
        return self.ranker is not None and self.ranker.can_foresee

    def batch(self, history: History) -> int:
        """Return the random architectures that are still missing, then :attr:`batch_size`."""
        return max(self.initial - len(history), 0) or self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose random architectures until a ranker can be fitted, then the best candidates."""
        from threadpoolctl import threadpool_limits

        targets = self._targets(history)
        if len(history) < self.initial or targets is None:
            return self._first(history, n, rng)
        with threadpool_limits(1):  # sums must not depend on the number of cores
            picks = self._follow(history, targets, n, rng)
            if picks is None:
                picks = self._rank(history, targets, n, rng)
        if len(picks) < n:
            extra = self._random(history, n - len(picks), rng, picks)
            picks = np.concatenate([picks, extra])
        return picks

    def _first(self, history: History, n: int, rng: np.random.Generator) -> Archs:
        """Draw at random; if the ranker foresees an order, one in each of :attr:`initial` parts."""
        if self.ranker is None or not self._foresees or len(history) >= self.initial:
            return self._random(history, n, rng)
        pool = self._random(history, POOL * self.initial, rng)
        order = np.argsort(self.ranker.foresee(pool), kind="stable")
        parts = np.array_split(order, self.initial)[len(history) : len(history) + n]
        picks = pool[[rng.choice(part) for part in parts if len(part)]]
        if len(picks) == n:
            return picks
        return np.concatenate([picks, self._random(history, n - len(picks), rng, picks)])

    # ---- up to `exact` evaluations: everything anew ----------------------------------------------

    def _rank(self, history: History, targets: Floats, n: int, rng: np.random.Generator) -> Archs:
        """Fit to all evaluations, rank all candidates and pick up to ``n``."""
        archs = history.archs[history.ok]
        _, candidates, utilities = self._ranked(history, archs, targets, self.candidates, rng)
        if len(candidates) == 0:
            return candidates
        several = utilities.shape[1] > 1
        quantiles = rankdata(utilities, axis=0) / len(candidates) if several else utilities
        everything = np.ones(len(candidates), dtype=bool)
        return self._pick(history, candidates, utilities, quantiles, everything, n, rng)

    def _ranked(
        self, history: History, archs: Archs, targets: Floats, most: int, rng: np.random.Generator
    ) -> tuple[list[Ranker], Archs, Floats]:
        """Fit a ranker to each objective, and rank candidates.

        Args:
            history: Evaluations so far.
            archs: What is learnt from: ``(r, d)``.
            targets: Its labels: ``(r, m)``.
            most: Number of candidates in a large space.
            rng: Source of randomness.

        Returns:
            The rankers, the candidates ``(k, d)`` and their acquisition values ``(k, m)``.
        """
        listed = self._listed(history)
        most = min(most, listed)
        steps = self.local_search if history.space.size > listed else 0
        mutants = most // 2 // steps if steps else 0
        candidates = self._candidates(history, most - steps * mutants, rng)
        if len(candidates) == 0:  # only equivalents of evaluated architectures are left
            return [], candidates, np.zeros((0, targets.shape[1]))
        rankers = [self._fitted(history.space, archs, target, rng) for target in targets.T]

        def value(some: Archs) -> Floats:
            return np.stack([self._utility(r, archs, some, rng) for r in rankers], axis=1)

        found = climb(
            history,
            candidates,
            value(candidates),
            value,
            steps=steps,
            mutants=mutants,
            skip_isomorphic=self.skip_isomorphic,
            rng=rng,
        )
        return rankers, *found

    def _listed(self, history: History) -> int:
        """Return the number of candidates that a round can rank."""
        return min(self.candidates, BUILT) if history.region.slow else self.candidates

    def _random(
        self, history: History, n: int, rng: np.random.Generator, taken: Archs | None = None
    ) -> Archs:
        return sample_unseen(history, n, rng=rng, taken=taken, skip_isomorphic=self.skip_isomorphic)

    def _targets(self, history: History) -> Floats | None:
        """Return the labels to learn, ``(n_ok, m)``; ``None`` if too few, or all the same."""
        ok = history.ok
        if ok.sum() < (2 if self.ranker is None else self.ranker.min_labels):
            return None
        columns = [
            feasible_first(history.objectives[ok, j], history.violation[ok])
            for j in range(history.objectives.shape[1])
        ]
        targets = np.stack(columns, axis=1)
        return None if (np.ptp(targets, axis=0) == 0).any() else targets

    def _candidates(self, history: History, most: int, rng: np.random.Generator) -> Archs:
        """Return all architectures of a small space, up to ``most`` of a large one: ``(k, d)``."""
        space = history.space
        if space.size <= self._listed(history):
            pool = remaining(history)
        else:
            half = most // 2
            mutants = self._mutants(history, half, rng)
            pool = distinct(np.concatenate([space.sample(half, rng=rng), mutants]))
            pool = pool[is_new(pool, history.archs)]
            pool = pool[history.allowed(pool)]
            if len(pool) < FEW * most:
                rare = rare_unseen(history, WALKED, rng=rng, taken=pool)
                pool = np.concatenate([pool, rare[:most]])
        if self.skip_isomorphic:
            pool = pool[is_new(space.canonical(pool), history.canonical)]
        return pool[hopeful(history, pool)]

    def _mutants(self, history: History, n: int, rng: np.random.Generator) -> Archs:
        """Mutate the best architectures, ``(n, d)``: 1.5, 3 or 6 decisions of each, on average."""
        order = np.argsort(-history.scores, kind="stable")  # failed ones (NaN) come last
        best = order[: min(PARENTS, int(history.ok.sum()))]
        parents = history.archs[rng.choice(best, n)]
        rates = np.minimum(rng.choice([1.5, 3.0, 6.0], (n, 1)) / history.space.d, 1.0)
        return history.space.mutate(parents, rng=rng, rate=rates)

    def _fitted(
        self, space: Space, archs: Archs, target: Floats, rng: np.random.Generator
    ) -> Ranker:
        """Fit a copy of the ranker to labels ``target: (n,)`` of ``archs: (n, d)``."""
        base = self._base(space)
        if base.can_foresee and self.weak_until is not None and len(archs) >= self.weak_until:
            base = base.without_weak_labels()
        ranker: Ranker = base.for_search().set_params(seed=int(rng.integers(2**31)))
        return ranker.fit(archs, target)

    def _base(self, space: Space) -> Ranker:
        return self.ranker if self.ranker is not None else default_ranker(whole_of(space))

    def _utility(
        self, ranker: Ranker, archs: Archs, candidates: Archs, rng: np.random.Generator
    ) -> Floats:
        """Compute the acquisition value of every candidate on one objective: ``(k,)``."""
        if not ranker.has_std or self.acquisition == "greedy":
            return ranker.predict(candidates)
        mean, std = ranker.predict(candidates, return_std=True)
        return self._value(mean, std, lambda: ranker.predict(archs), rng)

    def _value(
        self,
        mean: Floats,
        std: Floats,
        fitted: Callable[[], Floats],
        rng: np.random.Generator,
    ) -> Floats:
        """Compute the acquisition value of predictions, ``(k,)``; ``fitted`` of known labels."""
        if self.acquisition == "greedy":
            return mean
        if self.acquisition == "ei":
            return expected_improvement(mean, std, float(fitted().max()))
        if self.acquisition == "thompson":
            return thompson(mean, std, rng)
        return upper_confidence_bound(mean, std, self.kappa)

    def _pick(
        self,
        history: History,
        candidates: Archs,
        utilities: Floats,
        quantiles: Floats,
        random: Bools,
        n: int,
        rng: np.random.Generator,
    ) -> Archs:
        """Pick ``n`` candidates one by one; with ``skip_isomorphic``, no two isomorphic ones.

        Args:
            history: Evaluations so far.
            candidates: ``(k, d)``.
            utilities: Their acquisition values on every objective: ``(k, m)``.
            quantiles: Shares of all candidates that these are above: ``(k, m)``.
            random: Marks those that a random pick takes: ``(k,)``.
            n: Number of picks.
            rng: Source of randomness.
        """
        k, m = utilities.shape
        free: Bools = np.ones(k, dtype=bool)
        noise: Floats = np.asarray(rng.random(k))  # breaks ties
        keys = history.space.canonical(candidates) if self.skip_isomorphic else candidates
        picks: list[int] = []
        while len(picks) < n and free.any():
            if rng.random() < self.explore:
                value = np.where(random, noise, -1.0)
            elif m == 1:
                value = utilities[:, 0]
            else:
                value = chebyshev(quantiles, rng.dirichlet(np.ones(m)))
            order = np.lexsort((noise, np.where(free, value, -np.inf)))
            pick = int(order[-1])
            picks.append(pick)
            free &= ~(keys == keys[pick]).all(axis=1)
        return candidates[picks]

    # ---- beyond `exact` evaluations: a shortlist is followed -------------------------------------

    def _follow(
        self, history: History, targets: Floats, n: int, rng: np.random.Generator
    ) -> Archs | None:
        """Pick up to ``n`` of a shortlist and new mutants; ``None`` if there is no shortlist."""
        shortlist = self._shortlist(history, targets)
        if shortlist is None:
            return None
        new = self._new(history, shortlist.archs, n, rng)
        columns = []
        for forecast in shortlist.forecasts:
            old, young = forecast.watched(), forecast.predict(new)
            mean, std = (np.concatenate(parts) for parts in zip(old, young, strict=True))
            columns.append(self._value(mean, std, forecast.fitted, rng))
        utilities = np.stack(columns, axis=1)
        candidates = np.concatenate([shortlist.archs, new])
        random = np.arange(len(candidates)) >= len(candidates) - n  # what `_new` put last
        if self.skip_isomorphic:
            free = is_new(history.space.canonical(candidates), history.canonical)
        else:
            free = is_new(candidates, history.archs)
        free[free] = hopeful(history, candidates[free])
        self._kept = shortlist
        return self._pick(
            history,
            candidates[free],
            utilities[free],
            shortlist.quantiles(utilities[free]),
            random[free],
            n,
            rng,
        )

    def _new(self, history: History, known: Archs, n: int, rng: np.random.Generator) -> Archs:
        """Return mutants of the best and, last, ``n`` random ones if any are wanted: ``(k, d)``."""
        keys = history.space.canonical if self.skip_isomorphic else np.asarray
        seen = history.canonical if self.skip_isomorphic else history.archs
        mutants = self._mutants(history, MUTANTS, rng)
        mutants = distinct(mutants, keys(mutants))
        mutants = mutants[is_new(keys(mutants), np.concatenate([seen, keys(known)]))]
        mutants = mutants[history.allowed(mutants)]
        if not self.explore:
            return mutants
        return np.concatenate([mutants, self._random(history, n, rng, mutants)])

    def _shortlist(self, history: History, targets: Floats) -> Shortlist | None:
        """Return the shortlist of the last fit, which has learnt everything since."""
        ok = np.flatnonzero(history.ok)
        if len(ok) < self.exact or not self._base(history.space).can_follow:
            return None
        at = last_fit(len(ok), self.exact)
        since = history.archs[ok[at:]]
        before = history.first(int(ok[at - 1]) + 1)
        key = self._key(before)
        kept, self._kept = self._kept, None  # for nobody else, should threads share the strategy
        if kept is None or not kept.knows(key, before, since):
            kept = self._shorten(before, key, until_next(at, self.exact))
        if kept is not None:
            kept.learn(since, targets)
        return kept

    def _key(self, history: History) -> bytes:
        """Return a digest of all that a shortlist depends on."""
        settings = f"{self.describe()!r}{history.space.fingerprint()}"
        digest = hashlib.blake2b(settings.encode(), digest_size=16)
        for column in (history.archs, history.objectives, history.violation):
            digest.update(np.ascontiguousarray(column).tobytes())
        return digest.digest()

    def _shorten(self, history: History, key: bytes, room: int) -> Shortlist | None:
        """Fit to ``history``, rank all candidates and keep the best; ``None`` without any."""
        targets = self._targets(history)
        if targets is None:
            return None
        rng = np.random.default_rng(seed_of(history))
        rows = learnt_from(history)
        if (np.ptp(targets[rows], axis=0) == 0).any():
            return None
        archs = history.archs[history.ok][rows]
        rankers, pool, utilities = self._ranked(
            history, archs, targets[rows], PAIRS // len(rows), rng
        )
        if len(pool) == 0:
            return None
        best = pool[most_promising(utilities, rng, KEPT)]
        forecasts = [ranker.follow(best, room) for ranker in rankers]
        return Shortlist(key, history, best, rows, np.sort(utilities, axis=0), forecasts, best[:0])

    def describe(self) -> dict[str, Any]:
        """Return the name and the settings, including those of the ranker, as JSON values."""
        return {
            "strategy": "guided",
            "ranker": "default" if self.ranker is None else describe_ranker(self.ranker),
            "initial": self.initial,
            **({"weak_until": self.weak_until} if self._foresees else {}),
            "batch_size": self.batch_size,
            "explore": self.explore,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
            "candidates": self.candidates,
            **({"local_search": self.local_search} if self.local_search else {}),
            "skip_isomorphic": self.skip_isomorphic,
            "exact": self.exact,
        }

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": None}


def default_ranker(space: Space) -> Ranker:
    """Make the default ranker, which did best in the measurements of ``benchmarks/README.md``."""
    from archrank.rankers import RANKERS

    ranker: Ranker = RANKERS.get("default")(space)
    return ranker


def describe_ranker(
    ranker: Ranker, leave_out: tuple[str, ...] = ("space", "seed")
) -> dict[str, Any]:
    """Describe a ranker by its class and parameters, as JSON values.

    Args:
        ranker: Any ranker; rankers that it consists of are described with their seeds.
        leave_out: Names of parameters that do not matter.
    """
    found: dict[str, Any] = {"class": type(ranker).__name__}
    for name, value in ranker.get_params(deep=False).items():
        if name not in leave_out:
            found[name] = _parameter(value)
    digest = getattr(getattr(ranker, "pretrained_", None), "digest", None)
    return found | ({"pretrained_on": digest} if digest else {})


def _parameter(value: Any) -> Any:
    """Describe a parameter of a ranker, which may be rankers itself."""
    if isinstance(value, list | tuple):
        return [_parameter(v) for v in value]
    return describe_ranker(value, ("space",)) if hasattr(value, "get_params") else json_value(value)
