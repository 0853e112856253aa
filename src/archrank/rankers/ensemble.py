"""Ensembles: several rankers combined into one, with their disagreement as uncertainty.

Rankers predict on different scales (standardised accuracies, pairwise logits). Each member's
predictions are therefore standardised by their mean and standard deviation over one reference
sample of the space, drawn at ``fit``. An architecture's score does not depend on the other
architectures of the same ``predict``.
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
    """Weighted mean of several rankers.

    The standard deviation of a prediction is ``sqrt(mean of the members' variances + variance of
    the members' means)``, in units of a member's standard deviation over the space. The variance
    of members without ``return_std`` counts as 0. Members are cloned before they are fitted.

    Args:
        members: Rankers of one space, fitted or not.
        weights: One number >= 0 per member; ``None`` gives all the same weight.
        bootstrap: Fit each member to its own resample of the labels, which makes even copies of a
            deterministic ranker differ.
        reference: Number of architectures in the sample that sets the scale of each member.
        seed: Seed of the resamples, of the reference sample and, together with a member's position
            and own seed, of the members.

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
        """Make an ensemble of ``copies`` of one ranker with different seeds.

        With ``bootstrap``, each copy is fitted to its own resample of the labels.
        """
        return cls([clone(ranker) for _ in range(copies)], bootstrap=bootstrap, seed=seed)

    @property
    def space(self) -> Space:  # type: ignore[override]  # read-only: it is the space of the members
        """Space of the members.

        Raises:
            ArchrankError: The ensemble has no members.
        """
        if not len(self.members):
            raise ArchrankError("an Ensemble needs at least one member, got none")
        return self.members[0].space

    # ---- scikit-learn: member0, member1__trees, ... ----------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with ``deep`` also ``member0``, ``member0__trees`` and so on."""
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
        """Return the weights, scaled to sum to one: ``(members,)``."""
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
        """Draw rows with replacement: ``(n,)``.

        Draws again if all drawn scores are equal; returns every row once if that keeps happening.
        """
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
    """Make the ranker that is registered as ``ensemble``: RankNAS on resamples of the labels.

    RankNAS predicts no standard deviation; its spread over resamples serves as one.
    """
    from archrank.rankers.trees.gbdt import RankNAS

    return Ensemble.of(RankNAS(space), copies, bootstrap=True, seed=seed)


def _reseeded(member: Ranker, seed: int, place: int) -> Ranker:
    """Clone a member; its seed is derived from ``seed``, ``place`` and the member's own seed."""
    copy: Ranker = clone(member)
    own = copy.get_params(deep=False)
    if "seed" in own:
        state = np.random.SeedSequence([seed, place, own["seed"]]).generate_state(1)
        copy.set_params(seed=int(state[0] >> 1))  # 31 bits: LightGBM's seeds are int32
    return copy
