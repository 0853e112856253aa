"""Ensemble: several rankers as one, their disagreement as uncertainty.

Rankers speak different scales (standardised accuracies, pairwise logits), so each member's
predictions are standardised by their mean and sd over one reference sample of the space. The
sample is drawn at ``fit``; an architecture's score does not depend on what it is predicted with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from archrank.errors import ArchrankError, SpaceError
from archrank.rankers.base import Ranker
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space


class Ensemble(Ranker):
    """The weighted mean of rankers.

    The uncertainty of a prediction is ``sqrt(mean of the members' variances + variance of the
    members' means)``, in units of a member's sd over the space; members without ``return_std``
    count as certain. Members are cloned and seeded by ``seed``, their place and their own seed.

    Args:
        members: rankers of one space, fitted or not.
        weights: one per member, not negative; ``None`` weighs them equally.
        bootstrap: fit each member on its own resample of the labels. Makes copies of a
            deterministic ranker differ.
        reference: architectures in the sample that sets each member's scale.
        seed: seeds the members, the resamples and the reference sample.

    Example:
        >>> import numpy as np
        >>> from archrank.rankers.trees.random_forest import RandomForest
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(30, rng=np.random.default_rng(0))
        >>> ranker = Ensemble.of(RandomForest(space, trees=5), copies=3)
        >>> ranker.fit(archs, space.cost(archs)["macs"]).predict(archs[:2]).shape
        (2,)
        >>> ranker.set_params(member0__trees=7).members[0].trees
        7
    """

    has_std = True

    def __init__(
        self,
        members: Sequence[Ranker],
        weights: Sequence[float] | None = None,
        *,
        bootstrap: bool = False,
        reference: int = 512,
        seed: int = 0,
    ) -> None:
        self.members = members
        self.weights = weights
        self.bootstrap = bootstrap
        self.reference = reference
        self.seed = seed

    @classmethod
    def of(cls, ranker: Ranker, copies: int = 5, *, bootstrap: bool = False, seed: int = 0) -> Self:
        """``copies`` of one ranker that differ in their seeds, and in their labels if asked."""
        return cls([clone(ranker) for _ in range(copies)], bootstrap=bootstrap, seed=seed)

    @property
    def space(self) -> Space:  # type: ignore[override]  # the members' space, never set by itself
        """The space of the members.

        Raises:
            ArchrankError: no members.
        """
        if not len(self.members):
            raise ArchrankError("an Ensemble needs at least one member, got none")
        return self.members[0].space

    # ---- scikit-learn: member0, member1__trees, ... ----------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters; with ``deep`` also ``member0``, ``member0__trees`` and so on."""
        params: dict[str, Any] = super().get_params(deep=False)
        if deep:
            for i, member in enumerate(self.members):
                params[f"member{i}"] = member
                nested = member.get_params(deep=True)
                params |= {f"member{i}__{name}": value for name, value in nested.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of members by ``member0__trees=50``."""
        if "members" in params:
            self.members = params.pop("members")
        for i in range(len(self.members)):
            if f"member{i}" in params:
                members = list(self.members)
                members[i] = params.pop(f"member{i}")
                self.members = members
        super().set_params(**params)
        return self

    # ---- learning --------------------------------------------------------------------------------

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self.weights_ = self._checked_weights()
        rng = np.random.default_rng(self.seed)
        sample = self.space.sample(self.reference, rng=rng)
        self.members_: list[Ranker] = []
        scales = []
        for i, member in enumerate(self.members):
            rows = self._resample(scores, rng) if self.bootstrap else np.arange(len(scores))
            fitted = _reseeded(member, self.seed, i).fit(archs[rows], scores[rows])
            predicted = fitted.predict(sample)
            scales.append((predicted.mean(), predicted.std() or 1.0))  # 1 for a constant member
            self.members_.append(fitted)
        self.scales_ = np.array(scales)  # (members, 2): mean and sd over the reference sample

    def _checked_weights(self) -> Floats:
        """Weights that sum to one: ``(members,)``."""
        first = self.space.fingerprint()
        for i, member in enumerate(self.members):
            if member.space.fingerprint() != first:
                raise SpaceError(
                    f"members of an Ensemble share one space; member 0 has {first}, "
                    f"member {i} has {member.space.fingerprint()}"
                )
        if self.weights is None:
            return np.full(len(self.members), 1 / len(self.members))
        w = np.asarray(self.weights, dtype=np.float64)
        if w.shape != (len(self.members),) or not (w >= 0).all() or not 0 < w.sum() < np.inf:
            raise ArchrankError(
                f"an Ensemble of {len(self.members)} needs as many weights, not negative and not "
                f"all 0; got {self.weights!r}"
            )
        return np.asarray(w / w.sum())

    def _resample(self, scores: Floats, rng: np.random.Generator) -> Ints:
        """Rows drawn with repetition, not all of one score; all rows if that does not happen."""
        n = len(scores)
        for _ in range(20):
            rows = rng.integers(n, size=n)
            if np.ptp(scores[rows]) > 0:
                return rows
        return np.arange(n)

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        means = np.empty((len(self.members_), len(archs)))
        variances = np.zeros_like(means)
        for k, (member, (centre, scale)) in enumerate(
            zip(self.members_, self.scales_, strict=True)
        ):
            if return_std and member.has_std:
                mean, std = member.predict(archs, return_std=True)
                variances[k] = (std / scale) ** 2
            else:
                mean = member.predict(archs)
            means[k] = (mean - centre) / scale
        # einsum sums member by member: matmul would round differently for different batch sizes.
        mean = np.einsum("k,kn->n", self.weights_, means)
        if not return_std:
            return mean, None
        variances += (means - mean) ** 2
        return mean, np.sqrt(np.einsum("k,kn->n", self.weights_, variances))


def default_ensemble(space: Space, copies: int = 10, *, seed: int = 0) -> Ensemble:
    """What the name ``ensemble`` stands for: RankNAS on bootstraps of the labels.

    Pairwise boosting has no uncertainty of its own; its spread over resamples is one.
    """
    from archrank.rankers.trees.gbdt import RankNAS

    return Ensemble.of(RankNAS(space), copies, bootstrap=True, seed=seed)


def _reseeded(member: Ranker, seed: int, place: int) -> Ranker:
    """A clone whose seed follows from the ensemble's seed, its place and its own seed."""
    copy: Ranker = clone(member)
    own = copy.get_params(deep=False)
    if "seed" in own:
        state = np.random.SeedSequence([seed, place, own["seed"]]).generate_state(1)
        copy.set_params(seed=int(state[0] >> 1))  # 31 bits: LightGBM's seeds are int32
    return copy
