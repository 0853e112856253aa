"""The guard against collapses: the loss of guessing, and what counts as lost."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from archrank.supernets.collapse import Guard, loss_of_guessing, standard_error
from archrank.tasks import Digits, Recipe


class NoCrossEntropy(Digits):
    """Digits with a loss of one's own."""

    def loss(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 2 * super().loss(outputs, y)


Y = torch.tensor([0] * 70 + [1] * 20 + [9] * 10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_nobody_guesses_better(smoothing: float) -> None:
    task = Digits(recipe=Recipe(label_smoothing=smoothing))
    shares = torch.bincount(Y, minlength=10) / 100 * (1 - smoothing) + smoothing / 10
    best = cross_entropy(shares.log().expand(100, 10), Y, label_smoothing=smoothing)
    if smoothing:  # without it, classes that never occur have no logarithm
        assert loss_of_guessing(task, Y) == pytest.approx(best.item(), rel=1e-5)
    even = torch.arange(10).repeat(3)
    assert loss_of_guessing(task, even) == pytest.approx(math.log(10))
    assert math.isinf(loss_of_guessing(NoCrossEntropy(), Y))


def test_a_collapse_and_what_is_none() -> None:
    guard = Guard(Digits(), torch.arange(10))
    assert guard.lost([2.2, 0.5, 0.5]) == 0
    assert guard.lost([2.2, 0.5, 1.4]) == pytest.approx(0.5, abs=0.01)
    assert guard.lost([9.0, 2.3, 9.0]) == 0  # had learnt nothing
    assert guard.lost([1.0]) == 0
    told = guard.collapse([2.2, 0.5, 2.2], error=0.01)
    assert told == "the training loss rose to 2.2, as high as by guessing (2.303), after 0.5"
    assert not guard.collapse([2.2, 0.5, 1.9], error=0.01)
    assert not guard.collapse([2.2, 0.5, 2.2], error=0.4)  # a few poor architectures do that
    assert not guard.collapse([0.6, 0.5, 0.7], error=0.0)  # as in the first epoch, but far from it
    other = Guard(NoCrossEntropy(), Y)
    assert "as high as in the first epoch (3)" in other.collapse([3.0, 1.0, 3.1], error=0.0)
    assert math.isnan(guard.lost([2.0, 1.0, math.nan])) or guard.lost([2.0, 1.0, math.nan]) == 0


def test_standard_errors() -> None:
    assert standard_error(torch.tensor([1.0])) == 0
    assert standard_error(torch.tensor([1.0, 3.0])) == pytest.approx(1.0)
