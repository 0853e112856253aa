"""Arguments of the wrong type at every public door: errors of archrank's own, that name them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import archrank as ar
from archrank.errors import ArchrankError, ArgumentError, BudgetError
from archrank.hardware import LatencyProtocol
from archrank.runs.named import make_space
from archrank.spaces import SPACES


class Odd:
    """Nothing that anything takes."""


LARGE = 10**400
ODD: list[Any] = [
    *(None, True, -1, 1.5, math.nan, math.inf, LARGE, "x", "", b"x", [], [None], {}, Odd()),
    *(np.array([1, 2]), object, len),
]
IDS = [f"{k} {type(value).__name__}" for k, value in enumerate(ODD)]
SPACE = ar.spaces.NASBench201()
CUSTOM = ar.spaces.from_choices(
    {"a": [1, 2, 3], "b": ["x", "y"], "c": [1, 2]},
    build=lambda config, task: None,  # type: ignore[arg-type,return-value]
    active_if={"c": ("a", [2, 3])},
)
TASK = ar.tasks.Digits()


def measure(config: dict[str, Any]) -> float:
    return 1.0


def study(**changes: Any) -> ar.Study:
    given: dict[str, Any] = {
        "space": CUSTOM,
        "evaluator": ar.evaluators.Function(measure),
        "strategy": ar.strategies.Random(),
    }
    return ar.Study(**{**given, **changes})


def answer(call: Callable[[], object]) -> ArchrankError | None:
    """The error of archrank's own, if there is any; others are raised."""
    found = None
    try:
        call()
    except ArchrankError as error:
        found = error
    if found is not None:
        assert len(str(found).splitlines()) == 1, found
        assert isinstance(found, TypeError | ValueError | KeyError | OSError | RuntimeError), found
    return found


def refused(call: Callable[[], object]) -> None:
    assert answer(call) is not None


@pytest.mark.parametrize("name", ["space", "evaluator", "seed"])
def test_studies_need(name: str) -> None:
    for value in ODD:
        if not (name == "seed" and value is LARGE):
            refused(lambda value=value: study(**{name: value}).run(budget=1))


@pytest.mark.parametrize("name", ["strategy", "executor", "storage", "name", "objectives"])
def test_studies_may_have(name: str) -> None:
    for value in ODD[1:]:
        if not (isinstance(value, str) and name in ("name", "storage")):
            answer(lambda value=value: study(**{name: value}).run(budget=1))
    refused(lambda: study(**{name: 1.5}))


def test_seeds_of_numpy() -> None:
    whole = study(seed=np.int64(3))
    assert type(whole.seed) is int
    assert [r.string for r in whole.run(3).records] == [
        r.string for r in study(seed=3).run(3).records
    ]


@pytest.mark.parametrize("budget", [1.5, True, "1", math.nan, [1], np.float64(2)])
def test_budgets(budget: Any) -> None:
    with pytest.raises(BudgetError, match=r"budget is .*expected a whole number"):
        study().run(budget)
    assert len(study().run(np.int64(2)).records) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("minutes", ["1", True, math.nan, [1], -1])
def test_minutes(minutes: Any) -> None:
    with pytest.raises(BudgetError, match="minutes"):
        study().run(2, minutes=minutes)


@pytest.mark.parametrize("value", ODD, ids=IDS)
def test_watchers_and_records(value: Any) -> None:
    if value is not None:
        with pytest.raises(ArgumentError, match="watcher is"):
            study().run(1, watcher=value)
    with pytest.raises(ArgumentError, match="feasible: record is"):
        study().feasible(value)


@pytest.mark.parametrize("value", ODD, ids=IDS)
def test_tasks_and_evaluators(value: Any) -> None:
    evaluators = ar.evaluators
    with pytest.raises(ArgumentError, match="Training: task is"):
        evaluators.Training(value)
    for kind in (evaluators.Latency, evaluators.ZeroCost):
        with pytest.raises(ArgumentError, match="task is"):
            kind(value)
    with pytest.raises(ArgumentError):
        evaluators.Combined(value)
    if value is not None:
        refused(lambda: evaluators.Cost(value))
        refused(lambda: SPACE.networks(value))
    if not callable(value):
        refused(lambda: evaluators.Function(value))
    with pytest.raises(ArgumentError, match="OneShot: task is"):
        evaluators.OneShot(value, "folder")
    for name in ("checkpoint", "split", "statistics", "batch_size"):
        given = {"checkpoint": "none", name: value}
        refused(lambda given=given: evaluators.OneShot(TASK, **given))
    if not isinstance(value, str):
        refused(lambda: evaluators.Metric(value))
    if value is not None:
        refused(lambda: evaluators.Metric("accuracy", value))
    if not isinstance(value, dict):
        refused(lambda: evaluators.Evaluations(value))
    for name in ("runs", "group", "device", "checkpoints", "trainer", "metrics"):
        answer(lambda name=name: evaluators.Training(TASK, **{name: value}))
    for name in ("protocol", "device"):
        answer(lambda name=name: evaluators.Latency(TASK, **{name: value}))
    for name in ("repeats", "warmup", "trim", "spread", "tries", "threads", "dtype", "length"):
        answer(lambda name=name: LatencyProtocol(**{name: value}))


