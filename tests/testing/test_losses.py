"""The contract check of losses catches what it promises to catch."""

from __future__ import annotations

import pytest
import torch

from archrank.losses import mse, ranknet
from archrank.testing import check_loss


def _backward(s, t):
    loss = mse(s, t)
    if s.requires_grad:
        loss.backward(retain_graph=True)
    return loss


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda s, t: (s - t) ** 2, "a loss is a scalar"),
        (_backward, r"calls backward\(\) itself"),
        (lambda s, t: -ranknet(s, t), "prefers the reversed order"),
        (lambda s, t: (s * torch.arange(len(s))).sum(), "order of rows"),
        (mse, "is it shift_invariant"),
        (lambda s, t: ranknet(s, t) + (s - s.detach()).sum(), "finite differences say"),
        (lambda s, t: (s - s.mean()).mul(-(t - t.mean())).mean() / t.std(), "equal targets"),
        (lambda s, t: ranknet(s, t) + torch.rand(()), "another loss"),
        (lambda s, t: ranknet(s, t).float(), "gave a loss of torch.float32"),
        (lambda s, t: ranknet(s, t) / 0, "the loss is inf"),
        (lambda s, t: ranknet(s, t.sub_(1)), "changes its input"),
        (lambda s, t: (s.mean() - s).exp().log().mul(t - t.mean()).sum(), "scores far apart"),
    ],
)
@pytest.mark.filterwarnings("ignore:std")
def test_broken_losses(broken, message: str) -> None:
    check_loss(ranknet)
    with pytest.raises(AssertionError, match=message):
        check_loss(broken)
