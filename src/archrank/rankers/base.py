"""Base class of rankers: scikit-learn estimators that order architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError as SklearnNotFittedError

from archrank.criteria.correlation import kendall_tau
from archrank.errors import ArchrankError, LabelError
from archrank.spaces.given import read_frame
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    import pandas as pd
    from typing_extensions import Self

    from archrank.spaces.base import Space


class NotFittedError(ArchrankError, SklearnNotFittedError):
    """``predict`` was called before ``fit``."""


class Forecast(ABC):
    """Predictions of a fitted ranker that follow new labels, with what the fit decided unchanged.

    What it predicts depends on the fit, on the architectures that were added since, in their order,
    and on the last labels; not on how many calls added them.
    """

    @abstractmethod
    def add(self, archs: Archs) -> None:
        """Add architectures ``(k, d)`` after those that are known; give labels of all next."""

    @abstractmethod
    def label(self, scores: Floats) -> None:
        """Learn ``scores: (n,)`` of all known architectures, those of the fit first.

        Raises:
            LabelError: as :meth:`Ranker.fit`.
        """

    @abstractmethod
    def watched(self) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the watched candidates: ``(k,)`` each."""

    @abstractmethod
    def predict(self, archs: Archs) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of any ``archs: (b, d)``: ``(b,)`` each."""

    @abstractmethod
    def fitted(self) -> Floats:
        """Return the mean of all known architectures: ``(n,)``."""


class Ranker(BaseEstimator, ABC):
    """Base class of rankers: learn from scored architectures, then order others.

    Only the order of predictions has a meaning, not their values.

    The constructor stores its arguments unchanged, and the names of learnt attributes end in
    ``_``; so ``clone``, ``get_params``, ``cross_val_score``, ``GridSearchCV`` and ``Pipeline`` of
    scikit-learn work. They compare rankers by Kendall's tau, the default :meth:`score`; rankers are
    no regressors, whose predictions could be averaged or subtracted. Every subclass takes ``space``
    as its first argument, and ``seed``, the only source of randomness of ``fit``: the same labels
    and seed give the same ranker. ``fit`` forgets all earlier labels.

    Subclasses implement :meth:`_fit` and :meth:`_predict`, which receive checked input.
    """

    space: Space
    min_labels: int = 2
    has_std: bool = False  # True if predict(..., return_std=True) works
    can_follow: bool = False  # True if follow(...) works: labels are added without a new fit

    def fit(self, archs: NDArray[np.generic] | pd.DataFrame, scores: ArrayLike) -> Self:
        """Learn from ``archs: (n, d)`` and their ``scores: (n,)``, higher is better.

        ``archs`` may be a data frame with a column per decision, here as in :meth:`predict`.

        Raises:
            ArchitectureError: An architecture is not of the ranker's space.
            LabelError: Scores are NaN, all equal, wrapped around by a conversion to integers, too
                few, or not one per architecture.
        """
        a = self.rows(archs)
        self._fit(a, check_scores(scores, len(a), self.min_labels, type(self).__name__))
        self.n_labels_ = len(a)
        self.n_features_in_ = self.space.d
        return self

    def rows(self, archs: NDArray[np.generic] | pd.DataFrame) -> Archs:
        """Return architectures, given as such or as a data frame, as ``(n, d)``.

        Raises:
            ArchitectureError: One is not of the ranker's space.
        """
        if hasattr(archs, "columns"):
            return self.space.validate(read_frame(self.space, archs))
        return self.space.validate(archs)

    @overload
    def predict(
        self, archs: NDArray[np.generic] | pd.DataFrame, return_std: Literal[False] = False
    ) -> Floats: ...
    @overload
    def predict(
        self, archs: NDArray[np.generic] | pd.DataFrame, return_std: Literal[True]
    ) -> tuple[Floats, Floats]: ...
    def predict(
        self, archs: NDArray[np.generic] | pd.DataFrame, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Score ``archs: (n, d)`` -> ``(n,)``, higher is better.

        With ``return_std``, also return the standard deviation of each prediction, ``(n,)``.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            ArchrankError: ``return_std`` is asked of a ranker that predicts none.
        """
        name = type(self).__name__
        if not hasattr(self, "n_labels_"):
            raise NotFittedError(f"this {name} is not fitted yet; call fit(archs, scores) first")
        if return_std and not self.has_std:
            raise ArchrankError(
                f"{name} predicts no standard deviation: leave return_std out, or use "
                f"Ensemble.of({name}(space), copies=5)"
            )
        a = self.rows(archs)
        empty = np.zeros(0)  # many models refuse an empty batch
        mean, std = self._predict(a, return_std) if len(a) else (empty, empty)
        scores = np.asarray(mean, dtype=np.float64)
        return (scores, np.asarray(std, dtype=np.float64)) if return_std else scores

    def score(self, archs: NDArray[np.generic] | pd.DataFrame, scores: ArrayLike) -> float:
        """Judge the order of predictions: Kendall's tau-b with ``scores: (n,)``, in [-1, 1].

        Predictions that are all equal order nothing, and score 0.

        Raises:
            NotFittedError: :meth:`fit` has not been called.
            LabelError: Scores are NaN, all equal, fewer than two, or not one per architecture.
        """
        predicted = self.predict(archs)
        if len(predicted) < 2 or np.ptp(predicted) > 0:
            return kendall_tau(predicted, scores)
        kendall_tau(np.arange(len(predicted)), scores)  # refuses scores that cannot be judged by
        return 0.0

    def __sklearn_clone__(self) -> Self:
        """Copy the ranker without its labels, but with the result of ``pretrain``.

        Pretraining stores its result in attributes named ``pretrain..._``, which are copied.
        Strategies, ensembles and cross-validation, which all clone rankers, therefore start from
        pretrained ones.
        """
        copy: Self = super().__sklearn_clone__()
        for name, value in vars(self).items():
            if name.startswith("pretrain") and name.endswith("_"):
                setattr(copy, name, value)
        return copy

    def without_weak_labels(self) -> Self:
        """Return a copy without labels that predicts without the weak labels of :meth:`pretrain`.

        It may keep what these taught about architectures; by default it keeps nothing. Rankers
        among its parameters keep what they learnt.
        """
        copy: Self = super().__sklearn_clone__()
        return copy

    def for_search(self) -> Self:
        """Return an unfitted copy that guided search fits, to tell the best from the good ones.

        By default it is the same ranker. Ordering all architectures well and ordering the best ones
        well may take different settings.
        """
        from sklearn.base import clone

        copy: Self = clone(self)
        return copy

    @property
    def can_pretrain(self) -> bool:
        """True if a subclass implements :meth:`pretrain`."""
        return type(self).pretrain is not Ranker.pretrain

    def pretrain(self, archs: NDArray[np.generic], weak_labels: Mapping[str, ArrayLike]) -> Self:
        """Learn from cheap scores of many architectures; every later ``fit`` starts from it.

        Args:
            archs: ``(n, d)``.
            weak_labels: ``{name: (n,)}``, such as one-shot accuracies, zero-cost proxies, MACs.

        Raises:
            ArchrankError: this ranker cannot use weak labels.
        """
        raise ArchrankError(
            f"{type(self).__name__} cannot use weak labels ({', '.join(weak_labels)}); "
            "GaussianProcess and AceNAS can"
        )

    @property
    def can_foresee(self) -> bool:
        """True if :meth:`foresee` works now: something is known before the first label."""
        return False

    def foresee(self, archs: Archs) -> Floats:
        """Say in which architectures ``archs: (n, d)`` can be expected to differ: ``(n,)``.

        For designs of first evaluations, which should differ in it. It is known before any label,
        and which end is better is not.

        Raises:
            ArchrankError: nothing is known yet.
        """
        raise ArchrankError(f"{type(self).__name__} knows nothing before its first labels")

    def follow(self, candidates: Archs, room: int) -> Forecast:
        """Return a forecast that up to ``room`` labels can be added to without a new fit.

        Args:
            candidates: ``(k, d)`` whose predictions it keeps up to date.
            room: architectures that will be added at most.

        Raises:
            ArchrankError: this ranker has to be fitted anew.
        """
        raise ArchrankError(f"{type(self).__name__} has to be fitted anew to learn more labels")

    @abstractmethod
    def _fit(self, archs: Archs, scores: Floats) -> None: ...

    @abstractmethod
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]: ...


