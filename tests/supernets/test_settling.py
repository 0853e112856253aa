"""Trainings that may stop when the ranks of sub-networks have settled."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from archrank.errors import SettingsError
from archrank.spaces import HAT
from archrank.supernets import Settling, one_shot_scores, running, start_training, train_supernet
from archrank.supernets.checkpoints import checkpoint, checkpoints
from archrank.supernets.running import Progress
from archrank.supernets.settling import RankHistory
from archrank.supernets.training import SupernetTraining
from archrank.torch_state import torch_threads
from tests.supernets.transformers import Reversal

NETWORKS = HAT("small").networks(Reversal())
SMALL = Settling(tau=1.0, rises=None, archs=12, examples=8)


def training(settling: Settling | None, epochs: int = 5) -> SupernetTraining:
    return start_training(
        NETWORKS, epochs=epochs, batch_size=16, batch_tokens=None, settling=settling
    )


def run(
    settling: Settling | None, folder: Path | None = None, **more: Any
) -> tuple[SupernetTraining, list[Progress]]:
    made, seen = training(settling), []
    with torch_threads(1):
        train_supernet(made, folder, every=1, watch=seen.append, **more)
    return made, seen


def history(taus: list[float], **rule: Any) -> RankHistory:
    return RankHistory(Settling(**rule), np.zeros(2), taus)


@pytest.mark.parametrize(
    ("taus", "settled"),
    [
        ([], False),
        ([0.9], False),  # must exceed it
        ([0.91], True),
        ([0.95, 0.5], False),
        ([0.1, 0.2, 0.3], False),
        ([0.1, 0.2, 0.3, 0.4], True),
        ([0.1, 0.2, 0.3, 0.3], False),
        ([0.1, 0.2, 0.15, 0.2, 0.3], False),
        ([0.1, 0.2, np.nan, 0.3, 0.4], False),
        ([np.nan], False),
    ],
)
def test_the_rule(taus: list[float], settled: bool) -> None:
    assert bool(history(taus, rises=3).settled) == settled
    assert bool(history(taus, rises=None).settled) == (taus[-1:] == [0.91])


def test_taus_are_those_of_the_losses_between_epochs(tmp_path: Path) -> None:
    made, seen = run(SMALL, tmp_path, keep=range(1, 6))
    archs = SMALL.listed(NETWORKS.space, made.seed)
    losses = []
    for epoch in range(1, 6):
        other = training(None)
        other.load(checkpoint(tmp_path, epoch))
        losses.append(one_shot_scores(other.supernet, Reversal(), archs, examples=8)["loss"])
    expected = [kendalltau(*pair).statistic for pair in pairwise(losses)]
    np.testing.assert_allclose(made.settling.taus, expected)
    assert np.isnan(seen[0].tau)
    np.testing.assert_allclose([each.tau for each in seen[1:]], expected)


def test_it_stops_and_stays_stopped(tmp_path: Path) -> None:
    rule = Settling(tau=-1.0, archs=12, examples=8)  # any two epochs agree enough
    made, seen = run(rule, tmp_path)
    assert made.epoch == len(seen) == 2
    assert seen[0].note == ""
    assert seen[1].note.startswith("ranks have settled in epoch 2: tau ")
    assert list(checkpoints(tmp_path)) == [2]
    again, none = run(rule, tmp_path)
    assert (again.epoch, none) == (2, [])
    longer, rest = run(None, tmp_path)  # without the rule it goes on to the end
    assert (longer.epoch, len(rest)) == (5, 3)


def test_watching_changes_no_weight(tmp_path: Path) -> None:
    watched, plain = run(SMALL)[0], run(None)[0]
    for name, tensor in watched.supernet.state_dict().items():
        assert tensor.equal(plain.supernet.state_dict()[name]), name
    assert plain.settling.taus == []


def test_a_stopped_training_goes_on_with_its_taus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(SMALL)[0]
    save = running._save

    def after_two(made: SupernetTraining, *more: Any) -> None:
        save(made, *more)
        if made.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running, "_save", after_two)
        with pytest.raises(KeyboardInterrupt):
            run(SMALL, tmp_path)
    resumed = run(SMALL, tmp_path)[0]
    assert resumed.settling.taus == whole.settling.taus
    assert len(resumed.settling.taus) == 4


def test_another_rule_begins_anew() -> None:
    past = RankHistory(SMALL)
    for losses in ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [np.nan, 1.0, 1.0]):
        past.add(np.array(losses))
    tensors, about = past.state()
    same = RankHistory(SMALL).restored(tensors, about)
    np.testing.assert_array_equal(same.taus, past.taus)
    assert np.isnan(same.taus[1])  # two equal losses have no order
    assert RankHistory(Settling(tau=0.5)).restored(tensors, about).taus == []
    assert RankHistory().restored(tensors, about).state() == ({}, {})


def test_wrong_settings() -> None:
    for setting, wrong in (("tau", 1.5), ("archs", 1), ("rises", 0), ("examples", 0)):
        with pytest.raises(SettingsError, match=f"Settling: {setting}"):
            Settling(**{setting: wrong})  # type: ignore[arg-type]
