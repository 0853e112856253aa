"""The contract check of tasks must catch what it promises to catch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from archrank.metrics import Metric
from archrank.tasks import Digits, Meter, Split, Splits, Task
from archrank.tasks.meters import Averages
from archrank.testing import check_task
from tests.tasks.tiny import Counting, Parity, Reversal, Sums


class NoMetrics(Parity):
    metrics = ()


class LossTwice(Parity):
    metrics = (Metric("accuracy"), Metric("loss", "minimize"))


class Unmeasured(Parity):
    metrics = (Metric("accuracy"), Metric("f1"))


class Restless(Parity):
    def identity(self) -> dict[str, Any]:
        return {"at": torch.rand(1).item()}


class NoJson(Parity):
    def identity(self) -> dict[str, Any]:
        return {"shape": (1, 2)}


class OtherData(Parity):
    def load(self) -> Splits:
        return Splits(*(s._replace(x=s.x + torch.rand(1)) for s in super().load()))


class Changed(Parity):
    """Returns other splits than the family would."""

    def change(self, split: Split) -> Split:
        return split

    def load(self) -> Splits:
        return Splits(*map(self.change, super().load()))


class Empty(Changed):
    def change(self, split: Split) -> Split:
        return split.take(slice(0, 0))


class Uneven(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(y=split.y[1:])


class Infinite(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(x=split.x / 0)


class Half(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(x=split.x.half())


class FromOne(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(y=split.y + 1)


class FloatLabels(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(y=split.y.float())


class OtherShape(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(x=split.x[:, :2])


class Apart(Changed):
    def change(self, split: Split) -> Split:
        return split._replace(x=(split.x, split.x))


class RandomExample(Parity):
    def example(self, batch: int = 1, *, seed: int = 0) -> Tensor:
        return torch.randn(batch, 3)


class FloatTokens(Counting):
    def example(self, batch: int = 1, *, seed: int = 0) -> Tensor:
        return super().example(batch, seed=seed).float()


class OneSide(Reversal):
    def example(self, batch: int = 1, *, seed: int = 0) -> Any:
        return super().example(batch, seed=seed)[0]


class LossOfEach(Parity):
    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs[:, 0] - y).square()


class Detached(Parity):
    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return super().loss(outputs.detach(), y)


class Hits(Parity):
    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs.argmax(1) != y).float().mean() + 0 * outputs.sum()


class Unweighted(Sums):
    def meter(self) -> Meter:
        return _Unweighted(self)


class _Unweighted(Averages):
    """The usual mistake: a mean of the batches' means."""

    def update(self, outputs: Tensor, y: Tensor) -> None:
        error = (outputs - y).detach()
        values = {"rmse": error.square().mean().sqrt(), "mae": error.abs().mean(), "r2": 0.0}
        for name, value in {"loss": self.task.loss(outputs, y), **values}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1


class PaddingCounts(Counting):
    def count(self, y: Tensor) -> int:
        return y.numel()

    def meter(self) -> Meter:
        return Averages(self)

    def measure(self, outputs: Tensor, y: Tensor) -> dict[str, float]:
        return {"perplexity": 1.0, "accuracy": 0.5}


class OtherLossInMeter(Parity):
    def meter(self) -> Meter:
        return Averages(Hits())


class Forgetful(Digits):
    def augment(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x + torch.rand(1)


class InPlace(Digits):
    def augment(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x.mul_(2)


class Cropped(Digits):
    def augment(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return x[:, :, 1:, 1:]


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (NoMetrics, "metrics must be a tuple"),
        (LossTwice, "no metric may be called 'loss'"),
        (Unmeasured, "lacks f1"),
        (Restless, "identity\\(\\) must not change"),
        (NoJson, "changes in a JSON round trip"),
        (OtherData, "the same data each time"),
        (Empty, "the train split is empty"),
        (Uneven, "80 inputs and 79 targets"),
        (Infinite, "place 0: -?(nan|inf) is no number"),
        (Half, "inputs of the train split are float16"),
        (FromOne, "has the class 2, but there are 2 classes"),
        (FloatLabels, "classes of the train split are float32"),
        (OtherShape, "have the shape \\(2,\\), but the task's input_shape is \\(3,\\)"),
        (Apart, "a tuple of as many"),
        (RandomExample, "the same inputs for the same seed"),
        (FloatTokens, "example\\(\\) returns torch.float32"),
        (OneSide, "a tuple of as many"),
        (LossOfEach, "a scalar tensor"),
        (Detached, "differentiable"),
        (Hits, "not zero for random outputs"),
        (Unweighted, "must not depend on how a split is cut into batches"),
        (PaddingCounts, "must not depend on how a split is cut into batches"),
        (OtherLossInMeter, "the meter's loss of one batch"),
        (Forgetful, "follow its generator alone"),
        (InPlace, "in place"),
        (Cropped, "keep shape and type"),
    ],
)
def test_a_planted_fault_is_named(faulty: type[Task], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_task(faulty())


def test_a_class_that_cannot_be_sent() -> None:
    class Local(Parity):
        pass

    with pytest.raises(AssertionError, match="Local cannot be sent to worker processes"):
        check_task(Local())


def test_outputs_of_your_own() -> None:
    seen = []

    def outputs(y: Tensor, generator: torch.Generator) -> Tensor:
        seen.append(len(y))
        return torch.randn(len(y), 2, generator=generator)

    check_task(Parity(), outputs=outputs, n=7)
    assert seen == [7]
