"""Guided search: fit a ranker to the evaluations so far, then evaluate what it ranks highest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from archrank.errors import UnknownNameError
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
from archrank.strategies.history import History, feasible_first
from archrank.strategies.unseen import WALKED, rare_unseen, remaining, sample_unseen
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

PARENTS = 10  # in a large space, mutants of this many best architectures are candidates
FEW = 0.01  # share of candidates; where limits leave fewer, rare ones are looked for


class Guided(Strategy):
    """Search guided by a ranker: start at random, then refit, rank candidates and take the best.

    In a small space every architecture is a candidate. In a larger one, candidates are random
    architectures and mutants of the best architectures found. If the ranker predicts a standard
    deviation, candidates are ordered by an acquisition function, otherwise by the prediction.

    With several objectives, one ranker is fitted to each. Every pick weighs the objectives at
    random (the augmented Chebyshev scalarisation of ParEGO, Knowles 2006, on predicted ranks), so
    that the picks spread along the Pareto front.

    Args:
        ranker: Any ranker; ``None`` takes archrank's default ranker for the space.
        initial: Random architectures that are evaluated before the first fit.
        batch_size: Architectures per later round.
        explore: Share of later picks that are random, 0 to 1.
        acquisition: ``"ucb"`` (upper confidence bound), ``"ei"`` (expected improvement),
            ``"thompson"`` (Thompson sampling) or ``"greedy"`` (the prediction alone); see
            :mod:`archrank.strategies.acquisition`.
        kappa: Weight of the predicted standard deviation in ``"ucb"``.
        candidates: Spaces up to this size are ranked as a whole; in larger ones, this many
            candidates are generated per round.
        skip_isomorphic: Evaluate no two isomorphic architectures as long as there are others.

    Raises:
        UnknownNameError: No acquisition function has that name.
        BudgetError: ``initial`` or ``batch_size`` below 1.
    """

    adaptive = True

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
        skip_isomorphic: bool = True,
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
        self.skip_isomorphic = skip_isomorphic

    def batch(self, history: History) -> int:
        """Return the random architectures that are still missing, then :attr:`batch_size`."""
        return max(self.initial - len(history), 0) or self.batch_size

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        """Propose random architectures until a ranker can be fitted, then the best candidates."""
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

    def _candidates(self, history: History, rng: np.random.Generator) -> Archs:
        space = history.space
        if space.size <= self.candidates:
            pool = remaining(history)
        else:
            order = np.argsort(-history.scores, kind="stable")  # failed ones (NaN) come last
            best = order[: min(PARENTS, int(history.ok.sum()))]
            half = self.candidates // 2
            parents = history.archs[rng.choice(best, half)]
            rates = (
                rng.choice([1.5, 3.0, 6.0], (half, 1)) / space.d
            )  # expected number of changed decisions: 1.5, 3 or 6
            mutants = space.mutate(parents, rng=rng, rate=rates)
            pool = distinct(np.concatenate([space.sample(half, rng=rng), mutants]))
            pool = pool[is_new(pool, history.archs)]
            pool = pool[history.allowed(pool)]
            if len(pool) < FEW * self.candidates:
                rare = rare_unseen(history, WALKED, rng=rng, taken=pool)
                pool = np.concatenate([pool, rare[: self.candidates]])
        if self.skip_isomorphic:
            pool = pool[is_new(space.canonical(pool), history.canonical)]
        return pool

    def _utilities(
        self, history: History, targets: Floats, candidates: Archs, rng: np.random.Generator
    ) -> Floats:
        """Compute the acquisition value of every candidate on every objective: ``(k, m)``."""
        from sklearn.base import clone
        from threadpoolctl import threadpool_limits

        base = self.ranker if self.ranker is not None else default_ranker(history.space)
        archs = history.archs[history.ok]
        columns = []
        with threadpool_limits(1):  # sums must not depend on the number of cores
            for target in targets.T:
                ranker = clone(base).set_params(seed=int(rng.integers(2**31)))
                ranker.fit(archs, target)
                columns.append(self._utility(ranker, archs, candidates, rng))
        return np.stack(columns, axis=1)

    def _utility(
        self, ranker: Ranker, archs: Archs, candidates: Archs, rng: np.random.Generator
    ) -> Floats:
        """Compute the acquisition value of every candidate on one objective: ``(k,)``."""
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
        """Pick ``n`` candidates one by one; with ``skip_isomorphic``, no two isomorphic ones."""
        k, m = utilities.shape
        free: Bools = np.ones(k, dtype=bool)
        noise: Floats = np.asarray(rng.random(k))  # breaks ties
        quantiles = rankdata(utilities, axis=0) / k if m > 1 else utilities
        keys = history.space.canonical(candidates) if self.skip_isomorphic else candidates
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
        """Return the name and the settings, including those of the ranker, as JSON values."""
        return {
            "strategy": "guided",
            "ranker": "default" if self.ranker is None else describe_ranker(self.ranker),
            "initial": self.initial,
            "batch_size": self.batch_size,
            "explore": self.explore,
            "acquisition": self.acquisition,
            "kappa": self.kappa,
            "candidates": self.candidates,
            "skip_isomorphic": self.skip_isomorphic,
        }


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
