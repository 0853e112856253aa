"""Studies to compare, of a space whose scores are a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import archrank as ar
from archrank.spaces import CustomSpace


def no_network(config: dict[str, Any], task: object) -> None:
    """Fail to build a network: nothing here trains."""


OPTIONS = {"depth": [1, 2, 3, 4], "width": [8, 16, 24, 32], "kernel": [3, 5, 7]}
SPACE = CustomSpace(OPTIONS, build=no_network, name="nets")  # type: ignore[arg-type]


def measure(config: dict[str, Any]) -> dict[str, float]:
    """Return an accuracy with one best architecture, a loss and a cost."""
    size = config["depth"] * config["width"]
    return {
        "accuracy": 0.5 + size / 300 + config["kernel"] / 1000,
        "loss": 3.0 - size / 100,
        "latency_ms": float(size * config["kernel"]),
        "balance": -float(config["depth"]),
    }


METRICS = ("accuracy", "loss", "latency_ms", "balance")
Make = Callable[..., ar.Study]


@pytest.fixture(scope="session")
def make() -> Make:
    """Make a study and run it."""

    def call(seed: int = 0, batch: int = 2, budget: int = 12, **options: Any) -> ar.Study:
        evaluator = ar.evaluators.Function(options.pop("measure", measure), METRICS)
        options = {"objectives": "accuracy", **options}
        space = options.pop("space", SPACE)
        strategy = ar.strategies.Random(batch)
        return ar.Study(space, evaluator, strategy, seed=seed, **options).run(budget)

    return call
