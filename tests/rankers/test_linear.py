from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from archrank.rankers import Linear
from archrank.rankers.linear import PENALTIES
from archrank.spaces import CustomSpace, NASBench201
from archrank.testing import check_ranker


def test_contract(space: NASBench201) -> None:
    check_ranker(Linear, space)


def test_is_ridge_regression_with_the_penalty_of_leave_one_out(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    archs = space.sample(40, rng=rng)
    scores = space.cost(archs)["macs"] / 1e7 + rng.normal(size=40)
    ranker = Linear(space).fit(archs, scores)
    x = space.features(archs).astype(float)
    x = x[:, x.std(axis=0) > 1e-9]
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    oracle = Ridge(alpha=40 * ranker.penalty_).fit(z, scores)
    assert ranker.predict(archs) == pytest.approx(oracle.predict(z), abs=1e-6)

    def error(penalty: float) -> float:
        left_out = cross_val_predict(Ridge(alpha=40 * penalty), z, scores, cv=LeaveOneOut())
        return float(((left_out - scores) ** 2).mean())

    errors = [error(penalty) for penalty in PENALTIES[::3]]  # centred anew without each label
    assert error(ranker.penalty_) <= 1.05 * min(errors)


def test_a_linear_law_is_learnt_in_the_unit_of_the_labels() -> None:
    space = CustomSpace({"a": [1, 2, 3, 4], "b": [0, 5, 10]}, build=lambda c, t: None)
    archs = space.enumerate()
    latency_ms = 20 + 3.0 * archs[:, 0] + 7.0 * archs[:, 1]
    predicted = Linear(space).fit(archs[:-2], -latency_ms[:-2]).predict(archs)
    assert predicted == pytest.approx(-latency_ms, abs=0.3)
