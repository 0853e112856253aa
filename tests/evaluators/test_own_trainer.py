"""Training(trainer=...): a user's own loop, and whatever it returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from archrank.errors import EvaluationError
from archrank.evaluators import Training
from archrank.metrics import Metric
from archrank.parallel.processes import process_pool
from archrank.spaces import NASBench201, Scale
from archrank.strategies import Random
from archrank.study import Study
from archrank.tasks import Digits, Recipe
from archrank.testing import check_evaluator
from tests.evaluators.trainers import Fixed, one_step, size

SPACE = NASBench201(Scale(channels=2, cells=1, reduction="pool"))
TASK = Digits(recipe=Recipe(epochs=1), copies=1)
ARCHS = SPACE.sample(3, rng=np.random.default_rng(0))


def evaluate(answer: Any, metrics: Any = None) -> Any:
    evaluator = Training(TASK, trainer=Fixed(answer), metrics=metrics)
    return evaluator.bind(SPACE).evaluate(ARCHS[:1])


def test_it_keeps_the_contract_of_evaluators() -> None:
    check_evaluator(Training(TASK, trainer=one_step), SPACE, n=2)


def test_the_tasks_metrics_are_expected() -> None:
    evaluator = Training(TASK, trainer=one_step)
    assert evaluator.metrics == (Metric("accuracy", "maximize", "fraction"),)
    before = torch.random.get_rng_state()
    found = evaluator.bind(SPACE, seed=1).evaluate(ARCHS)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(5)
    again = evaluator.bind(SPACE, seed=1).evaluate(ARCHS)
    assert found["accuracy"].tolist() == again["accuracy"].tolist()
    assert found.reasons == [None] * 3
    assert ((found["accuracy"] > 0) & (found["accuracy"] < 1)).all()


def test_a_number_is_the_first_metric() -> None:
    evaluator = Training(TASK, trainer=size, metrics=["weights:minimize"]).bind(SPACE)
    assert evaluator.metrics == (Metric("weights", "minimize"),)
    costs = evaluator.networks.cost(ARCHS)
    assert evaluator.evaluate(ARCHS)["weights"].tolist() == costs["params"].tolist()


def test_runs_are_averaged() -> None:
    evaluator = Training(TASK, trainer=one_step, metrics=["accuracy", "seed"], runs=2).bind(SPACE)
    seeds = [evaluator.train(ARCHS[0], run)[1].metrics["seed"] for run in (0, 1)]
    assert seeds[0] != seeds[1]
    assert evaluator.evaluate(ARCHS[:1])["seed"][0] == np.mean(seeds)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"accuracy": float("nan")}, "accuracy is nan"),
        (float("inf"), "accuracy is inf"),
        (None, "trainer Fixed returned accuracy = None, not a number"),
        ({}, "trainer Fixed returned no accuracy"),
        ({"accuracy": "good"}, "trainer Fixed returned accuracy = 'good', not a number"),
        ({"accuracy": torch.zeros(2)}, "trainer Fixed returned accuracy = tensor([0., 0.]), "),
        (FileNotFoundError("no data"), "FileNotFoundError: no data"),
        (EvaluationError("mine"), "EvaluationError: mine"),
    ],
    ids=["nan", "inf", "None", "empty", "text", "tensor", "file", "archrank"],
)
def test_one_bad_architecture_is_nan_with_the_reason(answer: Any, reason: str) -> None:
    found = evaluate(answer)
    assert np.isnan(found["accuracy"]).all()
    assert found.reasons[0].startswith(reason)


def test_what_is_there_is_kept_where_a_value_is_not_finite() -> None:
    found = evaluate({"accuracy": 0.5, "f1": float("nan")}, ["accuracy", "f1"])
    assert found["accuracy"].tolist() == [0.5]
    assert found.reasons == ["f1 is nan"]
    assert evaluate({"accuracy": torch.tensor(0.5)})["accuracy"].tolist() == [0.5]


def test_several_metrics_need_names() -> None:
    (reason,) = evaluate(0.5, ["accuracy", "f1"]).reasons
    assert reason == "trainer Fixed returned 0.5, expected {name: number} with accuracy, f1"


def test_names_that_were_not_declared_are_told_at_once() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate({"acc": 0.5, "f1": 1.0})
    assert str(caught.value) == (
        "trainer Fixed returned acc, f1, expected accuracy: declare what it returns, "
        "Training(task, trainer=Fixed, metrics=['acc', 'f1']), or return the expected names"
    )
    assert evaluate({"accuracy": 0.5, "f1": 1.0})["accuracy"].tolist() == [0.5]  # more is no harm


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["f1"]}, "names what a trainer of your own returns"),
        ({"trainer": size, "checkpoints": (1,)}, "neither checkpoints nor group"),
        ({"trainer": size, "group": 2}, "neither checkpoints nor group"),
        ({"trainer": size, "metrics": ["a", "a"]}, r"got \['a', 'a'\]"),
        ({"trainer": size, "metrics": []}, r"got \[\]"),
        ({"trainer": "mine.py"}, "expected a function of \\(network, task, seed, device\\)"),
    ],
)
def test_settings_that_contradict_each_other(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Training(Digits(recipe=Recipe(epochs=3)), **options)


def test_the_loop_is_part_of_the_runs_identity() -> None:
    described = Training(TASK, trainer=one_step).describe()
    assert described["trainer"] == "tests.evaluators.trainers:one_step"
    assert described["metrics"] == {"accuracy": "maximize"}
    assert described != Training(TASK, trainer=size).describe()
    assert "trainer" not in Training(TASK).describe()


def test_two_processes_give_what_one_gives() -> None:
    evaluator = Training(TASK, trainer=one_step)

    def run(workers: int, evaluator: Training = evaluator) -> Study:
        study = Study(SPACE, evaluator, Random(batch_size=4), executor=process_pool(workers))
        study.run(budget=4)
        return study

    alone, both = run(1), run(2)
    assert [r.values["accuracy"] for r in both.records] == [
        r.values["accuracy"] for r in alone.records
    ]
    with pytest.raises(EvaluationError, match=r"cannot be sent to worker processes.*lambda"):
        run(2, Training(TASK, trainer=lambda network, task, seed, device: 0.0))
