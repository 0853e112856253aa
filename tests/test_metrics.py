"""Directions of metrics: stated, told by the name, or refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from archrank.assess import assess
from archrank.errors import ObjectiveError, UnknownNameError
from archrank.evaluators import Combined, Cost, Function, Metric, Table
from archrank.metrics import (
    HELD_OUT,
    MAXIMIZED,
    MINIMIZED,
    find_objective,
    infer_direction,
    split_direction,
)
from archrank.spaces import NASBench201
from archrank.strategies import Random
from archrank.study import Study
from archrank.tables import load_table
from archrank.tables.builtin import builtin_names


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val_loss", "minimize"),
        ("top1_err", "minimize"),  # the negation counts, whatever is negated
        ("Latency (ms)", "minimize"),
        ("cpu/latency_ms", "minimize"),
        ("c10_params_m", "minimize"),
        ("acc:top1", "maximize"),
        ("digits/valid_accuracy", "maximize"),
        ("c10_val", "maximize"),
        ("val_e108_r1", "maximize"),
        ("val_rmse", "minimize"),
        ("test_latency", "minimize"),
        ("class_scene", "maximize"),
        ("synflow", "maximize"),
        ("gpulat_a100", "minimize"),
        ("pixel3", None),
        ("loss/pixel3", None),  # a scope says where it is measured, not what
        ("throughput_ms", None),  # contradicts itself
        ("depth", None),
        ("", None),
    ],
)
def test_what_a_name_tells(name: str, direction: str | None) -> None:
    assert infer_direction(name) == direction
    assert Metric(name).direction == direction


def test_a_stated_direction_counts() -> None:
    assert Metric("latency_ms", "maximize").direction == "maximize"
    assert Metric.parse("pixel3:min") == Metric("pixel3", "minimize")
    assert Metric.parse("a:b:maximise") == Metric("a:b", "maximize")
    assert dataclasses.replace(Metric("acc"), name="pixel3").direction == "maximize"
    with pytest.raises(ObjectiveError, match=r"'acc:top1': the direction is .*'top1'; after"):
        Metric.parse("acc:top1")


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("a", (), ("a", None)),
        ("a:min", (), ("a", "minimize")),
        ("a:minimise", (), ("a", "minimize")),
        ("a:max", ("a",), ("a", "maximize")),
        ("a:max", ("a", "a:max"), ("a:max", None)),  # a column of that name
        ("a:max:min", ("a", "a:max"), ("a:max", "minimize")),
        ("acc:top1", ("acc:top1",), ("acc:top1", None)),
        (":min", (), (":min", None)),
    ],
)
def test_names_with_colons(text: str, names: tuple[str, ...], expected: object) -> None:
    assert split_direction(text, names) == expected


METRICS = (Metric("pixel3"), Metric("acc:top1"), Metric("cpu/score"))


def test_objectives_are_refused_where_nothing_tells() -> None:
    with pytest.raises(ObjectiveError) as caught:
        find_objective("pixel3", METRICS)
    assert str(caught.value) == (
        "metric 'pixel3': the name does not tell whether lower or higher values are better; write "
        "pixel3:minimize or pixel3:maximize"
    )
    assert find_objective("pixel3:min", METRICS) == (METRICS[0], "minimize")
    assert find_objective("acc:top1", METRICS) == (METRICS[1], "maximize")
    assert find_objective("acc:top1:min", METRICS) == (METRICS[1], "minimize")
    assert find_objective("score:min", METRICS) == (METRICS[2], "minimize")
    with pytest.raises(ObjectiveError, match="'pixel3:down': the direction is maximize or min"):
        find_objective("pixel3:down", METRICS)
    with pytest.raises(UnknownNameError, match=r"'acc:top', did you mean 'acc:top1'"):
        find_objective("acc:top", METRICS)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """Latencies under the name of a device; accuracies under a name with a colon."""
    space = NASBench201()
    rows = space.format(space.enumerate()[::500])
    lines = [f"{arch},{9 + i % 7},{0.5 + i / 100}" for i, arch in enumerate(rows)]
    path = tmp_path / "phones.csv"
    path.write_text("\n".join(["arch,pixel3,acc:top1", *lines]))
    return path


def test_a_column_named_after_its_device(devices: Path) -> None:
    space = NASBench201()
    for first in (None, "pixel3"):  # the first column, and the same by name
        with pytest.raises(ObjectiveError, match="write pixel3:minimize or pixel3:maximize"):
            Study(space, Table(devices, first))
    lowest = Study(space, Table(devices), Random(), objectives="pixel3:minimize").run(32).best
    assert lowest.values["pixel3"] == 9
    table = load_table(devices, space, directions={"pixel3": "minimize"})
    assert Study(space, Table(table)).objectives[0].label == "pixel3 (minimize)"
    limited = Study(space, Table(devices), objectives="acc:top1", constraints="pixel3<=9.5")
    assert limited.goals.labels == ["acc:top1 (maximize)", "pixel3<=9.5"]
    assert load_table(devices, space).directions == {"acc:top1": "maximize"}


def test_functions_and_their_metrics() -> None:
    space = NASBench201()
    both = Combined(Function(lambda config: 1.0, ["swaps"]), Cost())
    with pytest.raises(ObjectiveError, match="metric 'swaps': the name does not tell"):
        Study(space, both)
    assert Study(space, both, objectives="macs").objectives[0].direction == "minimize"
    stated = Function(lambda config: 1.0, ["swaps:min"])
    assert Study(space, stated).objectives[0].direction == "minimize"


def test_assessments_state_directions(devices: Path, tmp_path: Path) -> None:
    with pytest.raises(ObjectiveError, match="write pixel3:minimize or pixel3:maximize"):
        assess(devices, labels="pixel3", train_sizes=[20])
    found = assess(
        devices, ["gbdt"], labels="pixel3:min", truth="acc:top1", train_sizes=[20], seeds=1
    )
    assert found.heading == "learnt pixel3 (minimize), judged on acc:top1 (maximize)"
    assert found.to_json()["directions"] == {"pixel3:min": "minimize", "acc:top1": "maximize"}
    page = found.report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "learnt pixel3 (minimize), judged on acc:top1 (maximize)" in page


@pytest.mark.parametrize("name", builtin_names())
def test_every_column_of_the_built_in_tables_has_a_direction(name: str) -> None:
    table = Table(name)
    assert {m.name for m in table.metrics if m.direction is None} == set()
    ways = {m.name: m.direction for m in table.metrics}
    lower = {
        "valid_loss",
        "test_loss",
        "oneshot_loss",
        "cpu_seconds",
        "macs",
        "params",
        "latency_ms",
    }
    assert {n for n in ways if ways[n] == "minimize" and "_loss_" not in n} == lower


def test_the_guide_lists_every_word() -> None:
    guide = Path(__file__).parent.parent / "docs" / "your_own_evaluator.md"
    section = guide.read_text(encoding="utf-8").partition("## Directions")[2].partition("## ")[0]
    words = set(re.findall(r"[a-z0-9]+", section))
    assert words >= MINIMIZED | MAXIMIZED | HELD_OUT
