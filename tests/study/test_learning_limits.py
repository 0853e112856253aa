"""Limits that a run learns from measurements, so that it need not make the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.evaluators import Combined, Function
from archrank.spaces import CustomSpace
from archrank.strategies import Random
from archrank.study import Study
from archrank.study.learning_limits import LearningLimits, last_fit, next_fit
from archrank.study.objectives import Constraint
from archrank.types import Archs, Bools, Floats
from tests.strategies.helpers import build
from tests.study.helpers import told

SPACE = CustomSpace({f"k{i}": [1, 2, 3, 4] for i in range(7)}, build, "layers")
ARCHS = SPACE.sample(80, rng=np.random.default_rng(0))
LIMIT = Constraint("ms", "<=", 150.0)


def ms(archs: Archs) -> Floats:
    return 100 + 5.0 * archs.sum(axis=1)  # 100 to 205


def all_of(archs: Archs) -> Bools:
    return np.ones(len(archs), dtype=bool)


def test_fits_are_ever_more_seldom() -> None:
    fits = [n for n in range(200) if last_fit(n) == n and n]
    assert fits == [20, 25, 32, 40, 50, 63, 79, 99, 124, 155, 194]
    assert [next_fit(n) for n in fits[:-1]] == fits[1:]


def test_what_is_not_predicted_to_keep_the_limit_is_ruled_out() -> None:
    limits = LearningLimits(SPACE, [LIMIT], all_of)
    assert limits.learn(ARCHS[:19], {"ms": ms(ARCHS[:19])}) == []
    (learnt,) = limits.learn(ARCHS[:40], {"ms": ms(ARCHS[:40])})
    rest = SPACE.sample(2_000, rng=np.random.default_rng(1))
    excess, true = learnt.excess(rest), ms(rest)
    assert (excess[true <= 150] > 0).mean() < 0.5
    assert (true[excess == 0] <= 150).mean() > 0.95
    assert limits.learn(ARCHS[:49], {"ms": ms(ARCHS[:49])})[0] is learnt
    assert limits.learn(ARCHS[:50], {"ms": ms(ARCHS[:50])})[0] is not learnt


def test_the_same_is_learnt_from_the_same_measurements_whenever_that_is() -> None:
    values = ms(ARCHS)
    values[[3, 11, 30]] = np.nan  # not measured
    straight = LearningLimits(SPACE, [LIMIT], all_of)
    for n in range(20, 60, 7):
        straight.learn(ARCHS[:n], {"ms": values[:n]})
    again = LearningLimits(SPACE, [LIMIT], all_of).learn(ARCHS[:59], {"ms": values[:59]})
    (late,) = straight.learn(ARCHS[:59], {"ms": values[:59]})
    assert again[0].excess(ARCHS).tolist() == late.excess(ARCHS).tolist()


def test_a_limit_from_below() -> None:
    limit = Constraint("fps", ">=", 1 / 150.0)
    (learnt,) = LearningLimits(SPACE, [limit], all_of).learn(ARCHS, {"fps": 1 / ms(ARCHS)})
    (other,) = LearningLimits(SPACE, [LIMIT], all_of).learn(ARCHS, {"ms": ms(ARCHS)})
    assert learnt.excess(ARCHS) == pytest.approx(other.excess(ARCHS), abs=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        np.full(80, 10.0),  # nothing breaks the limit
        np.full(80, 200.0),  # all the same
        np.random.default_rng(0).permutation(np.geomspace(1, 1e4, 80)),  # nothing to learn
        -ms(ARCHS),  # not positive
        np.full(80, np.nan),
    ],
    ids=["kept", "equal", "noise", "negative", "unknown"],
)
def test_what_cannot_be_trusted_rules_few_out(values: Floats) -> None:
    learnt = LearningLimits(SPACE, [LIMIT], all_of).learn(ARCHS, {"ms": values})
    every = SPACE.enumerate()
    let_through = [(limit.excess(every) <= 0).mean() for limit in learnt]
    assert not let_through or min(let_through) > 0.4 * (values <= 150).mean()


def test_something_is_always_let_through() -> None:
    limit = Constraint("ms", "<=", 50.0)  # nothing keeps it
    rows = SPACE.sample(400, rng=np.random.default_rng(5))
    (learnt,) = LearningLimits(SPACE, [limit], all_of).learn(ARCHS, {"ms": ms(ARCHS)})
    every = SPACE.enumerate()
    through = every[learnt.excess(every) <= 0]
    assert 20 <= len(through) < 600
    assert ms(through).mean() < np.quantile(ms(rows), 0.05)


def accuracy(config: dict[str, Any]) -> float:
    return float(sum(config.values()))


def cost(config: dict[str, Any]) -> float:
    return 100 + 5.0 * sum(config.values())


def study_of(**kwargs: Any) -> Study:
    evaluator = Combined(Function(accuracy, ["accuracy"]), Function(cost, ["cost_ms"]))
    return Study(SPACE, evaluator, Random(6), constraints=["cost_ms<=160"], **kwargs)


def test_few_are_measured_in_vain_and_a_run_goes_on_as_it_would_have(tmp_path: Path) -> None:
    whole = study_of().run(24)
    assert whole.results.feasible.all()
    by_chance = (100 + 5.0 * (7 + SPACE.enumerate().sum(axis=1)) <= 160).mean()
    assert by_chance < 0.2
    assert len(whole.records) < 24 / by_chance / 1.5
    for budget in (1, 9, 24):
        parts = study_of(storage=tmp_path / "s.db").run(budget)
    assert told(parts) == told(whole)
