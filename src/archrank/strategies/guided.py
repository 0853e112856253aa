"""Guided search: learn to rank from what is evaluated, then evaluate what ranks highest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from archrank.errors import UnknownNameError
from archrank.strategies.acquisition import (
    ACQUISITIONS,
    Acquisition,
    expected_improvement,
    thompson,
    upper_confidence_bound,
)
from archrank.strategies.base import Strategy, require_positive
from archrank.strategies.fresh import distinct, is_new, remaining, sample_fresh
from archrank.strategies.history import History, feasible_first
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

PARENTS = 10  # the best found, whose mutants are candidates in a large space


class Guided(Strategy):
    """Seed with random architectures, then in each round refit, rank candidates, take the top.

    Candidates are the whole space while it is small, else random architectures and mutants of the
    best found. They are ranked by an acquisition function where the ranker knows its uncertainty,
    else by the prediction. With several
    objectives one ranker is fitted to each, and every pick weighs them at random (the augmented
    Chebyshev scalarisation of ParEGO, Knowles 2006, on predicted ranks), which spreads picks along
    the front.

    Args:
        ranker: any ranker; ``None`` takes archrank's default for the history's space.
        initial: random architectures evaluated before the first fit.
        batch_size: architectures per later round.
        explore: share of later picks that are random.
        acquisition: ``"ucb"`` (upper confidence bound), ``"ei"`` (expected improvement),
            ``"thompson"`` or ``"greedy"`` (the prediction alone); see
            :mod:`archrank.strategies.acquisition`.
        kappa: weight of the ranker's uncertainty in ``"ucb"``.
        candidates: spaces up to this size are ranked whole; else this many are generated.
        classes: evaluate no two isomorphic architectures while others are left.
    """

    def __init__(
        self,
        ranker: Ranker | None = None,
        *,
        initial: int = 5,
        batch_size: int = 2,
        explore: float = 0.0,
        acquisition: Acquisition = "ucb",
        kappa: float = 3.0,
        candidates: int = 20_000,
        classes: bool = True,
    ) -> None:
        if acquisition not in ACQUISITIONS:
            raise UnknownNameError("acquisition", acquisition, ACQUISITIONS)
        require_positive(self, initial=initial, batch_size=batch_size)
        self.ranker = ranker
        self.initial = initial
        self.batch_size = batch_size
        self.explore = explore
        self.acquisition = acquisition
        self.kappa = kappa
        self.candidates = candidates
        self.classes = classes

    def batch(self, history: History) -> int:
        """All random ones at once, then :attr:`batch_size`."""
        return max(self.initial - len(history), 0) or self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Random architectures at first, and while nothing can be learnt; else the top ranked."""
        targets = self._targets(history)
        if len(history) < self.initial or targets is None:
            return self._random(history, n, rng)
        candidates = self._candidates(history, rng)
        if len(candidates) == 0:  # only equivalents of evaluated architectures are left
            return self._random(history, n, rng)
        utilities = self._utilities(history, targets, candidates, rng)  # (k, m)
        picks = self._pick(history, candidates, utilities, n, rng)
        if len(picks) < n:
            extra = self._random(history, n - len(picks), rng, picks)
            picks = np.concatenate([picks, extra])
        return picks

    def _random(
        self, history: History, n: int, rng: np.random.Generator, taken: Archs | None = None
    ) -> Archs:
        return sample_fresh(history, n, rng=rng, taken=taken, classes=self.classes)

    def _targets(self, history: History) -> Floats | None:
        """Labels of the successful evaluations, ``(n_ok, m)``; None if too few, or constant."""
        ok = history.ok
        if ok.sum() < (2 if self.ranker is None else self.ranker.min_labels):
            return None
        columns = [
            feasible_first(history.objectives[ok, j], history.violation[ok])
            for j in range(history.objectives.shape[1])
        ]
        targets = np.stack(columns, axis=1)
        return None if (np.ptp(targets, axis=0) == 0).any() else targets

    def _candidates(self, history: History, rng: np.random.Generator) -> Archs:
        space = history.space
        if space.size <= self.candidates:
            pool = remaining(history)
        else:
            order = np.argsort(-history.scores, kind="stable")  # NaN, the failed ones, last
            best = order[: min(PARENTS, int(history.ok.sum()))]
            half = self.candidates // 2
            parents = history.archs[rng.choice(best, half)]
            rates = rng.choice([1.5, 3.0, 6.0], (half, 1)) / space.d  # near, and not so near
            mutants = space.mutate(parents, rng=rng, rate=rates)
            pool = distinct(np.concatenate([space.sample(half, rng=rng), mutants]))
            pool = pool[is_new(pool, history.archs)]
            pool = pool[history.allowed(pool)]
        if self.classes:
            pool = pool[is_new(space.canonical(pool), space.canonical(history.archs))]
        return pool

    def _utilities(
        self, history: History, targets: Floats, candidates: Archs, rng: np.random.Generator
    ) -> Floats:
        """How promising every candidate is on every objective: ``(k, m)``."""
        from sklearn.base import clone
        from threadpoolctl import threadpool_limits

        base = self.ranker if self.ranker is not None else default_ranker(history.space)
        archs = history.archs[history.ok]
        columns = []
        with threadpool_limits(1):  # the same sums in the same order on any number of cores
            for target in targets.T:
                ranker = clone(base).set_params(seed=int(rng.integers(2**31)))
                ranker.fit(archs, target)
                columns.append(self._utility(ranker, archs, candidates, rng))
        return np.stack(columns, axis=1)

    def _utility(
        self, ranker: Ranker, archs: Archs, candidates: Archs, rng: np.random.Generator
    ) -> Floats:
        """The acquisition function of one objective: ``(k,)``."""
        if not ranker.has_std or self.acquisition == "greedy":
            return ranker.predict(candidates)
        mean, std = ranker.predict(candidates, return_std=True)
        if self.acquisition == "ei":
            return expected_improvement(mean, std, float(ranker.predict(archs).max()))
        if self.acquisition == "thompson":
            return thompson(mean, std, rng)
        return upper_confidence_bound(mean, std, self.kappa)

    def _pick(
        self,
        history: History,
        candidates: Archs,
        utilities: Floats,
        n: int,
        rng: np.random.Generator,
    ) -> Archs:
        """Take ``n`` candidates one by one, none equivalent to another where that matters."""
        k, m = utilities.shape
        free: Bools = np.ones(k, dtype=bool)
        noise: Floats = np.asarray(rng.random(k))  # breaks ties
        quantiles = rankdata(utilities, axis=0) / k if m > 1 else utilities
        keys = history.space.canonical(candidates) if self.classes else candidates
        picks: list[int] = []
        while len(picks) < n and free.any():
            value: Floats = noise
            if rng.random() < self.explore:
                pass  # a random one
            elif m == 1:
                value = utilities[:, 0]
            else:
                weights = rng.dirichlet(np.ones(m))
                loss = weights * (1 - quantiles)  # Chebyshev distance to the ideal point
                value = -(loss.max(axis=1) + 0.05 * loss.sum(axis=1))
            order = np.lexsort((noise, np.where(free, value, -np.inf)))
            pick = int(order[-1])
            picks.append(pick)
            free &= ~(keys == keys[pick]).all(axis=1)
        return candidates[picks]

    def describe(self) -> dict[str, Any]:
        """Name and settings, the ranker's included."""
        return {
            "strategy": "guided",
            "ranker": "default" if self.ranker is None else describe_ranker(self.ranker),
            "initial": self.initial,
            "batch_size": self.batch_size,
            "explore": self.explore,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
            "candidates": self.candidates,
            "classes": self.classes,
        }


def default_ranker(space: Space) -> Ranker:
    """The default ranker, the one that measures best (see ``benchmarks/``)."""
    from archrank.rankers import RANKERS

    ranker: Ranker = RANKERS.get("default")(space)
    return ranker


def describe_ranker(ranker: Ranker) -> str:
    """Class and parameters that differ from the defaults, without the space and the seed."""
    params = ranker.get_params(deep=False)
    shown = ", ".join(f"{k}={v!r}" for k, v in params.items() if k not in ("space", "seed"))
    digest = getattr(getattr(ranker, "pretrained_", None), "digest", None)
    pretrained = f" pretrained on {digest}" if digest else ""
    return f"{type(ranker).__name__}({shown}){pretrained}"
