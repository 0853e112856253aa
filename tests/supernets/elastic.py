"""A small elastic supernet: layers of which an architecture uses the first, and their first units.

The largest architecture uses every weight, as in AttentiveNAS.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import dropout, linear

from archrank.spaces import CustomSpace, from_choices
from archrank.supernets import Supernet
from archrank.tasks import Augmentation, Digits, Recipe
from archrank.training.loop import initialise

CHOICES = {"depth": [1, 2, 3], "width": [4, 8, 16, 32]}
LARGEST = {"depth": 3, "width": 32}
TASK = Digits(
    recipe=Recipe(epochs=2, batch_size=300, lr=0.1), augmentation=Augmentation(), copies=1
)


class Perceptron(nn.Module):
    """Layers of one width; hidden units are dropped in training."""

    def __init__(self, config: dict[str, Any], task: Any, drop: float = 0.0) -> None:
        super().__init__()
        self.config, self.drop, width = config, drop, config["width"]
        sizes = [64] + [width] * (config["depth"] - 1)
        self.layers = nn.ModuleList(nn.Linear(size, width) for size in sizes)
        self.head = nn.Linear(width, task.n_classes)

    def forward(self, x: Tensor, config: dict[str, Any] | None = None) -> Tensor:
        """Run the layers and units that a configuration has."""
        depth, width = (config or self.config)["depth"], (config or self.config)["width"]
        x = x.flatten(1)
        for layer in self.layers[:depth]:
            x = linear(x, layer.weight[:width, : x.shape[1]], layer.bias[:width]).relu()
        return linear(
            dropout(x, self.drop, self.training), self.head.weight[:, :width], self.head.bias
        )


def space(drop: float = 0.0) -> CustomSpace:
    """Twelve perceptrons, and the supernet that holds them."""
    return from_choices(
        CHOICES, Perceptron, supernet=lambda task: Perceptron(LARGEST, task, drop), name="elastic"
    )


def supernet(drop: float = 0.0, seed: int = 0) -> Supernet:
    """A new supernet of theirs."""
    made = initialise(lambda: space(drop).networks(TASK).supernet(), seed)
    assert isinstance(made, Supernet)
    return made
