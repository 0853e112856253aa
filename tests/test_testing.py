"""The contract checks must catch what they promise to catch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Cost, Evaluations, Evaluator, Metric
from archrank.rankers.base import Ranker
from archrank.spaces import CustomSpace, Space
from archrank.strategies import History, Random, Strategy
from archrank.tasks import Digits
from archrank.testing import check_evaluator, check_ranker, check_space, check_strategy
from archrank.types import Archs, Floats

CHOICES = {"depth": [1, 2, 3, 4], "width": [8, 16, 32], "kernel": [3, 5, 7], "act": ["a", "b"]}


def build(config: object, task: object) -> None:
    return None


def make(cls: type[CustomSpace] = CustomSpace) -> CustomSpace:
    return cls(CHOICES, build)


# ---- spaces --------------------------------------------------------------------------------------


class OffByOne(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return rng.integers(self.radices - 1, size=(n, self.d)).astype(np.uint8)


class OneTooMany(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return rng.integers(self.radices + 1, size=(n, self.d)).astype(np.uint8)


class OwnRandomness(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return super().sample(n, rng=np.random.default_rng())


class LazyMutation(CustomSpace):
    def mutate(self, archs: Archs, **kwargs: Any) -> Archs:
        return archs.copy()


class TooNear(CustomSpace):
    def neighbors(self, arch: Archs) -> Archs:
        return super().neighbors(arch)[1:]


class BatchNormed(CustomSpace):
    def features(self, archs: Archs) -> Any:
        x = super().features(archs)
        return x - x.mean(0)


class Restless(CustomSpace):
    def canonical(self, archs: Archs) -> Archs:
        return ((archs + 1) % self.radices).astype(np.uint8)


class SmallVocabulary(CustomSpace):
    @property
    def n_tokens(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (OffByOne, "never draws some options"),
        (OneTooMany, "out of range"),
        (OwnRandomness, "same seed, same rows"),
        (LazyMutation, "exactly one decision"),
        (TooNear, "neighbors"),
        (BatchNormed, "depends on the other rows"),
        (Restless, "idempotent"),
        (SmallVocabulary, r"tokens must lie in 0\.\.n_tokens - 1"),
    ],
)
def test_broken_spaces(broken: type[CustomSpace], message: str) -> None:
    check_space(make())
    with pytest.raises(AssertionError, match=message):
        check_space(make(broken))


# ---- rankers -------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (IgnoresSeed, "draw randomness from seed"),
        (LowerIsBetter, "higher for better"),
        (BatchRanks, "depends on what it is predicted with"),
        (Remembers, "remembers the fit before"),
        (Converts, "clone"),
        (NegativeStd, ">= 0"),
        (ForgetsPretraining, "clone must keep what pretrain learnt"),
        (SilentlyUnaided, "pretrain without can_pretrain; nothing was raised"),
        (AcceptsNaN, "fit with NaN scores; nothing was raised"),
    ],
)
def test_broken_rankers(broken: type[Ranker], message: str) -> None:
    check_ranker(Linear, make())
    check_ranker(KeepsPretraining, make())
    with pytest.raises(AssertionError, match=message):
        check_ranker(broken, make())


# ---- evaluators ----------------------------------------------------------------------------------


class Width(Evaluator):
    metrics = (Metric("width"),)

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": self.space.validate(archs)[:, 1].astype(np.float64)})

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "width"}


class Silent(Width):
    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": np.where(archs[:, 1] == 0, np.nan, 1.0)})


class Relative(Width):
    def evaluate(self, archs: Archs) -> Evaluations:
        values = archs[:, 1].astype(np.float64)
        return Evaluations({"width": values - values.mean() if len(values) else values})


class Misnamed(Width):
    metrics = (Metric("depth"),)


class BindsItself(Width):
    def bind(self, space: Space, *, seed: int = 0) -> Any:
        self._space = space
        return self


class Opaque(Width):
    def describe(self) -> dict[str, Any]:
        return {"metrics": {"width"}}


class Hidden(Width):
    def available(self, archs: Archs) -> Any:
        return archs[:, 0] > 0


class Counted(Width):
    def available(self, archs: Archs) -> Any:
        return (archs[:, 0] > 0).astype(int)


class TooFew(Width):
    @property
    def capacity(self) -> int:
        return 1


class OddName(Width):
    metrics = (Metric("width:px"),)


class NoGroup(Width):
    group_size = 0


class Partless(Width):
    def parts(self) -> tuple[Evaluator, ...]:
        return ()


class Strangers(Width):
    """Gives parts that measure something else."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (Cost().bind(self.space, task=Digits()),)


