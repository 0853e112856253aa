"""Costs of a training, from its first updates."""

from __future__ import annotations

import pytest
import torch

from archrank.spaces import NASBench201, Scale
from archrank.supernets import dry_run, start_training, train_supernet
from archrank.supernets.checkpoints import checkpoint
from archrank.tasks import Digits
from archrank.torch_state import torch_threads

NETWORKS = NASBench201(Scale(channels=2, cells=1, reduction="pool")).networks(Digits(copies=1))


def test_a_dry_run_takes_the_first_updates(tmp_path) -> None:
    with torch_threads(1):
        training, whole = (start_training(NETWORKS, epochs=1, batch_size=100) for _ in range(2))
        before = [p.clone() for p in training.supernet.parameters()]
        found = dry_run(training)
        assert len(found.seconds) == len(found.cpu_seconds) == 2
        assert min(*found.seconds, *found.cpu_seconds) > 0
        assert training._step.done == 2
        updates = whole.updates()
        for _ in range(2):
            next(updates)
        updates.close()
        after = list(training.supernet.parameters())
        assert all(map(torch.equal, after, whole.supernet.parameters()))
        assert not all(map(torch.equal, after, before))
        assert found.params == sum(p.numel() for p in before)
        train_supernet(start_training(NETWORKS, epochs=1, batch_size=500), tmp_path)
    size = checkpoint(tmp_path, 1).stat().st_size
    assert found.checkpoint_bytes == pytest.approx(size, rel=0.01)
    assert found.peak_bytes is not None
    assert 5e7 < found.peak_bytes < 1e12  # torch alone takes as much


def test_random_numbers_of_others_stay_as_they_were() -> None:
    training = start_training(NETWORKS, epochs=1, batch_size=300, options={"dropout": 0.1})
    state = torch.get_rng_state()
    dry_run(training)
    assert torch.equal(torch.get_rng_state(), state)