@pytest.mark.parametrize("value", ODD, ids=IDS)
def test_settings_of_strategies(value: Any) -> None:
    strategies = ar.strategies
    for name in ("initial", "batch_size", "acquisition"):
        answer(lambda name=name: strategies.Guided(**{name: value}))
    if value is not LARGE:
        refused(lambda: strategies.Random(batch_size=value))
    answer(lambda: strategies.Exhaustive(batch_size=value))


@pytest.mark.parametrize("value", ODD, ids=IDS)
def test_settings_of_spaces(value: Any) -> None:
    spaces = ar.spaces
    for make in (spaces.NDS, spaces.HAT, spaces.RankNASTranslation):
        refused(lambda make=make: make(value))
    answer(lambda: spaces.AttentiveNAS(value))
    answer(lambda: spaces.NDS(widths=value))
    answer(lambda: spaces.NASBench101(value))
    answer(lambda: spaces.NASBench101(prior=value))
    if not isinstance(value, dict):
        refused(lambda: SPACE.restrict(value))
    refused(lambda: spaces.from_choices(value, build=measure))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SPACES.names())
def test_methods_of_spaces(name: str) -> None:
    space = make_space(name)
    rng = np.random.default_rng(0)
    good = space.sample(3, rng=rng)
    wrong: list[Any] = [
        *(*ODD, good[0], good[None], good[:, :-1], good.astype(float), good.astype(str)),
        *(np.full_like(good, -1, dtype=int), np.full(good.shape, math.nan), good.astype(complex)),
    ]
    methods = ("canonical", "active", "format", "features", "tokens", "valid", "validate")
    for method in methods:
        for value in wrong:
            refused(lambda method=method, value=value: getattr(space, method)(value))
    for value in wrong:
        for call in (space.graph, space.edge_graph, space.cost):
            refused(lambda call=call, value=value: call(value))
        refused(lambda value=value: space.mutate(value, rng=rng))
        refused(lambda value=value: space.crossover(good, value, rng=rng))
    for value in [*ODD[:10], good[:, :-1], [[1]], [-1], [space.size], 1.5]:
        refused(lambda value=value: space.from_index(value))
    for value in (*ODD, good, good.tolist()):
        refused(lambda value=value: space.config(value))
        refused(lambda value=value: space.neighbors(value))
    for value in ODD:
        refused(lambda value=value: space.sample(value, rng=rng))
        refused(lambda value=value: space.sample(2, rng=value))
        if value is not None:
            refused(lambda value=value: space.mutate(good, rng=rng, rate=value))


@pytest.mark.parametrize("name", SPACES.names())
def test_architectures_as_lists_and_of_other_integers(name: str) -> None:
    space = make_space(name)
    good = space.sample(3, rng=np.random.default_rng(0))
    strings = space.format(good)
    assert space.format(good.tolist()) == space.format(good.astype(np.int64)) == strings  # type: ignore[arg-type]
    assert np.array_equal(space.features(good.tolist()), space.features(good))  # type: ignore[arg-type]
    assert space.parse(np.array(strings)).tolist() == space.parse(iter(strings)).tolist()  # type: ignore[arg-type]
    assert len(space.features(good[:0])) == 0


@pytest.mark.parametrize(
    "value", [None, "x", 5, [None], [1], [b"x"], [[]], [""], ["\0"], ["\ud800"]]
)
@pytest.mark.parametrize("name", SPACES.names())
def test_strings_of_spaces(name: str, value: Any) -> None:
    with pytest.raises(ArchrankError):
        make_space(name).parse(value)


def test_rankers() -> None:
    good = SPACE.sample(12, rng=np.random.default_rng(0))
    scores = np.arange(12.0)
    for value in (*ODD, good[:, :-1], good.astype(float), np.full_like(good, 255)):
        ranker = ar.rankers.RandomForest(SPACE)
        refused(lambda value=value, ranker=ranker: ranker.fit(value, scores))
        refused(lambda value=value, ranker=ranker: ranker.fit(good, value))
        ranker.fit(good, scores)
        refused(lambda value=value, ranker=ranker: ranker.predict(value))
