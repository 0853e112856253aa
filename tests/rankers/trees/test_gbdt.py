from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.stats import kendalltau

from archrank.errors import UnknownNameError
from archrank.rankers import GBDT, RankNAS
from archrank.rankers.trees import gbdt as module
from archrank.rankers.trees.gbdt import grades, pair_loss, pairwise_gradient, pairwise_objective
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import load_table
from archrank.testing import check_ranker
from archrank.testing.rankers import easy_scores

OBJECTIVES = ["regression", "lambdarank", "pairwise"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_contract(space: NASBench201, objective: str) -> None:
    check_ranker(partial(GBDT, objective=objective), space)


def test_ranknas_contract() -> None:
    choices = {f"c{j}": [1, 2, 3, 4] for j in range(6)}
    check_ranker(RankNAS, CustomSpace(choices, build=build))


def build(config: object, task: object) -> None:
    return None


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("n", [2, 3, 10])
def test_few_labels(space: NASBench201, objective: str, n: int) -> None:
    archs = space.parse(
        [
            "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
            "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        ]
    )
    archs = np.concatenate([archs, space.sample(n - 2, rng=np.random.default_rng(0))])
    scores = np.concatenate([[0.9, 0.1], np.linspace(0.3, 0.6, n - 2)])
    predicted = GBDT(space, objective).fit(archs, scores).predict(archs)  # type: ignore[arg-type]
    assert np.isfinite(predicted).all()
    if objective != "regression":  # bagging may leave a row of two out
        assert predicted[0] > predicted[1]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_few_tied_labels(space: NASBench201, objective: str) -> None:
    """LightGBM stopped at some of these when a leaf might weigh nothing."""
    for n in (6, 10, 15):
        for seed in range(16):
            rng = np.random.default_rng(seed)
            archs = space.sample(n, rng=rng)
            scores = np.round(space.cost(archs)["macs"], -7)
            if np.ptp(scores) > 0:
                ranker = GBDT(space, objective)  # type: ignore[arg-type]
                assert np.isfinite(ranker.fit(archs, scores).predict(archs)).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 8))
def test_pairwise_gradient_is_that_of_the_loss(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    s, y = rng.normal(size=n), rng.integers(0, 3, n).astype(float)
    scale = n * n / 2  # the loss is a mean over ordered pairs, each counted from both ends

    def loss(x: np.ndarray) -> float:
        return scale * pair_loss(x, y)

    assert check_grad(loss, lambda x: pairwise_gradient(x, y)[0], s) < 1e-4
    step = 1e-5 * np.eye(n)
    ahead = [pairwise_gradient(s + e, y)[0][i] for i, e in enumerate(step)]
    behind = [pairwise_gradient(s - e, y)[0][i] for i, e in enumerate(step)]
    curvature = (np.array(ahead) - np.array(behind)) / 2e-5
    assert np.allclose(pairwise_gradient(s, y)[1] - 0.25, curvature, atol=1e-4)  # less (i, i)


def test_sampled_pairs_estimate_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    s, y = rng.normal(size=300), rng.normal(size=300)
    full, _ = pairwise_gradient(s, y)
    monkeypatch.setattr(module, "MAX_PAIRS", 300 * 100)
    objective = pairwise_objective(y, rng=rng)
    sampled = np.mean([objective(s, None)[0] for _ in range(50)], axis=0)  # type: ignore[arg-type]
    assert np.corrcoef(full, sampled)[0, 1] > 0.99
    assert np.allclose(sampled * 3, full, atol=15)


def test_many_labels_stay_linear_in_memory(space: NASBench201) -> None:
    archs = space.sample(2_100, rng=np.random.default_rng(0))
    y = easy_scores(space, archs)
    for objective in ("pairwise", "lambdarank"):
        ranker = GBDT(space, objective, rounds=5).fit(archs, y)  # type: ignore[arg-type]
        assert kendalltau(ranker.predict(archs), y)[0] > 0.5


def test_grades() -> None:
    scores = np.arange(11.0)  # q20 = 2, max = 10
    assert grades(scores).tolist() == [0, 0, 0, 2, 5, 8, 10, 12, 15, 18, 20]
    tied = np.array([0.0] + [1.0] * 9)  # q20 equals the maximum: the published form divides by 0
    assert grades(tied).tolist() == [0] + [20] * 9
    assert grades(np.array([-5.0, 0.0] + [1.0] * 10)).tolist() == [0, 0] + [20] * 10


def test_early_stopping_grows_fewer_trees(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    archs = space.sample(200, rng=rng)
    noise = rng.normal(size=200)
    stopped = RankNAS(space, rounds=100).fit(archs, noise)
    assert stopped.booster_.num_trees() < 100
    full = RankNAS(space, rounds=100, validation=0).fit(archs, noise)
    assert full.booster_.num_trees() == 100


def test_unknown_objective(space: NASBench201) -> None:
    archs = space.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(UnknownNameError, match="did you mean 'pairwise'"):
        GBDT(space, "pairwize").fit(archs, np.arange(5.0))  # type: ignore[arg-type]


def test_pairs_beat_regression_on_the_published_table(space: NASBench201, nb201_csv: Path) -> None:
    table = load_table(nb201_csv, space)
    valid, test = table.objective("c10_val"), table.objective("c10_test")
    taus: dict[str, list[float]] = {objective: [] for objective in OBJECTIVES}
    for seed in range(3):
        rows = np.random.default_rng(seed).choice(len(table), 78, replace=False)
        for objective, values in taus.items():
            ranker = GBDT(space, objective, seed=seed)  # type: ignore[arg-type]
            ranker.fit(table.archs[rows], valid[rows])
            values.append(kendalltau(ranker.predict(table.archs), test)[0])
    assert np.mean(taus["pairwise"]) > 0.6
    assert np.mean(taus["pairwise"]) > np.mean(taus["regression"])


def test_ranknas_regression_predicts_in_the_unit_of_the_labels(space: NASBench201) -> None:
    archs = space.sample(400, rng=np.random.default_rng(0))
    latency_ms = 20 + space.cost(archs)["macs"] / 1e7
    ranker = RankNAS(space, loss="regression").fit(archs[:300], -latency_ms[:300])
    error = np.abs(ranker.predict(archs[300:]) / -latency_ms[300:] - 1).mean()
    assert error < 0.03
    assert ranker.booster_.params["max_depth"] == 6
    pairs = RankNAS(space).fit(archs[:300], -latency_ms[:300])  # the unit of pairs is their order
    assert np.abs(pairs.predict(archs[300:])).max() < latency_ms.min()
