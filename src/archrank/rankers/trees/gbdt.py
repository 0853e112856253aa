"""Gradient-boosted trees with three objectives, on LightGBM.

* ``regression``: squared error on standardised scores with the settings of NAS-GBDT (Luo et al.,
  "Accuracy Prediction with Non-neural Model for Neural Architecture Search", 2020).
* ``lambdarank``: LambdaMART on graded relevance, the relevance of AceNAS (Zhang et al., 2021,
  section 3.2): the worst fifth counts as 0, the rest is graded 0..20 up to the best.
* ``pairwise``: RankNAS (Hu et al., 2021, Eqs. 2-6): cross entropy of every pair's order, fitted on
  per-architecture scores, so that the order is transitive.

With few labels, the normal case here, two of LightGBM's defaults would silently prevent learning.
They are replaced: a leaf holds at least ``max(1, min(5, n // 8))`` labels rather than 20, and the
sum of second derivatives in a leaf has no lower bound (LambdaMART normalises it to far below one).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from archrank.criteria import relevance
from archrank.errors import UnknownNameError
from archrank.rankers.base import Ranker
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Objective = Literal["regression", "lambdarank", "pairwise"]

PUBLISHED: dict[str, dict[str, Any]] = {
    "regression": {  # NAS-GBDT
        "rounds": 100,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "max_depth": -1,
        "feature_fraction": 0.9,
        "bagging_fraction": 0.8,
        "bagging_freq": 5,
    },
    "lambdarank": {"rounds": 100, "learning_rate": 0.1, "num_leaves": 30, "max_depth": 6},
    "pairwise": {"rounds": 100, "learning_rate": 0.1, "num_leaves": 30, "max_depth": 6},  # RankNAS
}
GRADES = 20  # AceNAS: relevance 0..20
MAX_QUERY = 2_000  # lambdarank compares within groups of this size; LightGBM's own bound is 10,000
MAX_PAIRS = 1_000_000  # pairs per boosting round, 8 MB per temporary array
MAX_VALID = 500  # largest number of held-out labels whose pairs are compared after each round
PATIENCE = 5  # RankNAS stops after 5 rounds without improvement
HELD_OUT = {"pairwise": 0.2, "regression": 0.1}  # shares of the labels, by loss of RankNAS
EARLY_STOPPING_FROM = 100  # labels; with fewer, holding some out costs more than it saves


class GBDT(Ranker):
    """Gradient-boosted trees on the space's features.

    Arguments that are ``None`` take the published value of the objective (:data:`PUBLISHED`).

    Args:
        space: The space of the architectures.
        objective: ``regression``, ``lambdarank`` or ``pairwise``.
        rounds: Number of trees; with early stopping, the largest number.
        learning_rate: Shrinkage of each tree.
        num_leaves: Leaves per tree.
        max_depth: Largest depth of a tree; -1 is unlimited.
        min_leaf: Smallest number of labels per leaf; ``None`` is ``max(1, min(5, n // 8))``.
        validation: Share of the labels to hold out for early stopping (after 5 rounds without
            improvement). Used by ``pairwise`` only, from 100 labels on; all labels are then used
            to grow the trees again. 0 grows all ``rounds``; ``None`` is 0.2.
        threads: Threads of LightGBM; results do not depend on it.
        seed: Seed of bags, feature subsets, held-out labels and sampled pairs.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(30, rng=np.random.default_rng(0))
        >>> ranker = GBDT(space, "pairwise").fit(archs, space.cost(archs)["macs"])
        >>> ranker.predict(archs[:3]).shape
        (3,)
    """

    def __init__(
        self,
        space: Space,
        objective: Objective = "regression",
        *,
        rounds: int | None = None,
        learning_rate: float | None = None,
        num_leaves: int | None = None,
        max_depth: int | None = None,
        min_leaf: int | None = None,
        validation: float | None = None,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.objective = objective
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.min_leaf = min_leaf
        self.validation = validation
        self.threads = threads
        self.seed = seed

    def _settings(self, n: int) -> tuple[dict[str, Any], int]:
        """Return LightGBM's parameters and the number of rounds for ``n`` labels."""
        if self.objective not in PUBLISHED:
            raise UnknownNameError("objective", self.objective, PUBLISHED)
        params = dict(PUBLISHED[self.objective])
        for name in ("rounds", "learning_rate", "num_leaves", "max_depth"):
            if getattr(self, name) is not None:
                params[name] = getattr(self, name)
        rounds = params.pop("rounds")
        params |= {
            "min_data_in_leaf": max(1, min(5, n // 8)) if self.min_leaf is None else self.min_leaf,
            "min_sum_hessian_in_leaf": 1e-6,  # with 0, rounding errors count as labels
            "min_data_in_bin": 1,
            "feature_pre_filter": False,
            "num_threads": self.threads,
            "seed": self.seed,
            "deterministic": True,
            "force_col_wise": True,
            "verbosity": -1,
        }
        return params, rounds

    def _inputs(self, archs: Archs) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.space.features(archs), dtype=np.float32)

    def _fit(self, archs: Archs, scores: Floats) -> None:
        params, rounds = self._settings(len(archs))
        x = self._inputs(archs)
        if self.objective == "regression":
            y = (scores - scores.mean()) / scores.std()
            data = lgb.Dataset(x, y)
            self.booster_ = lgb.train(params | {"objective": "regression"}, data, rounds)
        elif self.objective == "lambdarank":
            self.booster_ = self._lambdarank(params, rounds, x, scores)
        else:
            self.booster_ = self._pairwise(params, rounds, x, scores, self._share("pairwise"))

    def _share(self, loss: str) -> float:
        """Return the share of the labels that is held out for early stopping."""
        return HELD_OUT[loss] if self.validation is None else self.validation

    def _pairwise(
        self,
        params: dict[str, Any],
        rounds: int,
        x: NDArray[np.float32],
        scores: Floats,
        share: float,
    ) -> lgb.Booster:
        """Fit the loss on pairs, for as many rounds as a held-out share of the labels wants."""
        rounds = self._stop_at(params, rounds, x, scores, share=share)
        objective = pairwise_objective(scores, rng=np.random.default_rng([self.seed, 1]))
        return lgb.train(params | {"objective": objective}, lgb.Dataset(x, scores), rounds)

    def _lambdarank(
        self, params: dict[str, Any], rounds: int, x: NDArray[np.float32], scores: Floats
    ) -> lgb.Booster:
        """Fit LambdaMART to one group, or to random groups if one would be too long."""
        n = len(x)
        groups = -(-n // MAX_QUERY)
        order = np.random.default_rng(self.seed).permutation(n) if groups > 1 else np.arange(n)
        sizes = [len(part) for part in np.array_split(order, groups)]
        data = lgb.Dataset(x[order], grades(scores)[order], group=sizes)
        own = {
            "objective": "lambdarank",
            "label_gain": [2**grade - 1 for grade in range(GRADES + 1)],
            "lambdarank_truncation_level": max(sizes),  # the whole order counts, not its top 30
        }
        return lgb.train(params | own, data, rounds)

    def _stop_at(
        self,
        params: dict[str, Any],
        rounds: int,
        x: NDArray[np.float32],
        scores: Floats,
        *,
        share: float,
    ) -> int:
        """Return the number of rounds that is best on a held-out share of the labels.

        By the loss on pairs; by squared errors where ``params`` name an objective.
        """
        n = len(x)
        held = int(share * n)
        rng = np.random.default_rng([self.seed, 0])
        order = rng.permutation(n)
        valid, train = order[:held], order[held:]
        if n < EARLY_STOPPING_FROM or held < 2 or np.ptp(scores[valid]) == 0:
            return rounds
        if np.ptp(scores[train]) == 0:
            return rounds
        y = scores[valid]
        data = lgb.Dataset(x[train], scores[train])
        feval = None
        if "objective" not in params:
            objective = pairwise_objective(scores[train], rng=rng)
            params = params | {"objective": objective, "metric": "none"}

            def feval(s: Floats, _: lgb.Dataset) -> tuple[str, float, bool]:
                return "pair_loss", pair_loss(s[:MAX_VALID], y[:MAX_VALID]), False

        booster = lgb.train(
            params,
            data,
            rounds,
            valid_sets=[lgb.Dataset(x[valid], y, reference=data)],
            feval=feval,
            callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        )
        return max(1, booster.best_iteration)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        if len(archs) == 0:
            return np.zeros(0), None
        scores = self.booster_.predict(
            self._inputs(archs), raw_score=True, num_threads=self.threads
        )
        return np.asarray(scores, dtype=np.float64), None


class RankNAS(GBDT):
    """Ranker of RankNAS: gradient boosting of pairwise comparisons (Hu et al., 2021, section 3.1).

    :class:`GBDT` with ``objective="pairwise"`` and the published settings (section 4.1): learning
    rate 0.1, 30 leaves, depth 6, LightGBM's regularisation, early stopping after 5 rounds. It ranks
    losses and latencies alike: fit it to ``-loss`` or ``-latency_ms``.

    The paper does not say how a tree ensemble is fitted to pairs; here Eqs. 2-6 are a loss on the
    scores of single architectures. Two departures: leaves of fewer than LightGBM's 20 labels
    (``min_leaf=20`` is published), since from 50 labels nothing else could be learnt; and once
    early stopping has told the number of trees, they are grown again from all labels.

    ``loss="regression"`` is what public code that carries RankNAS's name does instead: squared
    errors of standardised labels, stopped on a tenth of them; predictions are in the unit of the
    labels.

    Args:
        space: The space of the architectures.
        loss: ``pairwise`` or ``regression``.
        rounds: Largest number of trees.
        min_leaf: Smallest number of labels per leaf, see :class:`GBDT`.
        validation: Share of the labels to hold out for early stopping; ``None``: 0.2, of
            ``regression`` 0.1.
        threads: Threads of LightGBM; results do not depend on it.
        seed: Seed of the held-out labels and the sampled pairs.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(30, rng=np.random.default_rng(0))
        >>> RankNAS(space).fit(archs, space.cost(archs)["macs"]).objective
        'pairwise'
    """

    def __init__(
        self,
        space: Space,
        *,
        loss: Literal["pairwise", "regression"] = "pairwise",
        rounds: int = 100,
        min_leaf: int | None = None,
        validation: float | None = None,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(
            space, "pairwise", rounds=rounds, min_leaf=min_leaf, threads=threads, seed=seed
        )
        self.loss = loss
        self.validation = validation

    def _fit(self, archs: Archs, scores: Floats) -> None:
        if self.loss not in HELD_OUT:
            raise UnknownNameError("loss", self.loss, HELD_OUT)
        params, rounds = self._settings(len(archs))
        share = self._share(self.loss)
        x = self._inputs(archs)
        self.centre_, self.spread_ = 0.0, 1.0
        if self.loss == "pairwise":
            self.booster_ = self._pairwise(params, rounds, x, scores, share)
            return
        self.centre_, self.spread_ = float(scores.mean()), float(scores.std())
        y = (scores - self.centre_) / self.spread_
        params = params | {"objective": "regression"}
        rounds = self._stop_at(params, rounds, x, y, share=share)
        self.booster_ = lgb.train(params, lgb.Dataset(x, y), rounds)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        scores, _ = super()._predict(archs, return_std)
        return scores * self.spread_ + self.centre_, None


def grades(scores: Floats) -> NDArray[np.int64]:
    """Round AceNAS's relevance, because LightGBM wants integers: ``(n,)`` in ``0..GRADES``."""
    found = relevance(scores, scale=GRADES, ties="two_levels")
    graded: NDArray[np.int64] = np.rint(found).astype(np.int64)
    return graded


def pair_loss(s: Floats, y: Floats) -> float:
    """Compute the mean cross entropy of all pairs (RankNAS, Eq. 5).

    ``s: (n,)`` are predicted scores, ``y: (n,)`` true ones.
    """
    difference = s[:, None] - s[None]  # (n, n)
    p = (np.sign(y[:, None] - y[None]) + 1) / 2  # 1 where i has the higher label, 1/2 for ties
    return float(((1 - p) * difference + np.logaddexp(0, -difference)).mean())


def pairwise_gradient(
    s: Floats, y: Floats, partners: NDArray[np.int64] | None = None
) -> tuple[Floats, Floats]:
    """Compute first and second derivatives of the summed pair loss by each score: ``(n,)`` each.

    ``grad_i = sum_j (sigma(s_i - s_j) - P_ij)``, ``hess_i = sum_j sigma (1 - sigma)``, over all
    ``j`` or over the ``partners: (n, k)`` of each ``i``. A pair of an architecture with itself
    adds nothing to the first and a constant to the second derivative.
    """
    sj, yj = (s[None], y[None]) if partners is None else (s[partners], y[partners])
    p = (np.sign(y[:, None] - yj) + 1) / 2  # (n, n) or (n, k)
    sigma = expit(s[:, None] - sj)
    return (sigma - p).sum(1), (sigma * (1 - sigma)).sum(1)


def pairwise_objective(
    scores: Floats, *, rng: np.random.Generator
) -> Callable[[Floats, lgb.Dataset], tuple[Floats, Floats]]:
    """Make the pair loss a LightGBM objective for ``scores: (n,)``.

    Above ``MAX_PAIRS`` pairs (1,000 scores), every architecture is compared with random partners
    that are drawn again in each round, so that memory stays linear in ``n``.
    """
    n = len(scores)

    def objective(s: Floats, _: lgb.Dataset) -> tuple[Floats, Floats]:
        partners = None
        if n * n > MAX_PAIRS:
            partners = rng.integers(n, size=(n, max(1, MAX_PAIRS // n)))
        return pairwise_gradient(np.asarray(s, dtype=np.float64), scores, partners)

    return objective
