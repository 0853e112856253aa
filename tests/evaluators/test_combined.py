from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import (
    Combined,
    Cost,
    Evaluations,
    Evaluator,
    Function,
    Latency,
    Metric,
    Scoped,
    Table,
    Training,
    ZeroCost,
)
from archrank.spaces import NASBench201
from archrank.tasks import Digits, Glyphs
from archrank.testing import check_evaluator
from archrank.types import Archs


def fails_on_none(config: dict[str, Any]) -> float:
    if config.get("0->1", "none") == "none":
        raise RuntimeError("dead")
    return 1.0


def test_contract(space: NASBench201) -> None:
    check_evaluator(Combined(Function(fails_on_none), Cost()), space)


def test_merges_metrics_and_reasons(space: NASBench201) -> None:
    twice = Combined(Function(fails_on_none, "a"), Function(fails_on_none, "b"), Cost()).bind(space)
    result = twice.evaluate(space.enumerate()[[0, -1]])
    assert list(result) == ["a", "b", "macs", "params"]
    assert str(result.reasons[0]).startswith("RuntimeError: dead (test_combined.py, line ")
    assert result.reasons[1] is None
    assert np.isfinite(result["macs"]).all()
    assert not twice.cheap
    assert Combined(Cost()).cheap


def test_available_is_what_all_parts_have(space: NASBench201, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"arch,acc\n{space.format(space.enumerate()[:1])[0]},1\n")
    both = Combined(Table(path), Cost()).bind(space)
    assert both.available(space.enumerate()[:2]).tolist() == [True, False]
    assert both.capacity == 1


def test_refuses_nothing() -> None:
    with pytest.raises(EvaluationError, match="at least one"):
        Combined()


# ---- scopes --------------------------------------------------------------------------------------


class OnDevice(Evaluator):
    """Measures a latency that depends on the device, without any."""

    metrics = (Metric("latency_ms", "minimize", "ms"),)

    def __init__(self, device: str) -> None:
        self.device = device

    def evaluate(self, archs: Archs) -> Evaluations:
        speed = {"cpu": 1.0, "cuda:0": 10.0}[self.device]
        return Evaluations({"latency_ms": archs.sum(1) / speed})

    def conditions(self) -> dict[str, str]:
        return {"device": self.device}

    def describe(self) -> dict[str, Any]:
        return {"evaluator": "on_device", "device": self.device}


def names(evaluator: Evaluator) -> list[str]:
    return [m.name for m in evaluator.metrics]


def test_two_devices_in_one_run(space: NASBench201) -> None:
    both = Combined(OnDevice("cpu"), OnDevice("cuda:0"), Cost())
    assert names(both) == ["cpu/latency_ms", "cuda-0/latency_ms", "macs", "params"]
    check_evaluator(both, space)
    found = both.bind(space).evaluate(space.enumerate()[-2:])
    np.testing.assert_array_equal(found["cpu/latency_ms"], 10 * found["cuda-0/latency_ms"])
    assert both.metrics[0] == Metric("cpu/latency_ms", "minimize", "ms")
    assert (both.metrics[0].scope, both.metrics[0].short_name) == ("cpu", "latency_ms")
    assert (both.metrics[2].scope, both.metrics[2].short_name) == ("", "macs")


def test_the_first_condition_that_differs_is_the_scope() -> None:
    clocks = Combined(Latency(Digits()), Latency(Glyphs()))  # on one device
    assert names(clocks)[::2] == ["digits/latency_ms", "glyphs/latency_ms"]
    proxies = Combined(ZeroCost(Digits(), ["snip"]), ZeroCost(Glyphs(), ["snip"]))
    assert names(proxies) == ["digits/snip", "glyphs/snip"]
    assert list(Latency(Digits()).conditions().items()) == [("device", "cpu"), ("task", "digits")]
    assert list(Training(Digits()).conditions().items()) == [("task", "digits"), ("device", "cpu")]


