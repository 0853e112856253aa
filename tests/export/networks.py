"""Spaces whose networks have states that are not plain, and a task that trains in a moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archrank.spaces import CustomSpace
from archrank.tasks import Digits, Recipe, Task

TASK = Digits(recipe=Recipe(epochs=1, batch_size=512), copies=1)
CHOICES = {"width": [4, 8]}


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self, width: int, task: Task) -> None:
        super().__init__()
        self.enter = nn.Linear(64, width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.second.weight = self.first.weight
        self.leave = nn.Linear(width, task.n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.second(torch.relu(self.first(self.enter(x.flatten(1)))))
        return self.leave(torch.relu(hidden))


class Odd(nn.Module):
    """Extra state, odd types, and tensors outside the state dict."""

    def __init__(self, width: int, task: Task) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(64, width), nn.Linear(width, task.n_outputs)
        self.seen: Any = {
            "batches": 0,
            "last": torch.zeros(2),
            "names": ("a", b"\0"),
            3: np.ones(2),
        }
        self.random = torch.randn(64)  # no buffer: drawn again from the same seed
        self.register_buffer("phase", torch.zeros(3, dtype=torch.complex128))
        self.register_buffer("scale", torch.ones(()), persistent=False)
        self.register_buffer("spread", torch.zeros(1).expand(5))
        self.register_buffer("none", None)
        self.register_buffer("nothing", torch.empty(0, 3))

    def get_extra_state(self) -> Any:
        return self.seen

    def set_extra_state(self, state: Any) -> None:
        self.seen = state

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not x.is_meta:
            self.seen = {**self.seen, "batches": self.seen["batches"] + 1, "last": x.flatten()[:2]}
            self.scale = self.scale * 1.5
            self.phase = self.phase + 1j
        x = x.flatten(1) * self.random
        return self.leave(self.enter(x) * self.scale) + self.phase.imag.sum().float()


def build_tied(config: dict[str, Any], task: Task) -> nn.Module:
    return Tied(config["width"], task)


def build_twice(config: dict[str, Any], task: Task) -> nn.Module:
    width = config["width"]
    block = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU())
    ends = nn.Linear(64, width), nn.Linear(width, task.n_outputs)
    return nn.Sequential(nn.Flatten(), ends[0], block, block, ends[1])


def build_odd(config: dict[str, Any], task: Task) -> nn.Module:
    return Odd(config["width"], task)


tied = CustomSpace(CHOICES, build=build_tied, name="tied")
twice = CustomSpace(CHOICES, build=build_twice, name="twice")
odd = CustomSpace(CHOICES, build=build_odd, name="odd")
