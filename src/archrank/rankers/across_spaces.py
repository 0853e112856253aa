"""A ranker across spaces: it learns scores of one space's cells and ranks the cells of another.

It sees features that mean the same in both (:mod:`archrank.spaces.common`), in two views: as they
are, since three convolutions on a path are three everywhere, and as places among the features of a
random sample of their own space, since what counts as many differs. Costs, which depend on the
space's networks, are compared within their own space in both.

Scores become normal scores of their ranks, and support vector regression with a wide Gaussian
kernel learns them: its loss forgives the few architectures that only the source has, and beyond
what the source has seen it returns to the mean. What the source teaches about size is taught by its
own task, and a small task rewards size less than most do; so a part of a prediction is the place of
the architecture by parameters, higher for more.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from archrank.checks import whole
from archrank.errors import BudgetError, SettingsError
from archrank.rankers.base import NotFittedError, check_scores
from archrank.rankers.kit.targets import normal_scores
from archrank.spaces.common import COMMON_NAMES, SIZES
from archrank.tables.arrays import digest
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space

SIZE = 0.2  # share of a prediction that is size
MOST = 2000  # labels of the source that are learnt, drawn at random where there are more
REFERENCE = 2000  # architectures that say what is common in a space
WIDTH = 0.3  # of the Gaussian kernel, over the number of features
PENALTY = 1.0  # of errors
FAR = 3.0  # standard deviations of the source within which features are kept
PARAMS = COMMON_NAMES.index("size:log params")


@dataclass(frozen=True, eq=False)
class _Reference:
    """Features that are common in a space.

    Attributes:
        sorted: features of a random sample, each column sorted: ``(r, f)``.
        centre: mean and standard deviation of what the source predicts for the sample.
    """

    sorted: Floats
    centre: tuple[float, float] = (0.0, 1.0)

    def places(self, features: Floats) -> Floats:
        """Return normal scores of features among those of the sample: ``(n, f)``."""
        r = len(self.sorted)
        columns = [
            np.searchsorted(own, column, "left") + np.searchsorted(own, column, "right")
            for own, column in zip(self.sorted.T, features.T, strict=True)
        ]
        shares = np.stack(columns, axis=1) / (2 * r)
        found: Floats = ndtri(np.clip(shares, 0.5 / r, 1 - 0.5 / r))
        return found

    def views(self, features: Floats) -> Floats:
        """Return features as they are and as places: ``(n, 2 f)``."""
        plain, sizes = features.copy(), self.sorted[:, -SIZES:]
        plain[:, -SIZES:] -= sizes.mean(axis=0)
        plain[:, -SIZES:] /= np.maximum(sizes.std(axis=0), 1e-9)
        return np.concatenate([plain, self.places(features)], axis=1)


class AcrossSpaces:
    """Ranker that learns from one space of cells and ranks any other, without a label of it.

    Args:
        source: Space of the architectures that are learnt.
        size: Share of a prediction that is the place by parameters instead of what was learnt.
        seed: Seed of the choice among more than 2,000 labels.

    Attributes:
        digest: Of what was learnt; empty before.

    Raises:
        SettingsError: ``size`` is not from 0 to 1.
        SpaceError: Other spaces share no features of ``source``.

    Example:
        >>> from archrank.spaces import NASBench101, NASBench201
        >>> source, target = NASBench201(), NASBench101()
        >>> rng = np.random.default_rng(0)
        >>> archs = source.sample(60, rng=rng)
        >>> across = AcrossSpaces(source).fit(archs, source.cost(archs)["macs"])
        >>> cells = target.sample(100, rng=rng)
        >>> macs = target.cost(cells)["macs"]
        >>> bool(np.corrcoef(across.predict(target, cells), macs)[0, 1] > 0.5)
        True
    """

    def __init__(self, source: Space, *, size: float = SIZE, seed: int = 0) -> None:
        if not 0 <= size <= 1:
            raise SettingsError(f"AcrossSpaces: size is a share from 0 to 1, got {size}")
        self._source = source
        self.size = size
        self.seed = seed
        self.digest = ""
        self._references: dict[str, _Reference] = {}

    @property
    def source(self) -> Space:
        """Space of the architectures that are learnt."""
        return self._source

    def fit(self, archs: NDArray[np.generic], scores: ArrayLike) -> Self:
        """Learn from ``archs: (n, d)`` of the source and their ``scores: (n,)``, higher is better.

        Raises:
            ArchitectureError: An architecture is not of the source.
            LabelError: Scores are NaN, all equal, fewer than two, or not one per architecture.
        """
        from sklearn.svm import SVR

        rows = self.source.validate(archs)
        y = check_scores(scores, len(rows), 2, "AcrossSpaces")
        if len(rows) > MOST:
            some = np.random.default_rng(self.seed).choice(len(rows), MOST, replace=False)
            rows, y = rows[some], y[some]
        self._references.clear()
        reference = _Reference(np.sort(_draw(self.source), axis=0))
        views = reference.views(_features(self.source, rows))
        self._mean, self._spread = views.mean(axis=0), np.maximum(views.std(axis=0), 1e-9)
        model = SVR(C=PENALTY, gamma=WIDTH / views.shape[1])
        self._model = model.fit(self._scaled(views), normal_scores(y))
        self.digest = digest(rows, {self.source.fingerprint(): y})[:12]
        return self

    def predict(self, space: Space, archs: NDArray[np.generic]) -> Floats:
        """Score architectures ``archs: (n, d)`` of any space of cells, ``(n,)``, higher is better.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            SpaceError: ``space`` shares no features with others.
        """
        rows = space.validate(archs)
        features = _features(space, rows)
        place = self._reference(space).places(features)[:, PARAMS]
        return (1 - self.size) * self._learnt(space, features) + self.size * place

    def learnt(self, space: Space, archs: NDArray[np.generic]) -> Floats:
        """Score architectures by what was learnt alone, without size: ``(n,)``.

        Over a random sample of ``space`` these scores have mean 0 and standard deviation 1.
        """
        return self._learnt(space, _features(space, space.validate(archs)))

    def representatives(
        self, space: Space, archs: NDArray[np.generic], count: int, *, seed: int = 0
    ) -> Ints:
        """Choose which of ``archs: (n, d)`` to label first: ``(count,)`` rows, of as many clusters.

        One architecture stands for each cluster of similar ones, by the places of their features,
        so that few labels show all that there is.

        Raises:
            BudgetError: ``count`` is not from 1 to the number of architectures.
        """
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        rows = space.validate(archs)
        whole(count, "representatives", at_least=1, at_most=len(rows), error=BudgetError)
        places = np.clip(self._reference(space).places(_features(space, rows)), -FAR, FAR)
        some = np.random.default_rng(seed).permutation(len(rows))[: max(MOST, count)]
        with warnings.catch_warnings():  # of fewer different architectures than clusters
            warnings.simplefilter("ignore", ConvergenceWarning)
            clusters = KMeans(count, n_init=3, random_state=seed).fit(places[some])
        chosen: list[int] = []
        for distance in clusters.transform(places[some]).T:  # two clusters may be one point
            order = some[np.argsort(distance, kind="stable")]
            chosen.append(next(int(row) for row in order if row not in chosen))
        return np.array(chosen, dtype=np.int64)

    # ---- parts ---------------------------------------------------------------------------------

    def _reference(self, space: Space) -> _Reference:
        """Return what is common in ``space``, computed once."""
        if not hasattr(self, "_model"):
            raise NotFittedError("this AcrossSpaces is not fitted yet; call fit(archs, scores)")
        key = space.fingerprint()
        if key not in self._references:
            drawn = _draw(space)
            plain = _Reference(np.sort(drawn, axis=0))
            predicted = self._model.predict(self._scaled(plain.views(drawn)))
            centre = float(predicted.mean()), float(predicted.std()) or 1.0
            self._references[key] = replace(plain, centre=centre)
        return self._references[key]

    def _learnt(self, space: Space, features: Floats) -> Floats:
        reference = self._reference(space)
        if not len(features):
            return np.zeros(0)
        mean, spread = reference.centre
        found: Floats = self._model.predict(self._scaled(reference.views(features)))
        return (found - mean) / spread

    def _scaled(self, views: Floats) -> Floats:
        scaled: Floats = np.clip((views - self._mean) / self._spread, -FAR, FAR)
        return scaled

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is computed when first used: workers receive rankers often."""
        return {**self.__dict__, "_references": {}}

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self  # clones of rankers share what was learnt

    def __repr__(self) -> str:
        return f"AcrossSpaces({self.source.name}, size={self.size})"


def _features(space: Space, archs: Archs) -> Floats:
    return space.common_features(archs).astype(np.float64)


def _draw(space: Space) -> Floats:
    return _features(space, space.sample(REFERENCE, rng=np.random.default_rng(0)))
