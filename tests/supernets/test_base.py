from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archrank.spaces import CustomSpace
from archrank.supernets import Supernet
from archrank.testing import check_supernet

SPACE = CustomSpace({"width": [1, 2, 3, 4]}, build=lambda config, task: nn.Identity())


class Slices(Supernet):
    """Linear layers of all widths as the first rows of one."""

    def __init__(self) -> None:
        super().__init__()
        self.space = SPACE
        self.weight = nn.Parameter(torch.randn(4, 12, generator=torch.Generator().manual_seed(0)))

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        return x.flatten(1) @ self.weight[: int(arch[0]) + 1].T

    def extract(self, arch: np.ndarray) -> nn.Module:
        layer = nn.Linear(12, int(arch[0]) + 1, bias=False)
        layer.weight = nn.Parameter(self.weight[: int(arch[0]) + 1].detach().clone())
        return nn.Sequential(nn.Flatten(), layer)


class Sharing(Slices):
    """Hands out its own weights instead of copies."""

    def extract(self, arch: np.ndarray) -> nn.Module:
        network = super().extract(arch)
        network[1].weight.data = self.weight[: int(arch[0]) + 1].data
        return network


class Stateful(Slices):
    """Remembers the widest architecture that ran."""

    widest = 0

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        self.widest = max(self.widest, int(arch[0]))
        return super().forward(x, np.array([self.widest]))


def test_a_good_supernet_passes() -> None:
    check_supernet(Slices(), (3, 2, 2))


def test_shared_weights_are_caught() -> None:
    with pytest.raises(AssertionError, match="must copy weights"):
        check_supernet(Sharing(), (3, 2, 2))


def test_hidden_state_is_caught() -> None:
    with pytest.raises(AssertionError, match="depends on which one ran before"):
        check_supernet(Stateful(), (3, 2, 2), n=8)
