"""The default update rule against its definition, and the two cures against plain arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import SettingsError
from archrank.spaces import CustomSpace, NASBench201, Scale
from archrank.supernets import Supernet
from archrank.supernets.updates import MeanPerWeight, Session, Updates
from archrank.tasks import Digits, Recipe
from archrank.tasks.base import Split
from archrank.training.loop import initialise
from archrank.training.step import Step

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(copies=1)
SGD = Recipe(lr=0.1, momentum=0.9, weight_decay=0.01)
ARCHS = np.array([[2, 1, 1, 1, 1, 1], [2, 3, 1, 1, 1, 1], [1, 3, 1, 1, 1, 3]], dtype=np.uint8)
Weights = dict[str, torch.Tensor]


class Setting:
    """A supernet with a rule, a batch, and the gradients of single architectures."""

    def __init__(
        self, rule: MeanPerWeight | None = None, recipe: Recipe = SGD, updates: int = 10**6
    ) -> None:
        torch.set_num_threads(1)
        self.supernet = initialise(SPACE.networks(TASK).supernet, 0)
        assert isinstance(self.supernet, Supernet)
        self.step = Step(self.supernet.parameters(), recipe, updates)
        self.batch: Split = TASK.load().train.take(slice(0, 50))
        session = Session(self.supernet, TASK, self.step)
        self.update: Updates = (rule or MeanPerWeight()).start(session)

    @property
    def weights(self) -> Weights:
        return {n: w.detach().clone() for n, w in self.supernet.named_parameters()}

    def gradients(self, arch: np.ndarray) -> Weights:
        self.supernet.zero_grad(set_to_none=True)
        TASK.loss(self.supernet(self.batch.x, arch), self.batch.y).backward()
        found = {n: w.grad for n, w in self.supernet.named_parameters() if w.grad is not None}
        self.supernet.zero_grad(set_to_none=True)
        return found


def means(gradients: list[Weights]) -> Weights:
    """Mean of the gradients of each weight over the architectures that gave one."""
    names = {name for found in gradients for name in found}
    given = {name: [g[name] for g in gradients if name in g] for name in names}
    return {name: torch.stack(found).mean(dim=0) for name, found in given.items()}


def test_gradients_are_means_over_the_architectures_that_use_a_weight() -> None:
    found = Setting(recipe=Recipe(lr=0.1, momentum=0.0, weight_decay=0.0))
    before = found.weights
    expected = means([found.gradients(arch) for arch in ARCHS])
    found.update(found.batch, ARCHS[:1])  # counted anew in each update
    found.supernet.load_state_dict(before)
    loss = found.update(found.batch, ARCHS)
    for name, weight in found.weights.items():
        moved = (before[name] - weight) / 0.1
        assert torch.allclose(moved, expected.get(name, torch.zeros(1)), atol=1e-5), name
    found.supernet.load_state_dict(before)
    losses = [TASK.loss(found.supernet(found.batch.x, a), found.batch.y).item() for a in ARCHS]
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-5)
    assert not loss.requires_grad


@pytest.mark.parametrize("together", [1, 3])
def test_every_option_of_a_decision_has_its_own_momentum(together: int) -> None:
    found = Setting(MeanPerWeight(momentum_decision=0))
    momenta: dict[tuple[int, str], torch.Tensor] = {}
    weights = found.weights
    rng = np.random.default_rng(0)
    for _ in range(6):
        archs = np.repeat(ARCHS[rng.integers(len(ARCHS), size=1)], together, axis=0)
        archs[:, 1:] = SPACE.sample(together, rng=rng)[:, 1:]
        group = int(archs[0, 0])
        for name, gradient in means([found.gradients(arch) for arch in archs]).items():
            change = gradient + 0.01 * weights[name]
            buffer = 0.9 * momenta.get((group, name), torch.zeros(1)) + change
            momenta[group, name] = buffer
            weights[name] = weights[name] - found.step.recipe.lr * (change + 0.9 * buffer)
        found.update(found.batch, archs)
        for name, weight in found.weights.items():
            assert torch.allclose(weight, weights[name], atol=1e-5), name
    assert {group for group, _ in momenta} == {1, 2}


def test_momenta_of_groups_that_share_an_update_add_up() -> None:
    found, plain = Setting(MeanPerWeight(momentum_decision=0)), Setting()
    for _ in range(3):
        found.update(found.batch, ARCHS)
        plain.update(plain.batch, ARCHS)
    # the same groups share every weight in every update, so separation changes nothing
    for name, weight in found.weights.items():
        assert torch.allclose(weight, plain.weights[name], atol=1e-6), name


def test_complex_architectures_keep_a_high_learning_rate() -> None:
    recipe = Recipe(epochs=8, lr=0.1, momentum=0.0, weight_decay=0.0)
    found = Setting(MeanPerWeight(decay_exponents=(1.5, 0.5)), recipe, updates=8)
    middle = SPACE.sample(20, rng=np.random.default_rng(0))
    archs = np.concatenate([np.full((1, 6), 1), np.full((1, 6), 3), middle]).astype(np.uint8)

    def rate(archs: np.ndarray) -> float:
        found.step.done = 4  # half way, where the cosine's factor is a half
        found.update(found.batch, archs)
        return float(found.step.optimizer.param_groups[0]["lr"])

    rates = np.array([rate(arch[None]) for arch in archs])
    exponents = np.log(rates / 0.1) / np.log(0.5)
    assert exponents[:2] == pytest.approx([1.5, 0.5])  # skips alone, 3x3 convolutions alone
    inside = (exponents > 0.5) & (exponents < 1.5)
    sizes = np.log(SPACE.networks(TASK).cost(archs)["params"])[inside]
    line = np.polyfit(sizes, exponents[inside], 1)
    assert line[0] < 0
    assert exponents[inside] == pytest.approx(np.polyval(line, sizes))
    assert rate(archs[:2]) == pytest.approx(rates[:2].mean())


@pytest.mark.parametrize("m", [1, 3])
def test_unused_weights_may_move_on_as_in_old_torch(m: int) -> None:
    found = Setting(MeanPerWeight(moves_unused=True))
    old = initialise(SPACE.networks(TASK).supernet, 0)
    settings = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1, **settings)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    for _ in range(5):
        archs = SPACE.sample(m, rng=rng)
        given = means([found.gradients(arch) for arch in archs])
        for name, weight in old.named_parameters():
            weight.grad = given.get(name, torch.zeros_like(weight))
        optimizer.step()
        found.update(found.batch, archs)
        for name, weight in old.named_parameters():
            assert torch.allclose(weight, found.weights[name], atol=1e-4), name
    with pytest.raises(SettingsError, match="does not go with momentum_decision"):
        MeanPerWeight(momentum_decision=0, moves_unused=True)


@pytest.mark.parametrize(
    ("settings", "recipe", "told"),
    [
        ({"momentum_decision": 6}, SGD, "has the decisions 0 to 5"),
        ({"momentum_decision": -1}, SGD, "at least 0, got -1"),
        ({"momentum_decision": 0}, Recipe(optimizer="adamw"), "optimizer='adamw'"),
        ({"momentum_decision": 0}, Recipe(momentum=0.0), "momentum=0"),
        ({"momentum_decision": 0}, Recipe(precision="float16"), "float32 or bfloat16"),
        ({"decay_exponents": (1.0,)}, SGD, "two numbers"),
        ({"decay_exponents": (1.0, -0.5)}, SGD, "must not be negative"),
        ({"decay_exponents": (1.0, float("nan"))}, SGD, "decay_exponents"),
    ],
)
def test_settings_that_do_not_suit(settings: dict[str, Any], recipe: Recipe, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Setting(MeanPerWeight(**settings), recipe)


def test_architectures_of_one_size_have_no_complexity() -> None:
    space = CustomSpace(
        {"bias": [0, 1]}, build=lambda config, task: torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 10)
        )
    )  # fmt: skip
    found = Setting()
    found.supernet.space = space  # type: ignore[assignment]
    session = Session(found.supernet, TASK, found.step)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="the same number of parameters"):
        MeanPerWeight(decay_exponents=(1.0, 0.5)).start(session)


def test_settings_describe_the_rule() -> None:
    assert MeanPerWeight().describe() == {"class": "MeanPerWeight"}
    assert MeanPerWeight((1.5, 0.5), 2).describe() == {
        "class": "MeanPerWeight",
        "decay_exponents": [1.5, 0.5],
        "momentum_decision": 2,
    }