class UnboundParts(Width):
    """Gives parts that belong to another space."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(CustomSpace({"depth": [1, 2], "width": [1, 2, 3]}, build)),)


class OtherValues(Width):
    """Gives parts that measure other values."""

    def evaluate(self, archs: Archs) -> Evaluations:
        return Evaluations({"width": super().evaluate(archs)["width"] + 1})

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(self.space),)


class FalselyCheap(Width):
    cheap = True

    def parts(self) -> tuple[Evaluator, ...]:
        return (Width().bind(self.space),)


class Nested(Width):
    """Gives parts that have other parts in turn."""

    def parts(self) -> tuple[Evaluator, ...]:
        return (OtherValues().bind(self.space),)


class ChangingConditions(Width):
    def conditions(self) -> dict[str, str]:
        return {"device": "cpu" if self._space is None else "cuda"}


class NumberedConditions(Width):
    def conditions(self) -> Any:
        return {"device": 0}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Hidden, "not available, so it must be NaN"),
        (Counted, "available must give bool"),
        (TooFew, "available, but capacity is 1"),
        (OddName, r"without : < > ="),
        (NoGroup, "group_size must be a number from 1, got 0"),
        (Partless, "one evaluator or more"),
        (Strangers, r"its parts measure \['macs', 'params'\], but its metrics are \['width'\]"),
        (UnboundParts, "Width is bound to another space"),
        (OtherValues, "Width measures another 'width'"),
        (FalselyCheap, "cheap exactly if all of its parts are"),
        (Nested, "must be flat"),
        (ChangingConditions, "must not change when it is bound"),
        (NumberedConditions, "must map strings to strings"),
        (Silent, "NaN exactly if it has a reason"),
        (Relative, "depends on what else"),
        (Misnamed, r"its metrics \['depth'\]"),
        (BindsItself, "must return a bound copy"),
        (Opaque, "JSON values only"),
    ],
)
def test_broken_evaluators(broken: type[Evaluator], message: str) -> None:
    check_evaluator(Width(), make())
    with pytest.raises(AssertionError, match=message):
        check_evaluator(broken(), make())


def test_unbound_evaluators_say_so() -> None:
    with pytest.raises(EvaluationError, match="bind"):
        Width().evaluate(make().enumerate())


# ---- strategies ----------------------------------------------------------------------------------


class Repeats(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return np.repeat(super().propose(history, 1, rng=rng), n, axis=0)


class Forgets(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return history.archs[:n] if len(history) else super().propose(history, n, rng=rng)


class Counts(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        self.calls = getattr(self, "calls", 0) + 1
        for _ in range(self.calls):
            rows = super().propose(history, n, rng=rng)
        return rows


class Greedy(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return super().propose(history, n + 1, rng=rng)


class SecretlyAdaptive(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        good = np.nansum(history.objectives) > 0
        return super().propose(history, n, rng=rng)[:: 1 if good else -1]


class Unruly(Random):
    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        free = History(history.space, history.archs, history.objectives, history.violation)
        return super().propose(free, n, rng=rng)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Repeats, "one row twice"),
        (Forgets, "what is in the history|though the space has more"),
        (Counts, "propose must be pure"),
        (Greedy, "asked for 5, proposed 6"),
        (Unruly, "allowed forbids"),
        (SecretlyAdaptive, "so adaptive must be True"),
    ],
)
def test_broken_strategies(broken: Callable[[], Strategy], message: str) -> None:
    check_strategy(Random, make())
    with pytest.raises(AssertionError, match=message):
        check_strategy(broken, make())
