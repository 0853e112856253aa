from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Combined, Cost, Function, Table
from archrank.spaces import NASBench201
from archrank.testing import check_evaluator


def fails_on_none(config: dict[str, Any]) -> float:
    if config["0->1"] == "none":
        raise RuntimeError("dead")
    return 1.0


def test_contract(space: NASBench201) -> None:
    check_evaluator(Combined(Function(fails_on_none), Cost()), space)


def test_merges_metrics_and_reasons(space: NASBench201) -> None:
    twice = Combined(Function(fails_on_none, "a"), Function(fails_on_none, "b"), Cost()).bind(space)
    result = twice.evaluate(space.enumerate()[[0, -1]])
    assert list(result) == ["a", "b", "macs", "params"]
    assert result.reasons == ["RuntimeError: dead", None]
    assert np.isfinite(result["macs"]).all()
    assert not twice.immediate
    assert Combined(Cost()).immediate


def test_covers_what_all_parts_cover(space: NASBench201, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"arch,acc\n{space.format(space.enumerate()[:1])[0]},1\n")
    both = Combined(Table(path), Cost()).bind(space)
    assert both.covers(space.enumerate()[:2]).tolist() == [True, False]
    assert both.capacity == 1


def test_refuses_duplicates_and_nothing() -> None:
    with pytest.raises(EvaluationError, match="'macs' is measured by Cost and Function"):
        Combined(Cost(), Function(fails_on_none, "macs"))
    with pytest.raises(EvaluationError, match="at least one"):
        Combined()
