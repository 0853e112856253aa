"""Weighted sums of losses."""

from __future__ import annotations

import pickle
from functools import partial

import torch

from archrank.losses import blog_mixed, hinge, mixed, mse


def test_mixed_pickles() -> None:
    loss = mixed([(0.5, mse), (0.5, partial(hinge, margin=0.01))])
    s, t = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])
    assert pickle.loads(pickle.dumps(loss))(s, t) == loss(s, t) == blog_mixed(s, t)
