"""A training that is killed (SIGKILL) at any moment, and ends as if it never was."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archrank import files
from archrank.spaces import NASBench201, Scale
from archrank.supernets import SupernetTraining, checkpoints, start_training, train_supernet
from archrank.supernets.checkpoints import checkpoint, last_checkpoint, read_checkpoint
from archrank.supernets.samplers import FairNAS
from archrank.supernets.updates import MeanPerWeight
from archrank.tasks import Digits
from archrank.training.step import Step

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
EPOCHS, BATCHES = 9, 3
MOMENTS = ("update", "half a file", "before fsync", "before the rename", "before the removal")


def training() -> SupernetTraining:
    """Return one with everything that has state: plateaus, momenta of groups, dropout, noise."""
    torch.set_num_threads(1)
    return start_training(
        SPACE.networks(Digits(copies=1)),
        "surgery",
        sampler=FairNAS(),
        rule=MeanPerWeight(decay_exponents=(1.5, 0.5), momentum_decision=1),
        epochs=EPOCHS,
        batch_size=300,
        lr=1.0,  # so high that the loss soon rises
        plateau_patience=0,
    )


def die(*args: Any, **options: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def nth(
    call: Callable[..., Any], number: int, then: Callable[..., Any] = die
) -> Callable[..., Any]:
    """Return ``call``, which ends the process when it is called for the ``number``-th time."""
    calls = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            then(*args, **options)
        return call(*args, **options)

    return counted


def half(path: Path, write: Callable[[Any], object], **options: Any) -> Path:
    """Write half of a file, then die."""
    whole = io.BytesIO()
    write(whole)

    def begin(file: Any) -> None:
        file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
        file.flush()
        die()

    return files.write_file(path, begin, **options)


def train_and_die(folder: Path, moment: str, number: int) -> None:
    """Train in a process of its own, and die at the ``number``-th such moment."""
    if moment == "update":
        Step.update = nth(Step.update, number)  # type: ignore[method-assign]
    elif moment == "half a file":
        checkpoints.write_file = nth(checkpoints.write_file, number, half)
    elif moment == "before fsync":
        os.fsync = nth(os.fsync, number)
    elif moment == "before the rename":
        os.replace = nth(os.replace, number)
    else:
        Path.unlink = nth(Path.unlink, number)  # type: ignore[method-assign]
    train_supernet(training(), folder, every=1)


def test_kills_change_nothing(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train_supernet(training(), whole, every=1)
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    rng = np.random.default_rng(0)
    left, factors = [], []
    for moment in rng.permutation(MOMENTS).tolist():
        number = BATCHES + int(rng.integers(1, BATCHES + 1)) if moment == "update" else 2
        process = context.Process(target=train_and_die, args=(killed, moment, number))
        process.start()
        process.join(600)
        assert process.exitcode == -signal.SIGKILL, moment
        left.append(len(list(killed.glob(".*.tmp"))))
        tensors, _ = read_checkpoint(last_checkpoint(killed))
        factors.append(tensors["step"]["schedule"]["factor"])
    assert max(left) == 1, "half files are removed, not piled up"
    train_supernet(training(), killed, every=1)
    assert 0 < min(factors) < max(factors) == 1, "plateaus lowered the learning rate meanwhile"
    assert os.listdir(killed) == [checkpoint(killed, EPOCHS).name]
    assert checkpoint(killed, EPOCHS).read_bytes() == checkpoint(whole, EPOCHS).read_bytes()
