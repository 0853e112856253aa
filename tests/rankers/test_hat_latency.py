from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.rankers import HATLatency
from archrank.spaces import CustomSpace, NASBench201
from archrank.testing import check_ranker


def counts(archs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count each operation: ``(n, 5)``."""
    return (archs[:, :, None] == np.arange(5)).sum(1)


def test_contract(space: NASBench201) -> None:
    check_ranker(partial(HATLatency, hidden=(64, 64), steps=200, lr=3e-3), space)


def test_learns_latency_in_its_own_units(space: NASBench201) -> None:
    archs = space.sample(300, rng=np.random.default_rng(0))
    latency_ms = 5 + counts(archs) @ np.array([0.0, 0.1, 1.0, 3.0, 0.5])
    ranker = HATLatency(space, counts, hidden=(64, 64), lr=3e-3)
    predicted = -ranker.fit(archs[:200], -latency_ms[:200]).predict(archs[200:])
    error = np.abs(predicted / latency_ms[200:] - 1).mean()
    assert error < 0.05
    assert ranker.network_[0].in_features == 5


def test_published_shape_and_number_of_steps(space: NASBench201) -> None:
    archs = space.sample(300, rng=np.random.default_rng(0))
    ranker = HATLatency(space, lambda a: np.ones((len(a), 10)), steps=7)
    ranker.fit(archs, np.arange(300.0))
    linear = [m for m in ranker.network_.modules() if isinstance(m, torch.nn.Linear)]
    assert [m.in_features for m in linear] == [10, 400, 400, 400, 400]
    assert ranker.epochs_ == 3  # of 3 batches each: 9 steps are the first whole passes over 7


def test_a_wrong_summary_is_named(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    for wrong in (lambda a: a.mean(1), lambda a: a[:2], lambda a: a / np.zeros(6)):
        with (
            np.errstate(divide="ignore", invalid="ignore"),
            pytest.raises(SpaceError, match=r"finite numbers \(5, f\)"),
        ):
            HATLatency(space, wrong).fit(archs, -np.arange(5.0))


def test_constant_features_do_no_harm() -> None:
    space = CustomSpace({"depth": [1, 2, 3, 4], "kind": ["only"]}, build=lambda c, t: None)
    archs = space.enumerate()
    ranker = HATLatency(space, hidden=(16,), steps=100, lr=3e-3).fit(
        archs, -archs[:, 0].astype(float)
    )
    assert (np.diff(ranker.predict(archs)) < 0).all()
