"""``archrank search --evaluate``: what measures, by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archrank.cli.search import Search
from archrank.evaluators import Function
from archrank.runs.settings import SearchSettings
from tests.cli.conftest import Cli, Result, refused
from tests.cli.test_search import evaluations

MINE = '''
import archrank as ar
from torch import nn
from archrank.evaluators import Evaluations, Evaluator, Metric
from archrank.tasks import Digits, Recipe

task = Digits(recipe=Recipe(epochs=1), copies=1)

def build(config, task):
    width = config["width"]
    layers = [nn.Linear(width, width) for _ in range(config["depth"])]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), *layers, nn.Linear(width, 10))

space = ar.spaces.from_choices({"depth": [0, 1, 2], "width": [4, 8, 16]}, build=build, name="nets")

costs = ar.evaluators.Combined(a=ar.evaluators.Cost(task), b=ar.evaluators.Cost(task))

def measure(config):
    """Have a clear best, at the largest network."""
    return config["depth"] + config["width"] / 100

def energy(config):
    return {"energy_mj": config["depth"] * config["width"]}

energy.metrics = ["energy_mj:minimize"]

class Device(Evaluator):
    """Measures a made-up latency, tenfold on one of two devices."""

    metrics = (Metric("latency_ms", "minimize", "ms"),)

    def __init__(self, device="slow"):
        self.device = device

    def evaluate(self, archs):
        return Evaluations({"latency_ms": (10 if self.device == "slow" else 1) * archs.sum(1)})

    def conditions(self):
        return {"device": self.device}

    def describe(self):
        return {"evaluator": "device", "device": self.device}

slow, fast = Device("slow"), Device("fast")
'''


@pytest.fixture
def mine(cli: Cli, tmp_path: Path) -> Cli:
    """``archrank search`` of the file's space, random, in one process, all nine networks."""
    (tmp_path / "mine.py").write_text(MINE)

    def call(*arguments: object) -> Result:
        fixed = ("--space", "mine.py:space", "--task", "mine.py:task", "--strategy", "random")
        budget = () if "--budget" in arguments else ("--budget", 9)
        return cli("search", *fixed, "--workers", 1, "--run", "here", *budget, *arguments)

    return call


def best(cli: Cli) -> dict[str, object]:
    found: dict[str, object] = json.loads(cli("best", "here", "--json").out)
    return found


def test_a_function_of_a_file(
    mine: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch, real_report: None
) -> None:
    result = mine("--evaluate", "mine.py:measure", "--metric", "quality", "--budget", 5)
    assert result.status == 0, result.err
    assert "quality" in result.out
    assert "added" not in result.err
    assert json.loads(Path("here/search.json").read_text())["evaluate"] == ["mine.py:measure"]
    first = evaluations("here")
    longer = mine("--evaluate", "mine.py:measure", "--metric", "quality")
    assert "4 evaluations in" in longer.err
    assert evaluations("here")[:5] == first
    assert best(cli)["metrics"] == {"quality": 2.16}
    with monkeypatch.context() as patch:
        patch.setattr(Function, "evaluate", None)  # nothing may be evaluated again
        again = mine("--evaluate", "mine.py:measure", "--metric", "quality")
    assert again.out == longer.out
    assert "mine.py:measure" in Path("here/report.html").read_text(encoding="utf-8")


def test_another_evaluator_is_another_search(mine: Cli) -> None:
    mine("--evaluate", "mine.py:measure")
    refused(
        mine("--evaluate", "mine.py:energy"),
        "--evaluate: mine.py:measure -> mine.py:energy",
    )


def test_functions_and_costs_with_a_constraint(mine: Cli, cli: Cli) -> None:
    result = mine(
        *("--evaluate", "mine.py:measure", "--evaluate", "mine.py:energy"),
        *("--metric", "score", "--metric", "energy_mj", "--constraint", "params<=700"),
    )
    assert result.status == 0, result.err
    assert "params needs evaluator cost, which was added" in result.err
    front = json.loads(cli("front", "here", "--json").out)
    assert all(list(f["metrics"]) == ["score", "energy_mj", "macs", "params"] for f in front)
    assert all(f["metrics"]["params"] <= 700 for f in front)
    narrow = [arch for arch in evaluations("here") if "width=16" in arch]
    assert narrow == []  # wider networks were not even proposed


