from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from archrank.errors import DataError, SpaceError
from archrank.evaluators import StoredForest
from archrank.spaces import AttentiveNAS, AttentiveSmall, NASBench201
from archrank.spaces.mobile.attentivenas import NAMED
from archrank.testing import check_evaluator

SPACE = AttentiveSmall()


def arrays_of(forest: RandomForestRegressor, names: list[str]) -> dict[str, Any]:
    """Take the nodes out of scikit-learn's trees."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    joined = {
        "feature": [np.maximum(t.feature, 0) for t in trees],
        "threshold": [t.threshold for t in trees],
        "left": [t.children_left for t in trees],
        "right": [t.children_right for t in trees],
        "value": [t.value[:, 0, 0] for t in trees],
    }
    return {
        "offsets": np.cumsum([0, *(t.node_count for t in trees)]),
        "feature_names": np.array(names),
        **{name: np.concatenate(parts) for name, parts in joined.items()},
    }


@pytest.fixture(scope="module")
def fitted() -> RandomForestRegressor:
    rng = np.random.default_rng(0)
    archs = SPACE.sample(300, rng=rng)
    x = SPACE.predictor_vector(archs)
    y = np.log(SPACE.mflops(archs)) + rng.normal(0, 0.1, len(x))
    return RandomForestRegressor(20, max_depth=9, random_state=0).fit(x, y)


@pytest.fixture(scope="module")
def arrays(fitted: RandomForestRegressor) -> dict[str, Any]:
    return arrays_of(fitted, [choice.name for choice in SPACE.choices])


def test_predicts_as_the_forest_that_was_stored(
    fitted: RandomForestRegressor, arrays: dict[str, Any], tmp_path: Path
) -> None:
    np.savez(tmp_path / "forest.npz", **arrays)
    forest = StoredForest(tmp_path / "forest.npz")
    check_evaluator(forest, SPACE)
    archs = SPACE.sample(5_000, rng=np.random.default_rng(1))  # more than go down together
    found = forest.bind(SPACE).evaluate(archs)["accuracy"]
    np.testing.assert_allclose(found, fitted.predict(SPACE.predictor_vector(archs)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": None}, "it has no array 'value'"),
        ({"left": np.arange(3)}, "are not of one length"),
        ({"offsets": np.array([0, 5])}, "do not divide the nodes into trees"),
        ({"left": "loop"}, "node 0 has the child 0"),
        ({"feature_names": np.array(["resolution"])}, "an input that has no name"),
        ({"feature": "fractions"}, "Cannot cast"),
    ],
)
def test_damaged_forests(
    change: dict[str, Any], message: str, arrays: dict[str, Any], tmp_path: Path
) -> None:
    given = dict(arrays)
    for name, value in change.items():
        if value is None:
            del given[name]
        elif isinstance(value, str):
            given[name] = given[name] * (0 if value == "loop" else 0.5)
        else:
            given[name] = value
    np.savez(tmp_path / "forest.npz", **given)
    with pytest.raises(DataError, match=message):
        StoredForest(tmp_path / "forest.npz")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        StoredForest(tmp_path / "forest.npz")
    (tmp_path / "forest.npz").write_text("trees")
    with pytest.raises(DataError, match="holds no forest"):
        StoredForest(tmp_path / "forest.npz")


def test_another_space_is_refused(arrays: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "forest.npz", **arrays)
    forest = StoredForest(tmp_path / "forest.npz")
    with pytest.raises(SpaceError, match="input 7 is 'width_last_conv', but attentivenas has"):
        forest.bind(AttentiveNAS())
    with pytest.raises(SpaceError, match="made for another space"):
        forest.bind(NASBench201())


def test_the_released_forest_orders_the_released_networks(data_dir: Path) -> None:
    path = data_dir / "attentivenas_acc_predictor.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    space = AttentiveNAS()
    forest = StoredForest(path).bind(space)
    scores = forest.evaluate(space.parse(list(NAMED)))["accuracy"]
    assert (np.diff(scores) > 0).all()
    assert 66 < scores.min() < scores.max() < 73  # percent, after 30 epochs
    assert len(forest.forest.roots) == 100
    assert forest.forest.depth == 15
