from __future__ import annotations

from typing import Any

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
        return self.placed(nn.Sequential(nn.Flatten(), layer))


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


class Greedy(Slices):
    """Gives all its weights a gradient, whatever the architecture has."""

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        return super().forward(x, arch) + (self.weight - self.weight.detach()).sum()


class Full(Slices):
    """Lets narrow architectures train what only wide ones have."""

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        wide = super().forward(x, np.array([3]))
        hidden = (wide - wide.detach()).sum(dim=1, keepdim=True)
        return super().forward(x, arch) + hidden


class Spare(Slices):
    """Has weights without a use."""

    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Parameter(torch.zeros(3))


class Masked(Slices):
    """Multiplies paths that are not taken by zero."""

    def __init__(self) -> None:
        super().__init__()
        self.paths = nn.ParameterList(torch.ones(1) for _ in range(4))

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        one = sum(float(k == arch[0]) * path for k, path in enumerate(self.paths))
        return super().forward(x, arch) * one


class Constant(Slices):
    """Extracts a network with the same outputs and other gradients."""

    def extract(self, arch: np.ndarray) -> nn.Module:
        layer = super().extract(arch)
        return self.placed(nn.Sequential(Detach(), *layer))


class Detach(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


class Evaluated(Slices):
    """Forgets the mode."""

    def extract(self, arch: np.ndarray) -> nn.Module:
        return super().extract(arch).eval()


class Neighbours(Slices):
    """Lets an input depend on the one before it."""

    def forward(self, x: Tensor, arch: np.ndarray) -> Tensor:
        return super().forward(x + x.roll(1, dims=0), arch)


class Hasty(Slices):
    """Runs many architectures at once in another way, with other outputs."""

    def forward_each(self, inputs: Any, archs: Any) -> Any:
        for place, outputs in super().forward_each(inputs, archs):
            yield place, outputs + 1


class Forgetful(Slices):
    def forward_each(self, inputs: Any, archs: Any) -> Any:
        return super().forward_each(inputs, archs[1:])


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (Hasty, "forward_each differs from forward, architecture 0"),
        (Forgetful, r"forward_each yields places \[0, 1, 2\] of 4 architectures"),
        (Greedy, "gradients of architecture 0 reach 48 numbers, its network has 24"),
        (Full, "gives other gradients"),
        (Masked, "5 weights got gradients from architecture 0, whose network has 1"),
        (Spare, "1 weights are used by none of 200 architectures, such as spare"),
        (Constant, "gives other gradients"),
        (Evaluated, "returns a network that is not in training mode"),
        (Neighbours, "depend on the order of inputs"),
    ],
)
def test_faults_are_named(kind: type[Slices], rule: str) -> None:
    with pytest.raises(AssertionError, match=rule):
        check_supernet(kind(), (3, 2, 2))


def test_a_good_supernet_passes() -> None:
    check_supernet(Slices(), (3, 2, 2))


def test_shared_weights_are_caught() -> None:
    with pytest.raises(AssertionError, match="must copy weights"):
        check_supernet(Sharing(), (3, 2, 2))


def test_hidden_state_is_caught() -> None:
    with pytest.raises(AssertionError, match="depends on which one ran before"):
        check_supernet(Stateful(), (3, 2, 2), n=8)
