"""Values with their uncertainty, in the unit of the labels, from any ranker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr, stdtrit

from archrank.checks import instance, whole
from archrank.errors import LabelError, SettingsError
from archrank.rankers.base import NotFittedError, Ranker, check_scores
from archrank.rankers.kit.calibration import (
    FOLDS,
    Curve,
    check_coverage,
    draw_folds,
    held_out_models,
    held_out_values,
    standardised,
)
from archrank.types import Floats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self

TWO_SD = float(ndtr(2) - ndtr(-2))  # share of a normal distribution within two of them
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)  # of the variance that differs by architecture
FEW = 20  # labels, below which uncertainty is the same everywhere
SOME = 50  # labels, below which at most half of its variance differs: the choice fits too well
FLOOR = 1e-3  # least uncertainty before it is scaled, as a part of the range of labels


class Calibrated:
    """Any ranker, calibrated to the unit of its labels.

    Scores of a ranker have an order but no unit: a rising curve from its held-out scores to labels
    gives the values (:mod:`archrank.rankers.kit.calibration`). Distances of the labels of each fold
    from the curve of the others, so neither ranker nor curve has seen them, give the uncertainty,
    by conformal prediction (Papadopoulos et al., ECML 2002; out-of-fold distances as in Barber et
    al., 2021). So it is right whatever the shape of the errors, for architectures like the labelled
    ones; those that a search has looked for are not.

    Uncertainty differs by architecture, as far as that makes the held-out labels more likely: it is
    large where the ranker is unsure and where the curve is steep, as it often is among bad
    architectures. With less than 20 labels it is the same everywhere, with less than 50 at most
    half of its variance differs.

    Args:
        ranker: Ranker of the architectures' space; it is cloned, not changed.
        folds: Number of folds.
        seed: Seed of the folds.

    Raises:
        SettingsError: A number of folds that makes no sense.

    Example:
        >>> from archrank.rankers import GaussianProcess
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(60, rng=np.random.default_rng(0))
        >>> accuracy = 90 + space.cost(archs)["macs"] / 1e8
        >>> calibrated = Calibrated(GaussianProcess(space)).fit(archs, accuracy)
        >>> value, sd = calibrated.predict(archs)
        >>> bool(np.abs(value - accuracy).mean() < 0.2)
        True
        >>> low, high = calibrated.interval(archs, 0.8)
        >>> bool(((low < value) & (value < high)).all())
        True
    """

    def __init__(self, ranker: Ranker, *, folds: int = FOLDS, seed: int = 0) -> None:
        instance(ranker, Ranker, "Calibrated: ranker", "such as rankers.GaussianProcess(space)")
        whole(folds, "Calibrated: folds", at_least=2, error=SettingsError)
        self.ranker = ranker
        self.folds = folds
        self.seed = seed
        self._curve: Curve | None = None

    @property
    def min_labels(self) -> int:
        """Fewest labels that can be learnt: each fold needs two, and the rest the ranker's."""
        return max(2 * self.folds, self.ranker.min_labels + self.folds)

    def fit(self, archs: NDArray[np.generic] | pd.DataFrame, values: ArrayLike) -> Self:
        """Learn from ``archs: (n, d)``, or a data frame, and their values, ``(n,)``.

        Raises:
            LabelError: Values are NaN, all equal, too few, or not one per architecture.
        """
        rows = self.ranker.rows(archs)
        labels = check_scores(values, len(rows), self.min_labels, "Calibrated")
        if (labels != np.asarray(values)).any():  # stretched
            raise LabelError(
                f"Calibrated: values from {np.min(values):g} to {np.max(values):g} are too large "
                "or too close together to calculate with; give them in another unit"
            )
        fold = draw_folds(len(rows), self.folds, self.seed)
        scores, own = np.empty(len(rows)), np.empty(len(rows))
        for k, model in enumerate(held_out_models(self.ranker, rows, labels, fold, "values")):
            scores[fold == k], own[fold == k] = model.scores_and_spreads(rows[fold == k])
        self._curve = Curve(scores, labels)
        distances = np.abs(labels - held_out_values(scores, labels, fold))
        rise = _Rise(float(np.sqrt(np.mean(own**2))), FLOOR * float(np.ptp(labels)))
        self._spread = _likeliest(rise, distances, rise(self._curve, scores, own))
        spreads = self._spread(self._curve, scores, own)
        self._distances = np.sort(distances / spreads)
        self._model = standardised(self.ranker, rows, labels)
        return self

    def predict(self, archs: NDArray[np.generic] | pd.DataFrame) -> tuple[Floats, Floats]:
        """Predict ``archs: (n, d)``: values and their standard deviations, ``(n,)`` each.

        As many architectures as of a normal distribution, 95 %, lie within two standard deviations
        of their values. Errors have longer tails than it, so more than its 68 % lie within one; for
        any other share ask :meth:`interval`.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
        """
        values, spreads = self._values_and_spreads(archs)
        return values, spreads * (_reach(self._distances, TWO_SD) / 2)

    def interval(
        self, archs: NDArray[np.generic] | pd.DataFrame, coverage: float = 0.95
    ) -> tuple[Floats, Floats]:
        """Return the ends of intervals that a share ``coverage`` of architectures lie in.

        Args:
            archs: ``(n, d)``, or a data frame.
            coverage: Above 0 and below 1. Shares that are too close to 1 for the number of labels
                (above 95 % of 20) follow the tails of Student's distribution.

        Returns:
            Lower and upper ends, ``(n,)`` each.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            SettingsError: A coverage that makes no sense.
        """
        return self.intervals(archs, (coverage,))[0]

    def intervals(
        self, archs: NDArray[np.generic] | pd.DataFrame, coverages: Sequence[float]
    ) -> list[tuple[Floats, Floats]]:
        """Return the ends of :meth:`interval` for several coverages, from one prediction.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            SettingsError: A coverage that makes no sense.
        """
        for coverage in coverages:
            check_coverage(coverage, "interval: coverage")
        values, spreads = self._values_and_spreads(archs)
        reaches = [spreads * _reach(self._distances, coverage) for coverage in coverages]
        return [(values - reach, values + reach) for reach in reaches]

    def _values_and_spreads(
        self, archs: NDArray[np.generic] | pd.DataFrame
    ) -> tuple[Floats, Floats]:
        if self._curve is None:
            raise NotFittedError("this Calibrated is not fitted yet; call fit(archs, values) first")
        scores, own = self._model.scores_and_spreads(self.ranker.rows(archs))
        return self._curve(scores), self._spread(self._curve, scores, own)


