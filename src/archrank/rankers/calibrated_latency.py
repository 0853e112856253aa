"""Milliseconds from a ranker of latencies, with a margin that makes a limit a sound cut.

RankNAS (Hu et al., EMNLP 2021, section 3) ranks architectures by latency and keeps those that meet
a limit. Scores of a ranker have an order but no unit. Here they get one by monotone regression, as
Zadrozny and Elkan (KDD 2002) calibrate classifiers, and a one-sided margin by conformal prediction
(Papadopoulos et al., ECML 2002; out-of-fold residuals as in Barber et al., 2021).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archrank.checks import instance, whole
from archrank.criteria.correlation import kendall_tau
from archrank.errors import LabelError, SettingsError
from archrank.rankers.base import NotFittedError, Ranker
from archrank.rankers.kit.calibration import (
    FOLDS,
    Curve,
    check_coverage,
    draw_folds,
    held_out_models,
    held_out_values,
    standardised,
)
from archrank.types import Bools, Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from typing_extensions import Self


class HeldOut(NamedTuple):
    """Quality of predictions of labelled architectures by models that have not seen them.

    Attributes:
        tau: Kendall's tau with the measured latencies.
        error_ms: Mean absolute error in milliseconds.
    """

    tau: float
    error_ms: float


class LimitCheck(NamedTuple):
    """Labelled architectures beside a limit, judged by models that have not seen them.

    Attributes:
        keep: Number of those that keep it.
        within: Number of those that are said to, with the margin.
        right: Number of those of which both is true.
    """

    keep: int
    within: int
    right: int


class CalibratedLatency:
    """Any ranker, calibrated to milliseconds.

    The ranker learns negative logarithms of latencies, and a curve from its held-out scores to
    log latencies is fitted (:mod:`archrank.rankers.kit.calibration`). The margin is a quantile of
    the residuals of each fold from the curve of the others, so neither ranker nor curve has seen
    what it is judged by.

    A share ``coverage`` of architectures like the labelled ones is not slower than
    :meth:`upper_ms`. So more than that share of those :meth:`within` a limit keeps it, except where
    the limit is near the fastest of all. Architectures that a search has looked for are not like
    the labelled ones: measure what it finds.

    Args:
        ranker: Ranker of the architectures' space; it is cloned, not changed.
        coverage: Share of architectures that are to be as fast as is said, above 0 and below 1.
        folds: Number of folds.
        seed: Seed of the folds.

    Raises:
        SettingsError: A coverage or a number of folds that makes no sense.

    Example:
        >>> from archrank.rankers import RandomForest
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(60, rng=np.random.default_rng(0))
        >>> ms = 2 + space.cost(archs)["macs"] / 1e7
        >>> latency = CalibratedLatency(RandomForest(space)).fit(archs, ms)
        >>> bool((latency.upper_ms(archs) > latency.predict_ms(archs)).all())
        True
        >>> bool((ms[latency.within(archs, 8.0)] < 8.0).mean() > 0.9)
        True
    """

    def __init__(
        self, ranker: Ranker, coverage: float = 0.9, *, folds: int = FOLDS, seed: int = 0
    ) -> None:
        instance(ranker, Ranker, "CalibratedLatency: ranker", "such as rankers.RankNAS(space)")
        check_coverage(coverage, "CalibratedLatency: coverage")
        whole(folds, "CalibratedLatency: folds", at_least=2, error=SettingsError)
        self.ranker = ranker
        self.coverage = coverage
        self.folds = folds
        self.seed = seed
        self._curve: Curve | None = None

    @property
    def least_labels(self) -> int:
        """Fewest labels that a margin can be told from: 9 for a coverage of 90 %."""
        fewest = math.ceil(self.coverage / (1 - self.coverage) - 1e-9)
        return max(fewest, 2 * self.folds, self.ranker.min_labels + self.folds)

    def fit(self, archs: NDArray[np.generic], ms: ArrayLike) -> Self:
        """Learn from ``archs: (n, d)`` and their latencies in milliseconds, ``(n,)``.

        Raises:
            LabelError: Latencies are not positive, all equal, or too few for the coverage.
        """
        rows = self.ranker.space.validate(archs)
        log_ms = self._logs(ms, len(rows))
        fold = draw_folds(len(rows), self.folds, self.seed)
        models = held_out_models(self.ranker, rows, -log_ms, fold, "measured latencies")
        scores = np.empty(len(rows))  # higher is slower
        for k, model in enumerate(models):
            scores[fold == k] = -model.scores(rows[fold == k])
        self._model = standardised(self.ranker, rows, -log_ms)
        self._curve = Curve(scores, log_ms)
        predicted = held_out_values(scores, log_ms, fold)
        self._held_out = _HeldOut(log_ms, predicted, fold)
        self._log_margin = _quantile(log_ms - predicted, self.coverage)
        error = np.abs(np.exp(predicted) - np.exp(log_ms)).mean()
        self.held_out = HeldOut(_tau(-scores, log_ms), float(error))
        return self

    def predict_ms(self, archs: NDArray[np.generic]) -> Floats:
        """Predict latencies in milliseconds: ``(n, d) -> (n,)``.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
        """
        return np.exp(self._log_ms(archs))

    def upper_ms(self, archs: NDArray[np.generic]) -> Floats:
        """Return predictions with their margin, which a share ``coverage`` keeps: ``(n,)``."""
        return np.exp(self._log_ms(archs) + self._log_margin)

    def check(self, limit_ms: float) -> LimitCheck:
        """Tell how well a limit sorts the labelled architectures, each unseen by what judges it.

        Ranker, curve and margin of each fold are those of the other folds.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
        """
        if self._curve is None:
            raise self._unfitted
        log_ms, predicted, fold = self._held_out
        upper = predicted.copy()
        for k in range(self.folds):
            others = fold != k
            upper[~others] += _quantile(log_ms[others] - predicted[others], self.coverage)
        keeps, within = log_ms <= math.log(limit_ms), upper <= math.log(limit_ms)
        return LimitCheck(int(keeps.sum()), int(within.sum()), int((keeps & within).sum()))

    def within(self, archs: NDArray[np.generic], limit_ms: float) -> Bools:
        """Mark the architectures whose prediction with its margin keeps a limit: ``(n,)``."""
        return np.asarray(self.upper_ms(archs) <= limit_ms)

    @property
    def margin(self) -> float:
        """Margin as a part of the prediction: 0.08 if ``upper_ms`` is 8 % above it."""
        if self._curve is None:
            raise self._unfitted
        return math.expm1(self._log_margin)

    @property
    def _unfitted(self) -> NotFittedError:
        return NotFittedError("this CalibratedLatency is not fitted yet; call fit(archs, ms) first")

    def _log_ms(self, archs: NDArray[np.generic]) -> Floats:
        if self._curve is None:
            raise self._unfitted
        return self._curve(-self._model.scores(self.ranker.space.validate(archs)))

    def _logs(self, ms: ArrayLike, n: int) -> Floats:
        values = np.asarray(ms, dtype=np.float64)
        if values.shape != (n,):
            raise LabelError(f"latencies have shape {values.shape}, expected one of each of {n}")
        if not (np.isfinite(values) & (values > 0)).all():
            bad = int(np.flatnonzero(~(np.isfinite(values) & (values > 0)))[0])
            raise LabelError(f"latency {bad} is {values[bad]:g}, expected milliseconds above 0")
        if n < self.least_labels:
            raise LabelError(
                f"{n} measured latencies are too few for a margin that {self.coverage:.0%} of "
                f"architectures keep; measure at least {self.least_labels}"
            )
        if values.min() == values.max():
            raise LabelError(
                f"all {n} latencies are {values[0]:g} ms, so there is nothing to learn"
            )
        return np.log(values)


class _HeldOut(NamedTuple):
    """Log latencies, predictions by models that have not seen them, and folds: ``(n,)`` each."""

    log_ms: Floats
    predicted: Floats
    fold: Ints


def _quantile(residuals: Floats, coverage: float) -> float:
    """Return the conformal quantile of residuals ``(n,)``, 0 or more."""
    place = min(math.ceil((len(residuals) + 1) * coverage - 1e-9), len(residuals))
    return max(float(np.sort(residuals)[place - 1]), 0.0)


def _tau(scores: Floats, log_ms: Floats) -> float:
    """Kendall's tau of scores, higher is faster, with speed; 0 where all are equal."""
    return float(kendall_tau(scores, -log_ms)) if np.ptp(scores) > 0 else 0.0
