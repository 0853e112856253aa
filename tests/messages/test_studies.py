"""Messages for mistakes with studies, evaluators, objectives and reproductions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank import Study, comparison
from archrank.assess import assess
from archrank.benchmark.latencies import archs_to_measure, grow_latencies
from archrank.evaluators import Combined, Cost, Function, Latency, Training
from archrank.hardware import LatencyProtocol
from archrank.hardware.measured import MeasuredLatencies
from archrank.proxies import scores
from archrank.rankers import CalibratedLatency, RandomForest
from archrank.reproduce import reproduce
from archrank.runs.compose import make_study
from archrank.runs.settings import SearchSettings
from archrank.spaces import CustomSpace, NASBench201
from archrank.strategies import Random
from archrank.tasks import Digits
from tests.messages.golden import Cases, compare, message_of


def no_network(config: dict[str, Any], task: object) -> None:
    """Fail to build a network: nothing here trains."""


SPACE = CustomSpace({"depth": [1, 2, 3], "width": [8, 16]}, build=no_network)  # type: ignore[arg-type]


def depth(config: dict[str, Any]) -> dict[str, Any]:
    return {"score": config["depth"]}


def other_depth(config: dict[str, Any]) -> dict[str, Any]:
    return {"score": -config["depth"]}


def nothing(config: dict[str, Any]) -> None:
    """Forget to return the metrics."""


def other(config: dict[str, Any]) -> dict[str, Any]:
    return {"accuracy": 1.0}


def text(config: dict[str, Any]) -> dict[str, Any]:
    return {"score": "good"}


def broken(config: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("no data")


def study(function: Any = depth, **options: Any) -> Study:
    """Make a study of the space above."""
    return Study(SPACE, Function(function, metrics=("score",)), Random(2), **options)


def limited(bound: int = 3) -> Study:
    return study(constraints=f"score<={bound}").run(4)


def wider() -> Study:
    space = CustomSpace({"depth": [1, 2, 3], "width": [8, 16, 32]}, build=no_network)  # type: ignore[arg-type]
    return Study(space, Function(depth, metrics=("score",)), Random(2)).run(4)


MISTAKES: Cases = {
    "no budget": lambda: study().run(),
    "budget of 0": lambda: study().run(0),
    "no minutes": lambda: study().run(minutes=0),
    "negative seed": lambda: study(seed=-1),
    "budget of more than the space": lambda: study().run(7),
    "storage in memory": lambda: study(storage="sqlite:///:memory:"),
    "storage without a scheme": lambda: study(storage="me:secret@host/runs"),
    "storage with signs in its password": lambda: study(storage="postgresql://me:a@b/c@host/runs"),
    "storage of a file like a server": lambda: study(storage="sqlite://study.db"),
    "unknown objective": lambda: study(objectives=["sore"]),
    "unknown direction of an objective": lambda: study(objectives=["score:up"]),
    "objective twice": lambda: study(objectives=["score", "score"]),
    "constraint in another form": lambda: study(constraints=["score is high"]),
    "constraint without a number": lambda: study(constraints=["score>=high"]),
    "constraint on an unknown metric": lambda: study(constraints=["sore>=1"]),
    "objective whose name tells no direction": lambda: Study(SPACE, Function(depth, ("pixel3",))),
    "best of none that is feasible": lambda: study(constraints=["score>3"]).run(6).best,
    "limit on a cost that nothing keeps": lambda: Study(
        SPACE, Function(depth, ("score",), cheap=True), Random(2), constraints=["score>3"]
    ).run(2),
    "comparison of one run": lambda: comparison.compare([study().run(4)]),
    "comparison of a number": lambda: comparison.compare([study().run(4), 4]),  # type: ignore[list-item]
    "comparison of a run with itself": lambda: comparison.compare([study().run(4), study().run(3)]),
    "comparison of other spaces": lambda: comparison.compare([study().run(4), wider()]),
    "comparison of other limits": lambda: comparison.compare([limited(), limited(2)]),
    "comparison of other objectives": lambda: comparison.compare(
        [study().run(4), study(objectives="score:minimize").run(4)]
    ),
    "comparison of other functions": lambda: comparison.compare(
        [study().run(4), study(other_depth).run(4)]
    ),
    "comparison after more than there is": lambda: comparison.compare(
        [study().run(4), study(seed=1).run(3)], budget=4
    ),
    "comparison after nothing": lambda: comparison.compare(
        [study().run(4), study(seed=1).run(3)], budget=0
    ),
    "comparison of a run without results": lambda: comparison.compare(
        [study().run(4), study(seed=1)]
    ),
    "comparison to reach nothing": lambda: comparison.compare(
        [study().run(4), study(seed=1).run(3)], target=float("nan")
    ),
    "function that returns nothing": lambda: study(nothing).run(2),
    "function that returns another metric": lambda: study(other).run(2),
    "function that returns text": lambda: study(text).run(2),
    "function that always fails": lambda: study(broken).run(6),
    "function without metrics": lambda: Function(depth, metrics=()),
    "combination of nothing": lambda: Combined(),
    "metric measured twice": lambda: Combined(Cost(), Cost()),
    "training for no runs": lambda: Training(Digits(), runs=0),
    "latency without calls": lambda: LatencyProtocol(repeats=0),
    "latency that drops all calls": lambda: LatencyProtocol(trim=0.5),
    "latency of an odd type": lambda: LatencyProtocol(dtype="int8"),
    "latency of no spread": lambda: LatencyProtocol(spread=0),
    "latencies too few for a margin": lambda: CalibratedLatency(RandomForest(SPACE)).fit(
        np.zeros((5, SPACE.d), dtype=np.uint8), np.arange(1.0, 6.0)
    ),
    "latency below zero": lambda: CalibratedLatency(RandomForest(SPACE)).fit(
        np.zeros((1, SPACE.d), dtype=np.uint8), [-1.0]
    ),
    "coverage of everything": lambda: CalibratedLatency(RandomForest(SPACE), 1.0),
    "table of latencies without a limit": lambda: make_study(
        SearchSettings(latency_table=Path("latencies.parquet"))
    ),
    "table of latencies beside one of results": lambda: make_study(
        SearchSettings(latency_table=Path("latencies.parquet"), table="digits201")
    ),
    "evaluator of predicted latency without its table": lambda: make_study(
        SearchSettings(evaluate=("predicted_latency",))
    ),
    "table of latencies that is none": lambda: MeasuredLatencies.read("digits201", NASBench201()),
    "table of latencies in another format": lambda: grow_latencies(
        Path("latencies.csv"), Latency(Digits()).bind(NASBench201()), NASBench201().enumerate()[:1]
    ),
    "more latencies than architectures": lambda: archs_to_measure(SPACE.networks(Digits()), 99),
    "unknown proxy": lambda: scores(
        NASBench201(), NASBench201().enumerate()[:1], Digits(), ["sinflow"]
    ),
    "no proxies": lambda: scores(NASBench201(), NASBench201().enumerate()[:1], Digits(), []),
    "proxies as text": lambda: scores(
        NASBench201(), NASBench201().enumerate()[:1], Digits(), "synflow"
    ),
    "proxies on one example": lambda: scores(
        NASBench201(), NASBench201().enumerate()[:1], Digits(), ["synflow"], batch_size=1
    ),
    "unknown reproduction": lambda: reproduce("surgery-fig5b"),
    "reproduction without repetitions": lambda: reproduce("surgery-fig4", seeds=0),
    "reproduction without data": lambda: reproduce("surgery-fig4"),
    "reproduction with another folder": lambda: reproduce("surgery-fig4", data="here"),
    "assessment of an unknown ranker": lambda: assess(
        "digits201", ["gate"], labels="valid_accuracy", train_sizes=[20]
    ),
    "assessment of no rankers": lambda: assess(
        "digits201", [], labels="valid_accuracy", train_sizes=[20]
    ),
    "assessment of an unknown column": lambda: assess(
        "digits201", ["default"], labels="accuracy", train_sizes=[20]
    ),
    "assessment without labels": lambda: assess(
        "digits201", ["default"], labels="valid_accuracy", train_sizes=[0]
    ),
    "assessment with more labels than architectures": lambda: assess(
        "digits201", ["default"], labels="valid_accuracy", train_sizes=[10_000]
    ),
    "assessment with a useless option": lambda: assess(
        "digits201", ["default"], labels="valid_accuracy", train_sizes=[20], top=5
    ),
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)


def test_messages(update_golden: bool) -> None:
    messages = {mistake: message_of(make) for mistake, make in MISTAKES.items()}
    compare("studies", messages, update=update_golden)
