"""Losses that change: by epochs, by the number of labels; settings without state."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from archrank.errors import LabelError
from archrank.losses import (
    LOSSES,
    Piecewise,
    Progress,
    hinge,
    list_mle,
    loss_at,
    mape,
    mse,
    warp,
)


def stages(loss: Piecewise, epochs: int, labels: int) -> list[object]:
    return [loss_at(loss, Progress(epoch, epochs, labels)) for epoch in range(epochs)]


def test_share_of_the_epochs() -> None:
    loss = Piecewise(hinge, mape, share=0.3)
    assert stages(loss, 10, labels=5) == [hinge] * 3 + [mape] * 7
    assert stages(loss, 10, labels=5_000) == stages(loss, 10, labels=5)
    assert stages(loss, 1, labels=5) == [mape]  # too short to warm up


def test_number_of_labels() -> None:
    loss = Piecewise(list_mle, warp, labels=50)
    assert stages(loss, 3, labels=50) == [list_mle] * 3
    assert stages(loss, 3, labels=51) == [warp] * 3


def test_pieces_of_pieces() -> None:
    late = Piecewise(hinge, mape, share=0.5)
    loss = Piecewise(mse, late, labels=20)
    assert stages(loss, 4, labels=20) == [mse] * 4
    assert stages(loss, 4, labels=21) == [hinge, hinge, mape, mape]
    assert loss_at(mse, Progress(0, 1, 1)) is mse


def test_no_state() -> None:
    """Asking changes nothing, whatever the order; copies and pickles are equal."""
    loss = Piecewise(hinge, mape, share=0.5)
    moments = [Progress(epoch, 4, 9) for epoch in (3, 0, 2, 0, 3)]
    assert [loss.at(m) for m in moments] == [mape, hinge, mape, hinge, mape]
    assert copy.deepcopy(loss) == loss == pickle.loads(pickle.dumps(loss))
    s, t = torch.tensor([0.3, 0.1]), torch.tensor([0.0, 1.0])
    assert loss(s, t) == mape(s, t) != hinge(s, t)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "by labels or by share, got labels=None and share=None"),
        ({"labels": 5, "share": 0.5}, "give one of them"),
        ({"labels": 0}, "at least 1, got 0"),
        ({"share": 1.0}, "between 0 and 1, got 1.0"),
        ({"share": float("nan")}, "between 0 and 1, got nan"),
    ],
)
def test_unusable(settings, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        Piecewise(hinge, mape, **settings)


def test_named_ones() -> None:
    for name, pieces in {
        "hinge_mape": (hinge, mape),
        "hinge_warp": (hinge, warp),
        "list_mle_warp": (list_mle, warp),
    }.items():
        found = LOSSES.get(name)
        assert (found.first, found.then) == pieces
