from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import BudgetError, SettingsError
from archrank.evaluators import StoredForest
from archrank.spaces import AttentiveNAS, CustomSpace, Space
from archrank.strategies.bucket_evolution import BucketEvolution
from archrank.strategies.evaluated import Evaluated
from archrank.types import Archs, Floats

SPACE = CustomSpace({f"d{j}": list(range(6)) for j in range(8)}, build=lambda config, task: None)
SMALLEST = np.zeros((1, 8), dtype=np.uint8)
SMALL = BucketEvolution(width=4.0, initial=60, generations=8, mutants=12, mixtures=12)


def cost(archs: Archs) -> Floats:
    """The sum of all options; the largest is 40."""
    return archs.sum(axis=1).astype(np.float64)


def score(archs: Archs) -> Floats:
    """Options are worth their size times a weight that the costs do not know."""
    weights = np.array([9.0, 1, 7, 0, 5, -2, 3, -5])
    return archs @ weights


def search(
    limits: tuple[float, ...] = (), seed: int = 0, how: BucketEvolution = SMALL
) -> Evaluated:
    return how.run(SPACE, score, cost, start=SMALLEST, limits=limits, seed=seed)


def test_the_budget_is_that_of_the_released_script() -> None:
    sizes = []

    def counted(archs: Archs) -> Floats:
        sizes.append(len(archs))
        return score(archs)

    found = BucketEvolution(width=4.0).run(SPACE, counted, cost, start=SMALLEST, seed=1)
    assert sizes == [512, *[256] * 19]
    assert sum(sizes) == 5376 == len(found)
    assert len(np.unique(found.archs, axis=0)) == 5376
    assert (found.archs[0] == 0).all()


def test_the_seed_alone_decides() -> None:
    first, again, other = search(), search(), search(seed=1)
    np.testing.assert_array_equal(first.archs, again.archs)
    assert (first.archs != other.archs).any()


@pytest.mark.parametrize("limits", [(3.0,), (30.0, 12.0), (0.5,)])
def test_nothing_above_the_largest_limit_is_scored(limits: tuple[float, ...]) -> None:
    found = search(limits)
    assert found.costs.max() <= max(limits)
    np.testing.assert_array_equal(found.costs, cost(found.archs))
    np.testing.assert_array_equal(found.scores, score(found.archs))


def test_no_architecture_within_the_limits() -> None:
    found = SMALL.run(SPACE, score, lambda archs: cost(archs) + 9, start=SMALLEST, limits=[3.0])
    assert len(found) == len(found.front()) == len(found.best()) == 0


def test_one_run_serves_many_limits_better_than_chance() -> None:
    limits = (8.0, 14.0, 20.0, 26.0)
    exact = []  # a knapsack whose items have equal costs: the most valuable decisions first
    for limit in limits:
        full, rest = divmod(int(limit), 5)
        values = [9, 7, 5, 3, 1, 0]
        exact.append(sum(5 * v for v in values[:full]) + rest * values[full])
    found = search(limits, how=BucketEvolution(width=4.0, initial=100, generations=30))
    assert [found.scores[found.best(1, limit)[0]] for limit in limits] == exact
    chance = SPACE.sample(len(found), rng=np.random.default_rng(0))
    for limit, best in zip(limits, exact, strict=True):
        assert score(chance)[cost(chance) <= limit].max(initial=-99) < best


def test_a_small_space_is_listed() -> None:
    space = CustomSpace({"a": [1, 2, 3], "b": [1, 2]}, build=lambda config, task: None)
    found = SMALL.run(space, cost, cost, start=SMALLEST[:, :2])
    assert sorted(map(tuple, found.archs.tolist())) == sorted(
        map(tuple, space.enumerate().tolist())
    )


POINTS = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 2.0, 3.5, np.nan]), st.integers(0, 12)), max_size=30
)


def evaluated(points: list[tuple[float, int]]) -> Evaluated:
    scores, costs = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return Evaluated(np.arange(len(points), dtype=np.uint8)[:, None], scores, costs)


@given(POINTS)
def test_the_front_is_not_dominated(points: list[tuple[float, int]]) -> None:
    found = evaluated(points)
    by_hand = [
        i
        for i, (s, c) in enumerate(points)
        if s == s and not any(t == t and t >= s and d <= c and (t > s or d < c) for t, d in points)
    ]
    front = found.front().tolist()
    assert sorted(front) == by_hand
    assert [points[i][1] for i in front] == sorted(points[i][1] for i in front)


@given(POINTS, st.lists(st.integers(0, 12), max_size=3))
def test_the_archive_has_the_best_of_every_bucket(
    points: list[tuple[float, int]], limits: list[int]
) -> None:
    found = evaluated(points)
    buckets: dict[tuple[int, int], list[float]] = {}
    for s, c in points:
        if s == s:
            buckets.setdefault((c // 4, sum(limit < c for limit in limits)), []).append(s)
    rows = SMALL.archive(found, limits)
    kept = {(c // 4, sum(limit < c for limit in limits)): s for s, c in (points[i] for i in rows)}
    assert len(kept) == len(rows)
    assert kept == {bucket: max(scores) for bucket, scores in buckets.items()}


@given(POINTS, st.integers(1, 5), st.integers(0, 12))
@settings(max_examples=50)
def test_the_best_within_a_limit(points: list[tuple[float, int]], k: int, limit: int) -> None:
    found = evaluated(points)
    inside = sorted((-s, c) for s, c in points if s == s and c <= limit)
    assert [(-points[i][0], points[i][1]) for i in found.best(k, limit)] == inside[:k]


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        ({"initial": 0}, BudgetError),
        ({"mutants": -1}, BudgetError),
        ({"width": 0.0}, SettingsError),
        ({"rate": 0.0}, SettingsError),
        ({"rate": 1.5}, SettingsError),
        ({"focus": -0.1}, SettingsError),
    ],
)
def test_settings_that_cannot_be(mistake: dict[str, float], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"BucketEvolution: {next(iter(mistake))}"):
        BucketEvolution(**{"width": 1.0, **mistake})  # type: ignore[arg-type]


def test_the_published_networks_are_reached_under_the_released_forest(
    data_dir: Path,
) -> None:
    path = data_dir / "attentivenas_acc_predictor.npz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    space: Space = AttentiveNAS()
    forest = StoredForest(path).bind(space)
    published = np.concatenate([AttentiveNAS.named(f"A{i}") for i in range(7)])
    mflops = AttentiveNAS().mflops
    found = BucketEvolution(width=10.0).run(
        space,
        lambda archs: forest.evaluate(archs)["accuracy"],
        mflops,
        start=np.zeros((1, space.d), dtype=np.uint8),
        limits=mflops(published).tolist(),
        seed=3,
    )
    assert len(found) == 5376
    accuracies = forest.evaluate(published)["accuracy"]
    for limit, accuracy in zip(mflops(published), accuracies, strict=True):
        assert found.scores[found.best(1, limit)[0]] >= accuracy
