from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr
from torch.nn.functional import cross_entropy

from archrank.errors import ArchitectureError, SettingsError, UnknownNameError
from archrank.evaluators import ZeroCost
from archrank.networks import NASBench201Network
from archrank.proxies import draw_batch, scores, scoring, synflow
from archrank.rankers import RANKERS
from archrank.spaces import NASBench201
from archrank.tasks import Digits

TASK = Digits(copies=1)


class Elsewhere(Executor):
    """Runs jobs as another process would: on a pickled copy."""

    def __init__(self) -> None:
        self.jobs = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.jobs += 1
        function, given = pickle.loads(pickle.dumps((fn, args)))
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*given))))
        return future


def test_scores_are_the_evaluators_wherever_they_are_computed(
    space: NASBench201, monkeypatch: pytest.MonkeyPatch
) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    expected = ZeroCost(TASK, batch_size=8).bind(space, seed=3).evaluate(archs)
    monkeypatch.setattr(scoring, "CHUNK", 2)
    executor = Elsewhere()
    for where in (None, executor):
        found = scores(space, archs, TASK, seed=3, batch_size=8, executor=where)
        assert list(found) == list(expected)
        for name, values in found.items():
            assert np.array_equal(values, expected[name], equal_nan=True)
    assert executor.jobs == 3


def test_no_architectures(space: NASBench201) -> None:
    found = scores(space, np.empty((0, 6), dtype=np.uint8), TASK, ("snip",))
    assert found["snip"].shape == (0,)


def test_the_batch_is_training_data_drawn_with_the_seed() -> None:
    x, y = draw_batch(TASK, seed=1, batch_size=20)
    train = TASK.load().train
    rows = [int(torch.nonzero((train.x == image).flatten(1).all(1))[0]) for image in x]
    assert len(set(rows)) == 20
    assert torch.equal(train.y[rows], y)
    assert torch.equal(draw_batch(TASK, seed=1, batch_size=20).x, x)
    assert not torch.equal(draw_batch(TASK, seed=2, batch_size=20).x, x)
    assert len(draw_batch(TASK, batch_size=10**6).y) == len(train.y)


def test_mistakes(space: NASBench201) -> None:
    one = np.ones((1, 6), dtype=np.uint8)
    with pytest.raises(UnknownNameError, match="did you mean 'naswot'"):
        scores(space, one, TASK, ("nas_wot",))
    with pytest.raises(ArchitectureError):
        scores(space, 9 * one, TASK)
    with pytest.raises(SettingsError, match="from 2, got 1"):
        scores(space, one, TASK, batch_size=1)
    with pytest.raises(UnknownNameError, match="no module 'nowhere'"):
        scores(space, one, TASK, ("nowhere:mine",))


def test_scores_are_weak_labels_of_a_ranker(space: NASBench201) -> None:
    archs = space.sample(40, rng=np.random.default_rng(0))
    weak = scores(space, archs, TASK, ("synflow", "jacob_cov"), batch_size=8)
    ranker = RANKERS.get("default")(space).pretrain(archs, weak)
    ranker.fit(archs[:10], space.cost(archs[:10])["params"])
    assert np.isfinite(ranker.predict(archs)).all()


def test_synflow_agrees_with_published_values(data_dir: Path, space: NASBench201) -> None:
    """On the published networks; it depends on the initial weights, but on no data."""
    path = data_dir / "nb201_zc.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    zc = pd.read_csv(path, dtype={"arch": str}).query("dataset == 'cifar10'")
    zc = zc.sample(25, random_state=1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.zeros(1, 3, 32, 32), torch.zeros(1)
    found = [
        synflow(NASBench201Network([space.ops[k] for k in row]), x, y, cross_entropy)
        for row in space.parse(list(zc.arch))
    ]
    assert spearmanr(found, zc.synflow).statistic > 0.97
    # their column is the logarithm, so even the values agree
    assert np.allclose(np.log1p(found), zc.synflow, atol=1.0)
