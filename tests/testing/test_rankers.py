"""The contract check of rankers catches what it promises to catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archrank.rankers.base import Ranker
from archrank.spaces import Space
from archrank.testing import check_ranker
from archrank.types import Archs, Floats
from tests.testing.helpers import make


class Linear(Ranker):
    """Least squares on features: a correct ranker that the broken ones derive from."""

    def __init__(self, space: Space, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None:
        x = self.space.features(archs).astype(np.float64)
        self.mean_ = scores.mean()
        self.weights_ = np.linalg.lstsq(x, scores - self.mean_, rcond=1e-6)[0]

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return np.einsum("nf,f->n", self.space.features(archs), self.weights_), None


class IgnoresSeed(Linear):
    def _fit(self, archs: Archs, scores: Floats) -> None:
        super()._fit(archs, scores)
        self.weights_ = self.weights_ + 1e-3 * np.random.default_rng().normal(
            size=len(self.weights_)
        )


class LowerIsBetter(Linear):
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return -super()._predict(archs, return_std)[0], None


class BatchRanks(Linear):
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        order = np.argsort(np.argsort(super()._predict(archs, return_std)[0]))
        return order.astype(np.float64), None


class Remembers(Linear):
    def _fit(self, archs: Archs, scores: Floats) -> None:
        before = getattr(self, "weights_", 0.0)
        super()._fit(archs, scores)
        self.weights_ = self.weights_ + 0.01 * before


class Converts(Linear):
    def __init__(self, space: Space, seed: int = 0) -> None:
        super().__init__(space, np.int64(seed + 1000))  # type: ignore[arg-type]


class NegativeStd(Linear):
    has_std = True

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return super()._predict(archs, return_std)[0], np.full(len(archs), -1.0)


class ForgetsPretraining(Linear):
    def pretrain(self, archs: Any, weak_labels: Any) -> Any:
        self.weak_ = np.mean(list(weak_labels.values()))
        return self

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return super()._predict(archs, return_std)[0] + getattr(self, "weak_", 0.0), None


class KeepsPretraining(ForgetsPretraining):
    """Keeps what pretraining learnt: a correct ranker that takes weak labels."""

    def pretrain(self, archs: Any, weak_labels: Any) -> Any:
        self.pretrained_ = np.mean(list(weak_labels.values()))
        return self

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return super()._predict(archs, return_std)[0] + getattr(self, "pretrained_", 0.0), None


class SilentlyUnaided(Linear):
    can_pretrain = False

    def pretrain(self, archs: Any, weak_labels: Any) -> Any:
        return self


class AcceptsNaN(Linear):
    def fit(self, archs: Any, scores: Any) -> Any:
        return super().fit(archs, np.nan_to_num(scores, posinf=0.0))


class ScoresOtherwise(Linear):
    def score(self, archs: Any, scores: Any) -> float:
        return float(np.corrcoef(self.predict(archs), np.arange(len(archs)))[0, 1])


class TellsNoWidth(Linear):
    def fit(self, archs: Any, scores: Any) -> Any:
        super().fit(archs, scores)
        del self.n_features_in_
        return self


class Unseeded(Linear):
    def __init__(self, space: Space) -> None:
        super().__init__(space)


class SharedSeed(Linear):
    """Keeps its seed where ``set_params`` does not reach it."""

    seed = property(lambda self: self._seed, lambda self, value: setattr(self, "_seed", 3))


class PredictsUnfitted(Linear):
    def predict(self, archs: Any, return_std: bool = False) -> Any:
        return super().predict(archs, return_std) if hasattr(self, "n_labels_") else archs.sum(1)


class ReturnsNothing(Linear):
    def fit(self, archs: Any, scores: Any) -> Any:
        super().fit(archs, scores)


class ChangesItself(Linear):
    def _fit(self, archs: Archs, scores: Floats) -> None:
        super()._fit(archs, scores)
        self.seed += 1


class TakesAnyRow(Linear):
    def fit(self, archs: Any, scores: Any) -> Any:
        return super().fit(archs % self.space.radices, scores)


class Writes(Linear):
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        scores = super()._predict(archs, return_std)
        archs[:, 0] = 0
        return scores


class Column(Linear):
    def predict(self, archs: Any, return_std: bool = False) -> Any:
        return super().predict(archs, return_std)[:, None]


class Short(Linear):
    def predict(self, archs: Any, return_std: bool = False) -> Any:
        return super().predict(archs, return_std).astype(np.float32)


class Constant(Linear):
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return np.zeros(len(archs)), None


class Infinite(Linear):
    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        scores = super()._predict(archs, return_std)[0]
        return np.where(archs[:, 0] == 0, np.inf, scores), None


class NeedsRows(Linear):
    def predict(self, archs: Any, return_std: bool = False) -> Any:
        return super().predict(archs, return_std) if len(archs) else np.zeros((0, 1))


class Pickled(Linear):
    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "weights_": self.weights_ + 1e-6}


class StdUnasked(Linear):
    def predict(self, archs: Any, return_std: bool = False) -> Any:
        return super().predict(archs)


class OneStd(Linear):
    has_std = True

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return super()._predict(archs, return_std)[0], np.ones(1)


class StdShifts(Linear):
    has_std = True

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return super()._predict(archs, return_std)[0] + return_std, np.ones(len(archs))


class PretrainReturnsNothing(KeepsPretraining):
    def pretrain(self, archs: Any, weak_labels: Any) -> Any:
        super().pretrain(archs, weak_labels)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda space, seed: Unseeded(space), "must take seed"),
        (SharedSeed, r"set_params\(seed=\.\.\.\) must show in get_params"),
        (PredictsUnfitted, "predict before fit; nothing was raised"),
        (ReturnsNothing, "fit must return self"),
        (ChangesItself, r"fit must not change parameters \(seed\)"),
        (TakesAnyRow, "architectures outside the space; nothing was raised"),
        (Writes, "predict wrote into its input"),
        (Column, r"predict must give \(150,\), got \(150, 1\)"),
        (Short, "must give float64"),
        (Constant, "every architecture the same score"),
        (Infinite, "predict must be finite"),
        (NeedsRows, r"predict of no rows must give \(0,\)"),
        (Pickled, "predicts otherwise once pickled"),
        (StdUnasked, "return_std without has_std; nothing was raised"),
        (OneStd, r"std must be \(150,\), got \(1,\)"),
        (StdShifts, "return_std must not change predictions"),
        (PretrainReturnsNothing, "pretrain must return self"),
        (IgnoresSeed, "draw randomness from seed"),
        (LowerIsBetter, "higher for better"),
        (BatchRanks, "depends on what it is predicted with"),
        (Remembers, "remembers the fit before"),
        (Converts, "clone"),
        (NegativeStd, ">= 0"),
        (ForgetsPretraining, "clone must keep what pretrain learnt"),
        (SilentlyUnaided, "pretrain without can_pretrain; nothing was raised"),
        (ScoresOtherwise, "score must be Kendall's tau"),
        (TellsNoWidth, "n_features_in_ must be"),
        (AcceptsNaN, "fit with NaN scores; nothing was raised"),
    ],
)
def test_broken_rankers(broken: Callable[..., Ranker], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_ranker(broken, make())


def test_correct_rankers() -> None:
    check_ranker(Linear, make())
    check_ranker(KeepsPretraining, make())
