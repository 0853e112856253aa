from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from archrank.rankers import AttentiveNASForest
from archrank.spaces import NASBench201
from archrank.testing import check_ranker


def test_contract(space: NASBench201) -> None:
    check_ranker(partial(AttentiveNASForest, trees=30), space)


def test_is_the_published_forest(space: NASBench201) -> None:
    archs = space.sample(80, rng=np.random.default_rng(0))
    y = np.random.default_rng(1).normal(size=80)
    ours = AttentiveNASForest(space, encoding="ordinal", seed=5).fit(archs, y)
    published = RandomForestRegressor(
        n_estimators=100, max_depth=15, max_features=1.0, bootstrap=True, random_state=5
    )
    published.fit(archs.astype(np.float32), (y - y.mean()) / y.std())
    expected = published.predict(archs.astype(np.float32)) * y.std() + y.mean()
    assert np.allclose(ours.predict(archs), expected)
    assert sorted(ours.get_params(deep=False)) == [
        "encoding",
        "max_depth",
        "seed",
        "space",
        "trees",
    ]
