"""Limits on cheap costs that almost nothing keeps: the budget is spent, or it is told why."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from archrank.errors import BudgetWarning, InfeasibleError
from archrank.evaluators import Combined, Cost, Function, Metric, Table, Told
from archrank.spaces import CustomSpace, NASBench201, from_choices
from archrank.strategies import Exhaustive, Guided, Random, RegularizedEvolution, Strategy
from archrank.strategies.region import BUILT
from archrank.study import Study
from archrank.tasks import Task, from_tensors
from tests.strategies.helpers import Weights, build
from tests.study.helpers import told

OPTIONS = [0, 1, 2, 3]
COST = Metric("cost", "minimize")


def space_of(d: int) -> CustomSpace:
    """4 ** d architectures."""
    return CustomSpace({f"k{i}": OPTIONS for i in range(d)}, build, "big")


def total(config: dict[str, Any]) -> float:
    return float(sum(config.values()))


def costs(config: dict[str, Any]) -> dict[str, float]:
    """Two costs that go against each other."""
    return {"cost": total(config), "zeros": float(list(config.values()).count(0))}


def unknown(config: dict[str, Any]) -> float:
    raise RuntimeError("no such network")


def within(d: int, limit: int) -> int:
    """Count the sequences of ``d`` options whose sum is at most ``limit``, by convolution."""
    ways = np.array([1])
    for _ in range(d):
        ways = np.convolve(ways, np.ones(4, dtype=int))
    return int(ways[: limit + 1].sum())


def study_of(
    d: int,
    strategy: Strategy,
    constraints: list[str],
    fn: Callable[[dict[str, Any]], Any] = total,
    metrics: tuple[Metric, ...] = (COST,),
    **options: Any,
) -> Study:
    """A study whose score needs an evaluation and whose costs do not."""
    evaluator = Combined(Function(total, [Metric("score")]), Function(fn, metrics, cheap=True))
    return Study(space_of(d), evaluator, strategy, constraints=constraints, **options)


STRATEGIES: dict[str, Callable[[int], Strategy]] = {
    "random": lambda d: Random(),
    "evolution": lambda d: RegularizedEvolution(),
    "guided": lambda d: Guided(Weights(space_of(d)), candidates=1_000, batch_size=7),
}


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(("d", "limit"), [(12, 4), (20, 12), (60, 20)])
def test_the_budget_is_spent(name: str, d: int, limit: int) -> None:
    """One in 10,000 keeps the limit, one in 6,000, and of 4 ** 60 none by luck."""
    study = study_of(d, STRATEGIES[name](d), [f"cost<={limit}"]).run(60)
    assert study.shortfall is None
    assert len({r.string for r in study.records}) == 60
    assert max(r.values["cost"] for r in study.records) <= limit


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_architecture_within_the_limit_is_found(name: str) -> None:
    """91 of 16.8 million: the budget is what the space holds, and one more is told."""
    there = within(12, 2)
    assert there == 91
    study = study_of(12, STRATEGIES[name](12), ["cost<=2"]).run(there)
    assert len({r.string for r in study.records}) == there
    with pytest.warns(BudgetWarning) as caught:
        study.run(there + 9)
    said = str(caught[0].message)
    assert said == study.shortfall
    assert said.startswith(
        "91 of 100 evaluations: no further architectures of big that keep cost<=2 were found among"
    )


def test_several_limits_at_once() -> None:
    """At most 12 in sum, and at most 3 zeros of 12: nearly all ones."""
    study = study_of(
        12, Random(), ["cost<=12", "zeros<4"], costs, (COST, Metric("zeros", "minimize"))
    ).run(60)
    assert len({r.string for r in study.records}) == 60
    assert all(r.values["cost"] <= 12 and r.values["zeros"] < 4 for r in study.records)


def test_a_band() -> None:
    """Changes of one decision leave a band of one value, changes of two do not."""
    study = study_of(12, Random(), ["cost>=4", "cost<5"]).run(60)
    assert {r.values["cost"] for r in study.records} == {4.0}


def test_samples_are_spread() -> None:
    """All decisions take part, roughly alike: the first architectures are no heap of neighbours."""
    archs = study_of(12, Random(), ["cost<=4"]).run(200).results.archs
    share = (archs > 0).mean(axis=0)  # uniform: .26
    assert share.min() > 0.12
    assert share.max() < 0.45
    far = [int((a != b).sum()) for a, b in itertools.combinations(archs[:8], 2)]
    assert np.mean(far) > 3  # uniform: 5


def test_nothing_found_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archrank.strategies.walk.DRAWS", 10_000)
    study = study_of(12, Random(), ["cost<=-1"])
    with pytest.raises(InfeasibleError) as caught:
        study.run(50)
    said = str(caught.value)
    assert said.startswith("no architectures of big that keep cost<=-1 were found among 1")
    zeros = ",".join(f"k{i}=0" for i in range(12))
    assert f"drawn; the nearest, {zeros}, has cost 0. Loosen the limit" in said
    assert study.records == []


def test_nothing_can_be_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archrank.strategies.walk.DRAWS", 5_000)
    study = study_of(12, Random(), ["cost<=3"], unknown)
    with pytest.raises(InfeasibleError, match="drawn, none of which can be evaluated"):
        study.run(50)


def test_nothing_in_a_small_space() -> None:
    study = study_of(3, Exhaustive(), ["cost<0"])
    with pytest.raises(
        InfeasibleError,
        match="there are no architectures of big that keep cost<0; the nearest, k0=0,k1=0,",
    ):
        study.run(50)


@pytest.mark.parametrize("name", STRATEGIES)
def test_extending_and_resuming_propose_the_same(name: str, tmp_path: Path) -> None:
    def make(path: Path | None = None) -> Study:
        storage = None if path is None else f"sqlite:///{path}"
        return study_of(12, STRATEGIES[name](12), ["cost<=4"], storage=storage, seed=3)

    at_once = told(make().run(30))
    for budget in (7, 22, 30):
        resumed = make(tmp_path / "study.db").run(budget)
    assert told(resumed) == at_once


def test_limits_that_need_an_evaluation_spend_the_budget() -> None:
    study = study_of(12, Random(), ["score<=4"]).run(40)
    assert len(study.records) == 40
    assert study.shortfall is None


def test_time_that_is_up_is_told() -> None:
    study = study_of(12, Random(), [])
    with pytest.warns(BudgetWarning, match=r"of 1,000,000 evaluations: 1e-09 minutes are up"):
        study.run(1_000_000, minutes=1e-9)


def test_equivalents_that_are_left_are_told() -> None:
    fixed = {"0->1": "nor_conv_3x3", "0->2": "none", "0->3": "skip_connect"}
    cells = NASBench201().restrict(fixed)
    classes = len(np.unique(cells.canonical(cells.enumerate()), axis=0))
    assert 20 < classes < 120
    study = Study(cells, Function(lambda config: 1.0, ["score"]), Exhaustive())
    with pytest.warns(BudgetWarning) as caught:
        study.run(124)
    assert str(caught[0].message) == (
        f"{classes} of 124 evaluations: {125 - classes} of 125 architectures of {cells.name} are "
        "left, all isomorphic to evaluated ones"
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_table_of_a_large_space_is_searched_to_its_end(name: str, tmp_path: Path) -> None:
    space = space_of(15)
    archs = space.sample(70, rng=np.random.default_rng(0))
    lines = [f'"{text}",{row.sum()}' for text, row in zip(space.format(archs), archs, strict=True)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["arch,score", *lines]))
    study = Study(space, Table(path), STRATEGIES[name](15)).run(70)
    assert {r.string for r in study.records} == set(space.format(archs))


class Counted(Function):
    """Counts its calls."""

    calls = 0

    def evaluate(self, archs: Any) -> Any:
        Counted.calls += len(archs)
        return super().evaluate(archs)


def test_the_number_of_draws_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archrank.strategies.walk.DRAWS", 2_000)
    evaluator = Combined(Function(total, ["score"]), Counted(total, [COST], cheap=True))
    study = Study(space_of(12), evaluator, Random(), constraints=["cost<=-1"])
    Counted.calls = 0
    with pytest.raises(InfeasibleError, match="drawn"):
        study.run(50)
    assert 2_000 <= Counted.calls < 4_500  # and 20 rounds of 80 before the walk


def test_few_networks_are_built_to_check_a_limit_on_costs() -> None:
    built = []

    def build(config: dict[str, Any], task: Task) -> nn.Module:
        built.append(config)
        return nn.Linear(*task.input_shape, task.n_outputs * config["a"])

    task = from_tensors(np.ones((60, 2)), np.arange(60.0))
    names = {name: [1, 1.5, 2, 3, 5] for name in "bcdefg"}
    space = from_choices({"a": [1, 2], **names}, build=build)
    study = Study(space, Combined(Told("score"), Cost(task)), constraints="params<=3")
    for number, asked in enumerate([*study.ask(), *study.ask()]):
        study.tell(asked, float(number))
    before = len(built)
    (asked,) = study.ask(1)
    assert asked.config["a"] == 1
    assert len(built) - before < 2 * BUILT
    assert isinstance(study.strategy, Guided)
    assert study.strategy.candidates > 10 * BUILT
