"""Every family learns a tiny task, through the loop that trains images."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from archrank.networks.inputs import run
from archrank.tasks import Task
from archrank.testing import check_task
from archrank.training.evaluation import evaluate
from archrank.training.loop import initialise, train
from tests.tasks.tiny import TASKS, OneSum, Sums, network_for


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_the_contract(task: Task) -> None:
    check_task(task)


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_training_lowers_the_loss(task: Task) -> None:
    network = initialise(lambda: network_for(task), 0)
    before = evaluate(network, task, task.load().valid)
    result = train(network, task, seed=0)
    assert result.diverged is None
    assert result.metrics["valid_loss"] < 0.8 * before["loss"]
    main = task.metrics[0]
    gain = result.metrics[f"valid_{main.name}"] - before[main.name]
    assert gain < 0 if main.direction == "minimize" else gain > 0
    assert all(math.isfinite(v) for v in result.metrics.values())


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_examples_run_through_networks(task: Task) -> None:
    outputs = run(network_for(task), task.example(5))
    assert len(outputs) == 5
    assert outputs.shape[1] == task.n_outputs


def test_one_target_per_example() -> None:
    task = OneSum(recipe=replace(Sums().recipe, epochs=3))
    check_task(task)
    result = train(initialise(lambda: network_for(task), 0), task, seed=0)
    assert result.metrics["valid_rmse"] == pytest.approx(
        result.metrics["valid_loss"] ** 0.5, rel=1e-4
    )
