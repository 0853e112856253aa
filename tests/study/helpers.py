"""Spaces, evaluators and studies for these tests; worker processes import this module."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from archrank.errors import EvaluationError
from archrank.evaluators import Evaluations, Function, Metric
from archrank.strategies import Guided, Strategy
from archrank.study import Study
from archrank.types import Archs
from tests.strategies.helpers import Weights
from tests.study.deadly import CHOICES, Deaths, Dying, score, small_space

__all__ = ["CHOICES", "Deaths", "Dying", "score", "small_space"]  # and what follows

BUDGET = 12
COSTS = [Metric("score"), Metric("ms", "minimize", "ms")]


def score_and_cost(config: dict[str, Any]) -> dict[str, float]:
    return {"score": score(config), "ms": float(config["width"])}


def sometimes(config: dict[str, Any]) -> float:
    if config["depth"] == 2:
        raise RuntimeError("out of luck")
    return float("nan") if config["depth"] == 3 else score(config)


def never(config: dict[str, Any]) -> float:
    raise RuntimeError("no such device")


def refuse(config: dict[str, Any]) -> Any:
    raise AssertionError("nothing was to be evaluated")


class Stopping(Function):
    """Ctrl-C arrives in the evaluation after the first ``calls``."""

    def __init__(self, fn: Callable[[dict[str, Any]], Any], calls: int, *args: Any) -> None:
        super().__init__(fn, *args)
        self.left = [calls]  # shared by the copy that bind makes

    def evaluate(self, archs: Archs) -> Evaluations:
        if self.left[0] == 0:
            raise KeyboardInterrupt
        self.left[0] -= 1
        return super().evaluate(archs)


class FirstWaits(Function):
    """One architecture is not ready before another one is stored; watches the run to know."""

    def __init__(self, fn: Callable[[dict[str, Any]], Any], slow: bytes) -> None:
        super().__init__(fn)
        self.slow = slow
        self.stored = threading.Event()

    def evaluate(self, archs: Archs) -> Evaluations:
        if archs.tobytes() == self.slow:
            self.stored.wait(timeout=600)
        return super().evaluate(archs)

    def started(self, *args: Any) -> None:
        pass

    def works_on(self, *args: Any) -> None:
        pass

    def finished_one(self, *args: Any) -> None:
        self.stored.set()

    def ended(self, *args: Any) -> None:
        pass


class SetUpWrongly(Function):
    def evaluate(self, archs: Archs) -> Evaluations:
        raise EvaluationError("there is no such device")


class PlainDict(Function):
    def evaluate(self, archs: Archs) -> Any:
        return {m.name: np.zeros(len(archs)) for m in self.metrics}


def guided(**settings: Any) -> Guided:
    return Guided(Weights(small_space()), **{"initial": 4, "batch_size": 3, **settings})


def make(
    evaluator: Function | None = None,
    strategy: Strategy | None = None,
    *,
    path: Path | None = None,
    **kwargs: Any,
) -> Study:
    return Study(
        kwargs.pop("space", None) or small_space(),
        evaluator if evaluator is not None else Function(score),
        strategy if strategy is not None else guided(),
        storage=path,
        **kwargs,
    )


def told(study: Study) -> list[tuple[Any, ...]]:
    """Return the records in the form in which runs must agree."""
    return [
        (r.key, r.round_size, r.arch.tolist(), r.string, repr(sorted(r.values.items())), r.reason)
        for r in study.records
    ]
