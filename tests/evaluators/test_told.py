"""Told values: the contract, and what others measure beside them."""

from __future__ import annotations

from typing import Any

import pytest

from archrank.errors import EvaluationError
from archrank.evaluators import Combined, Function, Told
from archrank.testing import check_evaluator
from tests.spaces.declared import four_of_24, mixed


def layers(config: dict[str, Any]) -> int:
    """Count what stands for a cost."""
    return len(config)


def test_contract() -> None:
    check_evaluator(Told("accuracy", "swaps:minimize"), four_of_24())
    check_evaluator(Combined(Told("accuracy"), Function(layers, ["params"], cheap=True)), mixed())


def test_functions_of_several_runs_on_declared_spaces() -> None:
    def train(config: dict[str, Any], seed: int) -> float:
        return seed % 97 + len(config["attention"])

    check_evaluator(Function(layers, ["params"]), mixed())
    several = Function(train, ["accuracy"], runs=3)
    metrics = [m.name for m in several.metrics]
    assert metrics == ["accuracy", "accuracy_std"]
    values = several.bind(four_of_24()).evaluate(four_of_24().from_index([0, 5]))
    assert (values["accuracy_std"] > 0).all()


def test_no_metrics() -> None:
    with pytest.raises(EvaluationError, match="one or more different metrics"):
        Told()
