from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from archrank.errors import ArchrankError, SpaceError
from archrank.rankers import Ensemble, RandomForest, Ranker, RankNAS
from archrank.spaces import CustomSpace, NASBench201
from archrank.testing import check_ranker


def mixed(space: NASBench201, seed: int) -> Ensemble:
    return Ensemble([RandomForest(space, 10), RankNAS(space)], weights=[1, 2], seed=seed)


def copies(space: NASBench201, seed: int) -> Ensemble:
    return Ensemble.of(RankNAS(space, rounds=30), copies=3, bootstrap=True, seed=seed)


@pytest.mark.parametrize("make", [mixed, copies])
def test_contract(space: NASBench201, make: object) -> None:
    check_ranker(make, space)  # type: ignore[arg-type]


@pytest.fixture
def labels(space: NASBench201) -> tuple[np.ndarray, np.ndarray]:
    archs = space.sample(60, rng=np.random.default_rng(0))
    return archs, space.cost(archs)["macs"]


def test_nested_parameters(space: NASBench201) -> None:
    ensemble = mixed(space, 0)
    assert ensemble.get_params()["member0__trees"] == 10
    twin = clone(ensemble).set_params(member0__trees=20, weights=None, member1=RandomForest(space))
    assert (twin.members[0].trees, twin.weights) == (20, None)
    assert isinstance(twin.members[1], RandomForest)
    assert ensemble.members[0].trees == 10  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="Invalid parameter 'member7'"):
        ensemble.set_params(member7=None)


def test_members_count_by_weight_on_one_scale(
    space: NASBench201, labels: tuple[np.ndarray, np.ndarray]
) -> None:
    ensemble = mixed(space, 0).fit(*labels)
    sample = space.sample(512, rng=np.random.default_rng(0))
    parts = []
    for member in ensemble.members_:
        reference = member.predict(sample)
        parts.append((member.predict(labels[0]) - reference.mean()) / reference.std())
    expected = parts[0] / 3 + parts[1] * 2 / 3
    assert np.allclose(ensemble.predict(labels[0]), expected)


def test_std_holds_both_kinds_of_doubt(
    space: NASBench201, labels: tuple[np.ndarray, np.ndarray]
) -> None:
    alone = RankNAS(space)
    same = Ensemble([alone]).fit(*labels)
    assert (same.predict(labels[0], return_std=True)[1] == 0).all()
    forest = Ensemble([RandomForest(space, 10)]).fit(*labels)
    own = forest.members_[0].predict(labels[0], return_std=True)[1] / forest.scales_[0, 1]
    assert np.allclose(forest.predict(labels[0], return_std=True)[1], own)
    spread = copies(space, 0).fit(*labels).predict(labels[0], return_std=True)[1]
    assert spread.mean() > 0


def test_bootstrap_survives_nearly_constant_labels(space: NASBench201) -> None:
    archs = space.sample(3, rng=np.random.default_rng(0))
    ensemble = Ensemble.of(RankNAS(space), copies=4, bootstrap=True)
    assert np.isfinite(ensemble.fit(archs, [0.0, 0.0, 1.0]).predict(archs)).all()


def test_seeds_differ_between_copies_and_members_stay_untouched(
    space: NASBench201, labels: tuple[np.ndarray, np.ndarray]
) -> None:
    members: list[Ranker] = [RandomForest(space, 5, seed=3), RandomForest(space, 5, seed=3)]
    ensemble = Ensemble(members).fit(*labels)
    a, b = ensemble.members_
    assert not np.array_equal(a.predict(labels[0]), b.predict(labels[0]))
    assert [m.seed for m in members] == [3, 3]  # type: ignore[attr-defined]
    assert not hasattr(members[0], "forest_")


def test_mistakes(space: NASBench201, labels: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ArchrankError, match="at least one member"):
        Ensemble([]).fit(*labels)
    for weights in ([1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")]):
        with pytest.raises(ArchrankError, match="as many weights"):
            mixed(space, 0).set_params(weights=weights).fit(*labels)
    other = CustomSpace({"a": [1, 2]}, build=lambda config, task: None)
    with pytest.raises(SpaceError, match="member 1 has custom"):
        Ensemble([RandomForest(space), RandomForest(other)]).fit(*labels)
