from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from archrank.errors import UnknownNameError
from archrank.rankers import RandomForest
from archrank.spaces import NASBench201
from archrank.testing import check_ranker


@pytest.mark.parametrize("encoding", ["features", "ordinal"])
def test_contract(space: NASBench201, encoding: str) -> None:
    check_ranker(partial(RandomForest, trees=30, encoding=encoding), space)


def test_mean_and_spread_are_those_of_the_trees(space: NASBench201) -> None:
    archs = space.sample(60, rng=np.random.default_rng(0))
    y = space.cost(archs)["macs"]
    ranker = RandomForest(space, 10).fit(archs, y)
    mean, std = ranker.predict(archs, return_std=True)
    x = space.features(archs)
    trees = np.stack([t.predict(x) for t in ranker.forest_.estimators_]) * y.std() + y.mean()
    assert np.allclose(mean, trees.mean(0))
    assert np.allclose(std, trees.std(0))


def test_tiny_spreads_are_learnt(space: NASBench201) -> None:
    archs = space.sample(100, rng=np.random.default_rng(0))
    y = space.cost(archs)["macs"]
    small = 0.94 + 1e-9 * (y - y.mean()) / y.std()
    order = np.argsort(RandomForest(space, 10).fit(archs, y).predict(archs))
    predicted = RandomForest(space, 10).fit(archs, small).predict(archs)
    assert np.corrcoef(np.argsort(order), np.argsort(np.argsort(predicted)))[0, 1] > 0.98


def test_unknown_encoding(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="unknown encoding 'onehot'"):
        RandomForest(space, encoding="onehot").fit(archs, np.arange(5.0))  # type: ignore[arg-type]
