from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest
from numpy.typing import NDArray

from archrank.errors import LabelError, UnknownNameError
from archrank.rankers import NASGBDT
from archrank.rankers.trees.nas_gbdt import MEAN, SD
from archrank.spaces import NASBench201
from archrank.testing import check_ranker
from archrank.testing.rankers import easy_scores


def test_contract(space: NASBench201) -> None:
    check_ranker(NASGBDT, space)


def accuracies(space: NASBench201, n: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    archs = space.sample(n, rng=np.random.default_rng(0))
    y = easy_scores(space, archs)
    return archs, 0.8 + 0.15 * (y - y.min()) / np.ptp(y)


def test_published_form_is_the_released_code(space: NASBench201) -> None:
    archs, y = accuracies(space, 300)
    kept = y >= 0.85
    one_hot = (archs[:, :, None] == np.arange(5)).reshape(len(archs), -1).astype(np.float32)
    booster = lgb.train(
        {
            "objective": "regression",
            "num_leaves": 31,
            "learning_rate": 0.05,
            "feature_fraction": 0.9,
            "bagging_fraction": 0.8,
            "bagging_freq": 5,
            "min_data_in_leaf": 20,
            "seed": 4,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        },
        lgb.Dataset(one_hot[kept], (y[kept] - MEAN) / SD),
        100,
    )
    ours = NASGBDT(space, published=True, seed=4).fit(archs, y).predict(archs)
    assert np.allclose(ours, booster.predict(one_hot), atol=1e-4)


def test_by_default_every_label_counts(space: NASBench201) -> None:
    archs, y = accuracies(space, 300)
    low = y < 0.85
    predicted = NASGBDT(space).fit(archs, y).predict(archs)
    published = NASGBDT(space, published=True).fit(archs, y).predict(archs)
    assert np.corrcoef(predicted[low], y[low])[0, 1] > np.corrcoef(published[low], y[low])[0, 1]
    assert abs(predicted.mean() - y.mean()) < 0.01  # in the labels' units


def test_published_form_refuses_percent(space: NASBench201) -> None:
    archs, y = accuracies(space, 100)
    with pytest.raises(LabelError, match=r"fractions in \[0, 1\], got scores from 80"):
        NASGBDT(space, published=True).fit(archs, 100 * y)


def test_published_form_names_how_many_labels_are_left(space: NASBench201) -> None:
    archs, y = accuracies(space, 40)
    with pytest.raises(LabelError, match=f"{(y >= 0.85).sum()} of 40 are left"):
        NASGBDT(space, published=True).fit(archs, y)


def test_unknown_encoding(space: NASBench201) -> None:
    archs, y = accuracies(space, 10)
    with pytest.raises(UnknownNameError, match="did you mean 'one_hot'"):
        NASGBDT(space, encoding="onehot").fit(archs, y)  # type: ignore[arg-type]