class _Rise(NamedTuple):
    """Uncertainty before it is scaled, as far as ranker and curve tell it.

    Half of what the curve rises from a score less its uncertainty to the score and as much. The
    uncertainties of scores have no unit; here they are one standard deviation of scores on average.

    Attributes:
        typical: Typical standard deviation that the ranker states.
        floor: Least uncertainty, in the unit of the labels.
    """

    typical: float
    floor: float

    def __call__(self, curve: Curve, scores: Floats, own: Floats) -> Floats:
        """Return uncertainties of scores and their standard deviations: ``(n,)`` each."""
        step = own / self.typical
        return (curve(scores + step) - curve(scores - step)) / 2 + self.floor


class _Spread(NamedTuple):
    """Mixture of uncertainty that differs by architecture and of the same everywhere."""

    rise: _Rise
    mean_square: float
    share: float

    def __call__(self, curve: Curve, scores: Floats, own: Floats) -> Floats:
        """Return relative uncertainties, around 1: ``(n,)``."""
        return self.mixed(self.rise(curve, scores, own))

    def mixed(self, rises: Floats) -> Floats:
        """Mix rises ``(n,)`` with the same everywhere."""
        return np.sqrt(self.share * rises**2 / self.mean_square + (1 - self.share))


def _likeliest(rise: _Rise, distances: Floats, rises: Floats) -> _Spread:
    """Return the mixture under which held-out distances ``(n,)`` are most likely, if normal."""
    mean_square = float(np.mean(rises**2))
    most = 0.5 if len(distances) < SOME else 1.0
    options = [_Spread(rise, mean_square, share) for share in SHARES if share <= most]
    if len(distances) < FEW or not distances.any():
        return options[0]

    def surprise(option: _Spread) -> float:
        variances = option.mixed(rises) ** 2
        return float(np.log(variances).mean() + np.log(np.mean(distances**2 / variances)))

    return min(options, key=surprise)


def _reach(distances: Floats, coverage: float) -> float:
    """Return the conformal quantile of sorted distances ``(n,)``, between them by a line.

    Beyond the largest it grows as quantiles of Student's distribution do.
    """
    n = len(distances)
    place = (n + 1) * coverage
    if place <= n:
        return float(np.interp(place, np.arange(n + 1), [0.0, *distances]))
    wanted, largest = stdtrit(n - 2, [(1 + coverage) / 2, (1 + n / (n + 1)) / 2])
    return float(distances[-1] * wanted / largest)