def test_two_devices(mine: Cli, cli: Cli, real_report: None) -> None:
    devices = ("--evaluate", "mine.py:slow", "--evaluate", "mine.py:fast")
    asked = ("--metric", "slow/latency_ms", "--metric", "fast/latency_ms:maximize")
    result = mine(*devices, *asked, "--constraint", "fast/latency_ms>=2")
    assert result.status == 0, result.err
    assert "slow/latency_ms" in result.out
    found = best(cli)["metrics"]
    assert found == {"slow/latency_ms": 20.0, "fast/latency_ms": 2.0}
    assert "fast/latency_ms" in Path("here/report.html").read_text(encoding="utf-8")
    ambiguous = mine(*devices, "--metric", "latency_ms", "--run", "other")
    refused(ambiguous, "'latency_ms' is measured more than once", "slow/latency_ms or fast/")


def test_the_front_shows_costs_of_every_scope(mine: Cli, cli: Cli) -> None:
    asked = ("--evaluate", "mine.py:measure", "--evaluate", "mine.py:costs", "--metric", "score")
    assert mine(*asked, "--budget", 3).status == 0
    header = cli("front", "here").out.splitlines()[0].split()
    assert header == [
        "score",
        "(maximize)",
        "a/macs",
        "b/macs",
        "a/params",
        "b/params",
        "architecture",
    ]


def test_two_devices_have_a_folder_of_their_own(mine: Cli) -> None:
    devices = ("--evaluate", "mine.py:slow", "--evaluate", "mine.py:fast")
    result = mine(*devices, "--metric", "fast/latency_ms", "--run", "runs/a")
    assert result.status == 0, result.err


def test_a_latency_constraint_adds_the_clock(mine: Cli, cli: Cli) -> None:
    result = mine("--evaluate", "mine.py:measure", "--constraint", "latency_ms<=1e6", "--budget", 2)
    assert result.status == 0, result.err
    assert "latency_ms needs evaluator latency, which was added" in result.err
    assert "latency_ms" in result.out
    again = mine("--evaluate", "mine.py:measure", "--constraint", "latency_ms<=1e6", "--budget", 2)
    assert "0 evaluations in" in again.err


def test_bad_input(mine: Cli, search: Cli) -> None:
    refused(mine("--evaluate", "latencyy"), "unknown evaluator 'latencyy'", "'latency'")
    refused(mine("--evaluate", "table"), "--evaluate table: name the file: --table FILE")
    refused(mine("--evaluate", "cost", "--evaluate", "cost"), "'cost' is named twice")
    refused(
        mine("--evaluate", "cost", "--constraint", "latency<=3"),
        "unknown metric 'latency'",
        "did you mean 'latency_ms'",
    )
    refused(search("--constraint", "macs<=1e8"), "unknown metric 'macs'", "add --evaluate cost")
    assert not Path("here").exists()


def test_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archrank.cli.search.cores", lambda: 5)
    for settings, workers in (
        (SearchSettings(), 5),
        (SearchSettings(table="t.csv"), 1),
        (SearchSettings(table="t.csv", evaluate=("latency",)), 5),
    ):
        assert Search(settings)._workers() == workers
    assert Search(SearchSettings(), workers=2)._workers() == 2


def test_a_table_and_costs(search: Cli, cli: Cli) -> None:
    result = search(
        "--evaluate", "cost", "--constraint", "macs<=1e8", "--budget", 4, "--run", "here"
    )
    assert result.status == 0, result.err
    metrics = best(cli)["metrics"]
    assert list(metrics) == ["accuracy", "latency_ms", "macs", "params"]  # type: ignore[call-overload]