def check_scores(scores: ArrayLike, n: int, minimum: int, who: str) -> Floats:
    """Check ``scores`` and return them as ``(n,)`` float64.

    Raises:
        LabelError: Scores are NaN or infinite, all equal, wrapped around by a conversion to
            integers, too few, or of another shape; the message names the ranker ``who``.
    """
    raw = np.asarray(scores)
    if raw.shape != (n,):
        raise LabelError(f"{who} got {n} architectures but scores of shape {raw.shape}")
    if n < minimum:
        raise LabelError(f"{who} needs at least {minimum} labels, got {n}")
    if not np.issubdtype(raw.dtype, np.number) or np.issubdtype(raw.dtype, np.complexfloating):
        raise LabelError(
            f"{who} needs numbers as scores, got type {raw.dtype}; convert them with "
            "np.asarray(scores, dtype=float)"
        )
    y = raw.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(y))
    if len(bad):
        raise LabelError(
            f"{who}: {len(bad)} of {n} scores are NaN or infinite, the first at row {bad[0]}; "
            "drop failed evaluations before fitting"
        )
    if np.issubdtype(raw.dtype, np.integer) and np.isin(y, (0, 1)).all():
        raise LabelError(
            f"{who}: the {n} scores are integers, each 0 or 1; accuracies in [0, 1] were probably "
            "converted to integers, which turns all but 1.0 into 0. Pass them as floats"
        )
    if (y == y[0]).all():
        raise LabelError(
            f"{who}: all {n} scores are {raw[0]}, so there is no order to learn; give scores that "
            "differ"
        )
    return y if _has_spread(y) else _stretched(y)


def _has_spread(y: Floats) -> bool:
    """Return True if the scores still differ after standardisation in floating point."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        spread = y.std()
        return bool(np.isfinite(spread) and spread**2 > 0)


def _stretched(y: Floats) -> Floats:
    """Rescale scores to 0..1, for scores whose squares would over- or underflow."""
    y = y / np.abs(y).max()  # scale first: the range itself may overflow
    y = y - y.min()
    stretched: Floats = y / y.max()
    return stretched
