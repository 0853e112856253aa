from __future__ import annotations

import numpy as np
import pytest

from archrank.rankers import GBDT, GaussianProcess, RandomForest
from archrank.rankers.base import Ranker, check_scores
from archrank.spaces import NASBench201

GRADES = np.arange(12) / 11


def test_usual_scores_are_left_alone() -> None:
    for scores in (GRADES, 100 * GRADES, GRADES - 1e6, 1e-12 * GRADES, 1e12 * GRADES):
        assert check_scores(scores, 12, 2, "R").tolist() == scores.tolist()


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 5e-324 * 11, 1e170, 1.7e308])
@pytest.mark.parametrize("sign", [1, -1])
def test_scores_whose_squares_cannot_be_held(scale: float, sign: int) -> None:
    checked = check_scores(sign * scale * GRADES, 12, 2, "R")
    np.testing.assert_allclose(checked, GRADES if sign > 0 else 1 - GRADES)


def test_a_range_that_cannot_be_held() -> None:
    assert check_scores(np.array([-1.7e308, 0.0, 1.7e308]), 3, 2, "R").tolist() == [0, 0.5, 1]


def test_neighbouring_floats_differ() -> None:
    scores = np.array([0.1, np.nextafter(0.1, 1), 0.1])
    checked = check_scores(scores, 3, 2, "R")
    assert checked[1] > checked[0] == checked[2]


@pytest.mark.parametrize("kind", [GaussianProcess, GBDT, RandomForest])
@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_rankers_learn_them(space: NASBench201, kind: type[Ranker], scale: float) -> None:
    archs = space.sample(30, rng=np.random.default_rng(0))
    scores = space.cost(archs)["params"] / 1e6
    plain = kind(space).fit(archs, scores).predict(archs)  # type: ignore[call-arg]
    extreme = kind(space).fit(archs, scale * scores).predict(archs)  # type: ignore[call-arg]
    assert np.corrcoef(plain, extreme)[0, 1] > 0.99