def test_two_tasks_in_one_run() -> None:
    both = Combined(Training(Digits()), Training(Glyphs()), ZeroCost(Digits(), ["snip"]))
    assert names(both)[::5] == ["digits/valid_accuracy", "glyphs/valid_accuracy", "snip"]
    assert len(set(names(both))) == 11


def test_scopes_by_hand(space: NASBench201) -> None:
    both = Combined(Cost(), a=OnDevice("cpu"), b=OnDevice("cpu"))
    assert names(both) == ["macs", "params", "a/latency_ms", "b/latency_ms"]
    check_evaluator(both, space)
    nested = Combined(x=both, y=Combined(OnDevice("cpu"), OnDevice("cuda:0")))
    assert names(nested)[:3] == ["x/macs", "x/params", "x/a/latency_ms"]
    assert names(nested)[-2:] == ["y/cpu/latency_ms", "y/cuda-0/latency_ms"]
    check_evaluator(nested, space)
    assert [type(part.unscoped) for part in nested.parts()][:2] == [Cost, OnDevice]


def test_combinations_are_flat(space: NASBench201) -> None:
    inner = Combined(OnDevice("cpu"), Cost())
    outer = Combined(inner, OnDevice("cuda:0")).bind(space)
    assert names(outer) == ["cpu/latency_ms", "macs", "params", "cuda-0/latency_ms"]
    assert [type(part.unscoped) for part in outer.parts()] == [OnDevice, Cost, OnDevice]
    assert [part.cheap for part in outer.parts()] == [False, True, False]


def test_scopes_are_part_of_the_identity() -> None:
    assert Combined(a=Cost()).describe() != Combined(b=Cost()).describe()
    assert Combined(Cost()).describe() != Combined(b=Cost()).describe()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Combined(Cost(), Function(fails_on_none, "macs")),
            r"'macs' is measured by Cost and Function.*Combined\(a=Cost\(...\), b=Fun",
        ),
        (lambda: Combined(OnDevice("cpu"), OnDevice("cpu")), "OnDevice and OnDevice, and nothing"),
        (
            lambda: Combined(OnDevice("cpu"), Function(fails_on_none, "latency_ms")),
            "leave one of them out",
        ),
        (
            lambda: Combined(Combined(OnDevice("cpu"), OnDevice("cuda:0")), cpu=OnDevice("cpu")),
            "'cpu/latency_ms' is measured by OnDevice and OnDevice",
        ),
        (lambda: Combined(**{"a/b": Cost()}), "scope 'a/b': use one or more letters"),
        (
            lambda: Combined(Scoped(OnDevice("cpu"), "x"), Scoped(OnDevice("cuda:0"), "x")),
            "'x/latency_ms' is measured by OnDevice and OnDevice",
        ),
        (lambda: Scoped(Cost(), ""), "scope ''"),
    ],
)
def test_what_stays_ambiguous_is_refused(make: Callable[[], Evaluator], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        make()


def test_scoped(space: NASBench201) -> None:
    check_evaluator(Scoped(Cost(), "small"), space)
    scoped = Scoped(Function(fails_on_none), "mine").bind(space)
    reasons = scoped.evaluate(space.enumerate()[[0, -1]]).reasons
    assert str(reasons[0]).startswith("RuntimeError: dead (test_combined.py, line ")
    assert reasons[1] is None
    assert isinstance(scoped.unscoped, Function)
    assert scoped.parts() == (scoped,)


def test_a_scope_changes_nothing_else(space: NASBench201, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"arch,acc\n{space.format(space.enumerate()[:1])[0]},1\n")
    table = Scoped(Table(path), "t").bind(space)
    assert table.available(space.enumerate()[:2]).tolist() == [True, False]
    assert table.capacity == 1
    assert Scoped(Cost(), "a").cheap
    assert Scoped(OnDevice("cpu"), "a").conditions() == {"device": "cpu"}
    grouped = OnDevice("cpu")
    grouped.group_size = 4
    assert Scoped(grouped, "a").group_size == 4
    assert Combined(Cost(), grouped, OnDevice("cuda:0")).group_size == 4
