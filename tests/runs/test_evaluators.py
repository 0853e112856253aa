from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import (
    ArchrankError,
    EvaluationError,
    ObjectiveError,
    SettingsError,
    TableError,
    UnknownNameError,
)
from archrank.evaluators import EVALUATORS, Combined, Evaluator, Function, Metric, Table
from archrank.registry import Registry
from archrank.runs.compose import make_study
from archrank.runs.evaluators import ELSEWHERE, compose_evaluator, make_evaluator
from archrank.runs.settings import SearchSettings, from_json, to_json
from archrank.spaces import NASBench201

MINE = """
import numpy as np
import archrank as ar
from archrank.evaluators import Evaluations, Evaluator, Metric

def measure(config):
    return sum(option.startswith("nor_conv") for option in config.values())

def declared(config):
    return {"energy_mj": len(set(config.values())), "score": measure(config), "more": 1.0}

declared.metrics = ["score", "energy_mj:minimize"]

def also(config):
    return 1.0

def two(config, batch):
    return 1.0

def made(task):
    return ar.evaluators.Latency(task, ar.hardware.LatencyProtocol(repeats=3))

def unaided():
    return ar.evaluators.Cost()

cost = ar.evaluators.Cost()
number = 3

class Device(Evaluator):
    metrics = (Metric("latency_ms", "minimize", "ms"),)
    device = "cpu"

    def evaluate(self, archs):
        factor = 1 if self.device == "cpu" else 0.1
        return Evaluations({"latency_ms": factor * archs.sum(1)})

    def conditions(self):
        return {"device": self.device}

    def describe(self):
        return {"evaluator": "device", "device": self.device}

class Gpu(Device):
    device = "gpu"
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return "mine.py"


def names(evaluator: Evaluator) -> list[str]:
    return [m.name for m in evaluator.metrics]


def kinds(evaluator: Evaluator) -> list[str]:
    return [type(part.unscoped).__name__ for part in evaluator.parts()]


def settings(*evaluate: str, **options: Any) -> SearchSettings:
    return SearchSettings(evaluate=evaluate, strategy="random", **options)


def test_training_and_costs_by_default(space: NASBench201) -> None:
    made = make_evaluator(SearchSettings(), space)
    assert isinstance(made, Combined)
    assert kinds(made) == ["Training", "Cost"]
    named = make_evaluator(settings("training", "cost"), space)
    assert named.describe() == made.describe()


def test_evaluators_by_name(space: NASBench201) -> None:
    assert kinds(make_evaluator(settings("cost"), space)) == ["Cost"]
    both = make_evaluator(settings("zero_cost", "latency", task="glyphs"), space)
    assert kinds(both) == ["ZeroCost", "Latency"]
    assert {part.conditions()["task"] for part in both.parts()} == {"glyphs"}


def test_evaluators_of_a_file(mine: str, space: NASBench201) -> None:
    for name, kind in (("made", "Latency"), ("unaided", "Cost"), ("cost", "Cost")):
        assert kinds(make_evaluator(settings(f"{mine}:{name}"), space)) == [kind]
    both = make_evaluator(settings(f"{mine}:Device", f"{mine}:Gpu"), space)
    assert names(both) == ["cpu/latency_ms", "gpu/latency_ms"]
    study = make_study(
        settings(
            *(f"{mine}:Device", f"{mine}:Gpu"),
            metric=("gpu/latency_ms",),
            constraint=("cpu/latency_ms<=9",),
        )
    ).run(12)
    for record in study.results.records:
        cpu, gpu = record.values["cpu/latency_ms"], record.values["gpu/latency_ms"]
        assert gpu == pytest.approx(0.1 * cpu)
    with pytest.raises(ObjectiveError, match="name cpu/latency_ms or gpu/latency_ms"):
        make_study(settings(f"{mine}:Device", f"{mine}:Gpu", metric=("latency_ms",)))


# ---- functions -----------------------------------------------------------------------------------


def test_a_function_measures_what_it_declares(mine: str, space: NASBench201) -> None:
    made = make_evaluator(settings(f"{mine}:declared"), space)
    assert made.metrics == (Metric("score"), Metric("energy_mj", "minimize"))
    found = made.bind(space).evaluate(np.array([[3] * 6, [1, 3, 3, 0, 3, 3]], np.uint8))
    assert (found["score"].tolist(), found["energy_mj"].tolist()) == ([6, 4], [1, 3])
    with pytest.raises(UnknownNameError, match="unknown metric 'more'"):
        make_evaluator(settings(f"{mine}:declared", metric=("more",)), space)


def test_a_function_measures_what_is_asked_for(mine: str, space: NASBench201) -> None:
    measure = f"{mine}:measure"
    assert names(make_evaluator(settings(measure), space)) == ["score"]
    asked = settings(measure, metric=("joules:minimize",), constraint=("macs<=1e9", "heat<=3"))
    made = compose_evaluator(asked, space)
    function = made.evaluator.parts()[0]
    assert function.metrics == (Metric("joules", "minimize"), Metric("heat", "minimize"))
    assert made.added == {"macs": "cost"}
    # what another named evaluator measures is not the function's
    asked = settings(measure, "cost", metric=("quality", "macs"))
    assert names(make_evaluator(asked, space)) == ["quality", "macs", "params"]


def test_a_function_that_returns_something_else_says_so(mine: str, space: NASBench201) -> None:
    function = make_evaluator(settings(f"{mine}:declared"), space)
    assert isinstance(function, Function)
    lacking = Function(function.fn, ["score", "accuracy"]).bind(space)
    with pytest.raises(EvaluationError, match=r"not accuracy; return every metric of declared\."):
        lacking.evaluate(space.enumerate()[:1])


def test_what_several_functions_measure_must_be_declared(mine: str, space: NASBench201) -> None:
    both = (f"{mine}:measure", f"{mine}:also")
    with pytest.raises(SettingsError, match=r"by a line such as measure\.metrics = \['a'\]"):
        make_evaluator(settings(*both, metric=("a", "b")), space)
    with pytest.raises(EvaluationError, match="'score' is measured by Function and Function"):
        make_evaluator(settings(*both), space)


def test_a_file_that_moves_measures_the_same(tmp_path: Path, space: NASBench201) -> None:
    found = []
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(MINE)
        found.append(make_evaluator(settings(f"{tmp_path / folder / 'mine.py'}:measure"), space))
    assert found[0].describe() == found[1].describe()
    assert found[0].describe()["function"] == "mine.py:measure"


# ---- metrics that nothing named measures ---------------------------------------------------------


def test_a_metric_adds_its_evaluator(space: NASBench201) -> None:
    made = compose_evaluator(SearchSettings(constraint=("latency_ms<=8",)), space)
    assert kinds(made.evaluator) == ["Training", "Cost", "Latency"]
    assert made.added == {"latency_ms": "latency"}
    twice = SearchSettings(metric=("synflow", "naswot"), constraint=("latency_ms<=8",))
    made = compose_evaluator(twice, space)
    assert kinds(made.evaluator) == ["Training", "Cost", "ZeroCost", "Latency"]
    assert made.added == {"synflow": "zero_cost", "naswot": "zero_cost", "latency_ms": "latency"}
    assert compose_evaluator(SearchSettings(constraint=("macs<=8",)), space).added == {}


def test_an_unknown_metric_knows_those_that_could_be_measured(space: NASBench201) -> None:
    with pytest.raises(UnknownNameError, match="'latency', did you mean 'latency_ms'"):
        compose_evaluator(SearchSettings(constraint=("latency<=8",)), space)
    with pytest.raises(ObjectiveError, match="cannot read constraint 'latency_ms=8'"):
        compose_evaluator(SearchSettings(constraint=("latency_ms=8",)), space)


@pytest.fixture
def table(space: NASBench201, tmp_path: Path) -> str:
    first, second = space.format(space.enumerate()[:2])
    (tmp_path / "t.csv").write_text(f"arch,acc,flat\n{first},1,5\n{second},2,5\n")
    return str(tmp_path / "t.csv")


def test_every_objective_of_a_table_is_checked(space: NASBench201, table: str) -> None:
    made = make_evaluator(SearchSettings(table=table, metric=("acc",)), space)
    assert isinstance(made, Table)
    with pytest.raises(TableError, match="column 'flat': all 2 rows are 5"):
        make_evaluator(SearchSettings(table=table, metric=("acc", "flat:minimize")), space)
    with pytest.raises(TableError, match="column 'flat': all 2 rows are 5"):
        make_study(SearchSettings(table=table, metric=("flat", "acc"), strategy="random"))


def test_a_table_with_other_evaluators(space: NASBench201, table: str) -> None:
    asked = settings("cost", table=table, metric=("macs", "acc"))
    made = make_evaluator(asked, space)
    assert kinds(made) == ["Table", "Cost"]
    assert names(made) == ["acc", "flat", "macs", "params"]
    study = make_study(asked).run(2)
    assert {record.values["acc"] for record in study.records} == {1.0, 2.0}
    assert all(record.values["macs"] > 0 for record in study.records)


def test_a_table_with_a_function(mine: str, space: NASBench201, table: str) -> None:
    asked = settings(f"{mine}:measure", table=table, metric=("quality", "acc"))
    made = make_evaluator(asked, space)
    assert kinds(made) == ["Table", "Function"]
    assert names(made) == ["acc", "flat", "quality"]
    with pytest.raises(TableError, match="column 'flat': all 2 rows are 5"):
        make_study(settings(f"{mine}:measure", table=table, metric=("flat",)))


def test_a_table_adds_nothing_by_itself(space: NASBench201, table: str) -> None:
    with pytest.raises(
        UnknownNameError, match=r"'macs'.*networks for task 'digits', add --evaluate cost"
    ):
        make_evaluator(settings(table=table, constraint=("macs<=1e8",)), space)
    with pytest.raises(UnknownNameError, match=r"'accc', did you mean 'acc'\? Known: acc, flat$"):
        make_evaluator(settings(table=table, constraint=("accc<=1e8",)), space)


# ---- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("evaluate", "options", "message"),
    [
        (["latencies"], {}, "unknown evaluator 'latencies', did you mean 'command_latency' or"),
        (["cost", "latency", "cost"], {}, "evaluator 'cost' is named twice"),
        (["table"], {}, "--evaluate table: name the file: --table FILE"),
        (["combined"], {}, "repeat --evaluate"),
        (["function"], {}, "path/to/file.py:function"),
        (["mine.py:unaided"], {"task": "digit"}, "unknown task 'digit', did you mean 'digits'"),
        (["mine.py:two"], {}, r"function 'two' takes config, batch: a function that measures"),
        (["mine.py:number"], {}, "'mine.py:number' is 3, expected an archrank Evaluator"),
        (
            ["mine.py:mesure"],
            {},
            r"mine\.py: 'mesure', did you mean 'measure'\? Known: Device, Gpu,",
        ),
    ],
)
def test_what_cannot_be_used(
    mine: str, space: NASBench201, evaluate: list[str], options: dict[str, str], message: str
) -> None:
    with pytest.raises(ArchrankError, match=message):
        make_evaluator(settings(*evaluate, **options), space)


def test_every_registered_evaluator_can_be_named(space: NASBench201) -> None:
    for name in EVALUATORS.names():
        if name not in {*ELSEWHERE, "told"}:  # which needs to know what it will be told
            assert make_evaluator(settings(name), space).metrics


# ---- entry points --------------------------------------------------------------------------------


def test_evaluators_of_other_packages(
    space: NASBench201, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plug_in.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    group = "archrank.evaluators"
    points = [
        EntryPoint("board", "plug_in:Device", group),
        EntryPoint("broken", "plug_in:nothing", group),
    ]
    monkeypatch.setattr("archrank.registry.entry_points", lambda group: points)
    fresh = Registry("evaluator", {"cost": "archrank.evaluators.cost:Cost"})
    monkeypatch.setattr("archrank.runs.evaluators.EVALUATORS", fresh)
    assert kinds(make_evaluator(settings("board"), space)) == ["Device"]
    made = compose_evaluator(settings("cost", constraint=("latency_ms<=8",)), space)
    assert kinds(made.evaluator) == ["Cost", "Device"]
    assert made.added == {"latency_ms": "board"}
    with pytest.raises(UnknownNameError, match="unknown evaluator 'bord', did you mean 'board'"):
        make_evaluator(settings("bord"), space)


def test_settings_keep_the_evaluators() -> None:
    asked = settings("latency", "mine.py:measure", metric=("cpu/latency_ms",))
    assert from_json(to_json(asked), "here") == asked
    folder = asked.default_run()
    assert folder == Path(
        "runs/nasbench201-digits-latency-mine.measure-cpu.latency_ms-random-seed0"
    )
