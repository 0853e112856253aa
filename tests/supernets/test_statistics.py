"""Recalibrated batch norms leave nothing behind, however often they are recalibrated."""

from __future__ import annotations

import gc

import numpy as np
import torch
from torch import Tensor, nn

from archrank.spaces import NASBench201, Scale
from archrank.supernets import one_shot_scores, recalibrate
from archrank.supernets.statistics import use_batch_statistics
from archrank.tasks import Digits

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(copies=1)


def alive() -> tuple[int, int]:
    """Numbers of tensors and of all objects that Python keeps."""
    gc.collect()
    objects = gc.get_objects()
    return sum(issubclass(type(each), Tensor) for each in objects), len(objects)


def test_many_recalibrations_keep_nothing() -> None:
    network = use_batch_statistics(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)))
    batches = torch.randn(2, 5, 3).unbind()

    def calibrate(times: int) -> None:
        for _ in range(times):
            recalibrate(network, batches)

    calibrate(10)
    tensors, objects = alive()
    calibrate(2_000)
    after = alive()
    assert after[0] == tensors
    assert after[1] < objects + 100


def test_scores_with_recalibrated_norms_keep_nothing() -> None:
    supernet = SPACE.networks(TASK).supernet()
    archs = SPACE.sample(30, rng=np.random.default_rng(0))

    def score(rows: np.ndarray) -> None:
        one_shot_scores(supernet, TASK, rows, statistics="recalibrated", examples=20, calibration=1)

    score(archs[:3])
    tensors, objects = alive()
    score(archs)
    after = alive()
    assert after[0] == tensors
    assert after[1] < objects + 200
