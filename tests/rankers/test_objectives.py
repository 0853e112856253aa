"""Losses of neural rankers, by name and as functions; a loss that changes during training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from archrank.errors import LabelError, UnknownNameError
from archrank.losses import (
    LOSSES,
    Piecewise,
    Progress,
    hinge,
    lambdarank,
    list_mle,
    mape,
    mse,
    relevance,
    warp,
)
from archrank.rankers import GATES, LSTM, MLP, NeuralPredictor
from archrank.spaces import NASBench201
from archrank.testing import check_ranker

SMALL: dict[str, Any] = {
    "mlp": partial(MLP, encoding="one_hot", hidden=(16,)),
    "lstm": partial(LSTM, embedding=8, state=8, hidden=(8,)),
    "gates": partial(GATES, layers=1, width=8, head=(8,)),
    "neural_predictor": partial(NeuralPredictor, layers=1, width=8),
}


@pytest.fixture
def labelled(space: NASBench201) -> tuple[Any, Any]:
    archs = space.sample(24, rng=np.random.default_rng(0))
    return archs, space.cost(archs)["macs"] / 1e6


class Spy:
    """A loss that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return mse(scores, targets)

    def __deepcopy__(self, memo: object) -> Spy:
        return self


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("name", LOSSES.names())
def test_every_named_loss_trains(kind: str, name: str, space: NASBench201, labelled) -> None:
    ranker = SMALL[kind](space, objective=name, epochs=2)
    scores = ranker.fit(*labelled).predict(labelled[0])
    assert np.isfinite(scores).all()
    other = SMALL[kind](space, objective="l1" if name != "l1" else "mse", epochs=2).fit(*labelled)
    assert (other.predict(labelled[0]) != scores).any()


def test_epochs_are_told_and_nothing_is_kept(space: NASBench201, labelled) -> None:
    first, then = Spy(), Spy()
    ranker = MLP(space, objective=Piecewise(first, then, share=0.25), epochs=8, batch_size=12)
    for fit in (1, 2):
        clone(ranker).fit(*labelled)  # a second training begins anew
        assert (first.calls, then.calls) == (2 * 2 * fit, 6 * 2 * fit)


def test_labels_are_told(space: NASBench201, labelled) -> None:
    first, then = Spy(), Spy()
    archs, labels = labelled
    ranker = MLP(space, objective=Piecewise(first, then, labels=10), epochs=3)
    ranker.fit(archs[:10], labels[:10])
    assert (first.calls, then.calls) == (3, 0)
    ranker.fit(archs[:11], labels[:11])
    assert (first.calls, then.calls) == (3, 3)


def test_a_piece_is_the_loss_itself(space: NASBench201, labelled) -> None:
    """All epochs in one stage: the ranker of that loss, with the ranker's margin."""
    for loss in (hinge, warp, list_mle):
        pieces = Piecewise(loss, mape, labels=1_000)
        a = MLP(space, objective=pieces, epochs=3, margin=0.3).fit(*labelled)
        b = MLP(space, objective=loss.__name__, epochs=3, margin=0.3).fit(*labelled)
        assert (a.predict(labelled[0]) == b.predict(labelled[0])).all()


def test_margin_of_the_ranker(space: NASBench201) -> None:
    s, y = torch.randn(9), torch.randn(9)
    generator = torch.Generator()
    found = MLP(space, objective="warp", margin=0.7)._loss(s, y, generator)
    assert found == warp(s, y, margin=0.7)
    own = partial(warp, margin=2.0)
    assert GATES(space, objective=own)._loss(s, y, generator) == warp(s, y, margin=2.0)


def test_losses_of_relevances_get_them(space: NASBench201) -> None:
    y = np.array([1.0, 5.0, 2.0, 4.0])
    for objective in ("lambdarank", lambdarank, partial(lambdarank, sigma=2.0)):
        assert (MLP(space, objective=objective)._targets(y) == relevance(y)).all()
    assert MLP(space, objective="warp")._targets(y).mean() == pytest.approx(0)


def test_defaults_are_the_published_losses(space: NASBench201) -> None:
    assert MLP(space).objective == LSTM(space).objective == GATES(space).objective == "hinge"
    assert NeuralPredictor(space).objective == "mse"
    ranker = GATES(space)
    assert ranker._loss_at(Progress(0, 1, 8)) == ranker._loss


def test_contract_of_a_piecewise_ranker(space: NASBench201) -> None:
    check_ranker(
        partial(MLP, encoding="one_hot", objective="hinge_mape", epochs=60, lr=5e-3), space
    )


def test_loss_of_a_users_file(tmp_path: Path, space: NASBench201, labelled) -> None:
    (tmp_path / "own.py").write_text("def cubed(s, t):\n    return (s - t).abs().pow(3).mean()\n")
    MLP(space, objective=f"{tmp_path / 'own.py'}:cubed", epochs=1).fit(*labelled)
    with pytest.raises(UnknownNameError, match=r"unknown loss 'warpp', did you mean .*'warp'"):
        MLP(space, objective="warpp", epochs=1).fit(*labelled)
    pieces = MLP(space, objective=Piecewise(lambdarank, mse, share=0.5), epochs=2)
    with pytest.raises(LabelError, match="needs relevances"):
        pieces.fit(*labelled)
