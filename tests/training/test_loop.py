from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from archrank.metrics import Metric
from archrank.networks import NASBench201Network
from archrank.tasks import Augmentation, Digits, Recipe, Split, Splits, Task
from archrank.training.loop import TrainingResult, initialise, train

CELL = ["nor_conv_3x3", "skip_connect", "nor_conv_1x1", "avg_pool_3x3", "none", "nor_conv_1x1"]
QUICK = Digits(
    recipe=Recipe(epochs=2), augmentation=Augmentation(noise=0.5, shift=1, flip=True), copies=1
)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def build() -> nn.Module:
    return NASBench201Network(CELL, channels=4, cells=1, in_channels=1, reduction="pool")


def run(task: Task = QUICK, seed: int = 0) -> TrainingResult:
    return train(initialise(build, seed), task, seed=seed)


def without_seconds(result: TrainingResult) -> TrainingResult:
    return replace(result, seconds=0.0)


def test_same_seed_same_result_bit_for_bit() -> None:
    first = run()
    torch.manual_seed(123)  # the global generator must not matter
    assert without_seconds(first) == without_seconds(run())
    assert without_seconds(first) != without_seconds(run(seed=1))
    assert first.diverged is None
    assert first.epochs == 2


def test_global_generators_are_untouched() -> None:
    before = torch.random.get_rng_state()
    run()
    assert torch.equal(before, torch.random.get_rng_state())


def test_dropout_follows_the_seed() -> None:
    def with_dropout() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))

    results = [train(initialise(with_dropout, 3), QUICK, seed=3) for _ in range(2)]
    assert without_seconds(results[0]) == without_seconds(results[1])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_it_learns(optimizer: str) -> None:
    lr = 0.1 if optimizer == "sgd" else 0.01
    recipe = Recipe(epochs=8, optimizer=optimizer, lr=lr, grad_clip=5.0, warmup_epochs=1)  # type: ignore[arg-type]
    task = Digits(recipe=recipe, augmentation=Augmentation(), noise=0.0, copies=1)
    found = run(task).metrics
    assert found["valid_accuracy"] > 0.8
    assert found["test_accuracy"] > 0.8
    assert found["train_loss"] < 1.0
    assert math.isfinite(found["valid_loss"])


def test_divergence_is_a_result_with_a_reason() -> None:
    result = run(Digits(recipe=Recipe(epochs=5, lr=1e30), copies=1))
    assert math.isnan(result.metrics["valid_accuracy"])
    assert math.isnan(result.metrics["test_loss"])
    assert result.diverged is not None
    assert "nan" in result.diverged
    assert result.epochs < 5


def test_outputs_that_are_not_finite_only_outside_training_data() -> None:
    class Fragile(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.linear(x.flatten(1))
            return outputs if self.training else outputs * math.nan

    result = train(Fragile(), QUICK, seed=0)
    assert math.isnan(result.metrics["valid_accuracy"])
    assert result.diverged is not None
    assert "validation" in result.diverged


@dataclass(frozen=True)
class Line(Task):
    """A user's task: regression of a sum, lower is better, inputs that are not images."""

    metrics = (Metric("error", "minimize"),)

    def load(self) -> Splits:
        x = torch.linspace(-1, 1, 600).reshape(200, 3)
        y = x.sum(1)
        return Splits(
            Split(x[:100], y[:100]), Split(x[100:150], y[100:150]), Split(x[150:], y[150:])
        )

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (outputs[:, 0] - y).square().mean()

    def measure(self, outputs: Tensor, y: Tensor) -> dict[str, Tensor]:
        return {"error": (outputs[:, 0] - y).abs().mean()}


def test_other_losses_metrics_and_inputs() -> None:
    task = Line(recipe=Recipe(epochs=40, batch_size=10, lr=0.05, weight_decay=0.0))
    found = train(initialise(lambda: nn.Linear(3, 1), 0), task, seed=0).metrics
    assert list(found) == ["valid_error", "test_error", "valid_loss", "test_loss", "train_loss"]
    assert found["valid_error"] < 0.1


def test_results_and_recipes_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        QUICK.recipe.lr = 1.0  # type: ignore[misc]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_trains_and_leaves_its_generator_alone() -> None:
    before = torch.cuda.get_rng_state()
    result = train(initialise(build, 0), QUICK, seed=0, device="cuda")
    assert 0 < result.metrics["valid_accuracy"] <= 1
    assert torch.equal(before, torch.cuda.get_rng_state())


def test_checkpoints_are_measured_and_change_nothing() -> None:
    task = replace(QUICK, recipe=replace(QUICK.recipe, epochs=3))
    plain = train(initialise(build, 0), task, seed=0)
    marked = train(initialise(build, 0), task, seed=0, checkpoints=(1, 2, 3))
    assert set(marked.checkpoints) == {1, 2, 3}
    last = marked.checkpoints[3]
    assert last | {"train_loss": plain.metrics["train_loss"]} == plain.metrics
    assert replace(marked, seconds=0.0, checkpoints={}) == without_seconds(plain)
    assert marked.checkpoints[1] != last
