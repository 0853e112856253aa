"""Users' functions on the command line, and the options of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archrank.errors import ArchrankError
from archrank.evaluators import Combined, CommandLatency, Function, Latency, Training
from archrank.metrics import Metric
from archrank.runs.compose import make_study
from archrank.runs.evaluators import make_evaluator
from archrank.runs.settings import SearchSettings
from archrank.spaces import CustomSpace

MINE = """
import archrank as ar

def build(config, task):
    import torch
    width = config["width"]
    layers = torch.nn.Linear(64, width), torch.nn.Linear(width, 10)
    return torch.nn.Sequential(torch.nn.Flatten(), *layers)

space = ar.spaces.from_choices({"width": [1, 2, 3, 4]}, build=build)

def plain(config):
    return config["width"] / 10

def seeded(config, seed, device="cpu", epochs=3):
    return {"acc": config["width"] + seed % 1000 / 1e6, "epochs": epochs, "gpu": device != "cpu"}

seeded.metrics = ["acc", "epochs:max", "gpu:max"]

def placed(config, device):
    return float(device == "cpu")

def my_train(network, task, seed, device):
    return {"accuracy": 0.5, "f1": float(seed % 7), "task_epochs": task.recipe.epochs}

def declared(network, task, seed, device):
    return {"rmse_kg": 1.0}

declared.metrics = ["rmse_kg"]

def loop(network, config):
    return 1.0
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "bench.sh").write_text("#!/bin/sh\necho 1\n")
    (tmp_path / "bench.sh").chmod(0o755)
    monkeypatch.chdir(tmp_path)


def settings(*evaluate: str, **more: Any) -> SearchSettings:
    named = tuple(f"mine.py:{name}" if name.islower() else name.lower() for name in evaluate)
    return SearchSettings(space="mine.py:space", evaluate=named, **more)


def made(*evaluate: str, **more: Any) -> Any:
    space = CustomSpace({"width": [1, 2, 3, 4]}, lambda config, task: None)
    return make_evaluator(settings(*evaluate, **more), space)


def test_repeated_calls_of_a_function() -> None:
    study = make_study(settings("seeded", seeds=3, epochs=7, device="cuda", seed=5)).run(4)
    assert [m.name for m in study.evaluator.metrics] == [
        *("acc", "epochs", "gpu"),
        *("acc_std", "epochs_std", "gpu_std"),
    ]
    values = study.best.values
    assert (values["epochs"], values["gpu"]) == (7, 1)
    assert values["epochs_std"] == values["gpu_std"] == 0
    assert 0 < values["acc_std"] < 1e-3
    assert values["acc"] == pytest.approx(4, abs=1e-3)
    other = make_study(settings("seeded", seeds=3, epochs=7, device="cuda", seed=6)).run(4)
    assert other.best.values["acc"] != values["acc"]
    assert study.evaluator.describe()["runs"] == 3


def test_defaults_of_a_function_stay_unless_typed() -> None:
    evaluator = made("seeded")
    assert isinstance(evaluator, Function)
    assert evaluator.arguments == {}
    assert made("placed", metric=("acc",)).arguments == {"device": "cpu"}
    assert made("seeded", device="cuda:1").arguments == {"device": "cuda:1"}


def test_a_loop_of_ones_own() -> None:
    evaluator = made("my_train", metric=("f1",), constraint=("task_epochs>=2",), epochs=2, seeds=2)
    assert isinstance(evaluator, Training)
    assert [m.name for m in evaluator.metrics] == ["f1", "task_epochs", "f1_std", "task_epochs_std"]
    assert (evaluator.runs, evaluator.task.recipe.epochs) == (2, 2)
    assert made("my_train").metrics == (Metric("accuracy", "maximize", "fraction"),)
    assert made("declared").metrics == (Metric("rmse_kg", "minimize"),)
    study = make_study(
        settings("my_train", metric=("f1",), constraint=("task_epochs>=2",), epochs=2, seeds=2)
    ).run(2)
    assert study.best.values["task_epochs"] == 2


def test_options_of_the_usual_training() -> None:
    training, cost = made(epochs=5, seeds=2).parts()
    assert isinstance(training, Training)
    assert (training.task.recipe.epochs, training.runs, training.device) == (5, 2, "cpu")
    names = [m.name for m in training.metrics]
    assert names[0] == "valid_accuracy"
    assert "valid_accuracy_std" in names
    assert cost.metrics[0].name == "macs"
    assert made(device="cuda:7").parts()[0].device == "cuda:7"


def test_latencies_before_trainings() -> None:
    *_, latency = made(latency="cpu", latency_batch=4).parts()
    assert isinstance(latency, Latency)
    assert latency.protocol.batch_size == 4
    *_, command = made(latency_command="./bench.sh {onnx}", latency_batch=2).parts()
    assert isinstance(command, CommandLatency)
    assert command.command.batch_size == 2
    both = made("COST", latency="cpu", latency_command="./bench.sh {onnx}")
    assert isinstance(both, Combined)
    names = [m.name for m in both.metrics if "latency_ms" in m.name]
    assert names == ["command/latency_ms", "cpu/latency_ms"]
    named = made("LATENCY", "COST", latency="cpu", latency_batch=3)
    assert [m.name for m in named.metrics].count("latency_ms") == 1
    assert named.parts()[0].protocol.batch_size == 3
    limited = make_study(
        settings(latency_command="./bench.sh {onnx}", constraint=("latency_ms<=8",))
    )
    assert [type(p).__name__ for p in limited.evaluator.parts()].count("Latency") == 0


@pytest.mark.parametrize(
    ("evaluate", "more", "message"),
    [
        (["plain"], {"seeds": 3}, r"--seeds 3: 3 runs with different seeds: plain takes no seed"),
        (["plain"], {"epochs": 3}, r"--epochs 3: nothing that this search .* takes epochs; remove"),
        (["plain"], {"device": "cuda"}, r"--device cuda: .* give your function a parameter device"),
        (["COST"], {"seeds": 2}, r"--seeds 2: .* give your function a parameter seed$"),
        (
            ["loop"],
            {},
            r"'loop' takes network, config: .* trains takes network, task, seed, device",
        ),
        ([], {"epochs": 0}, "--epochs must be at least 1, got 0"),
        ([], {"seeds": 0}, "--seeds must be at least 1, got 0"),
        ([], {"latency": "gpu"}, "device 'gpu' cannot be used here"),
        ([], {"latency": "cpu", "latency_batch": 0}, "--latency-batch must be at least 1, got 0"),
        ([], {"latency_command": "./bench.sh"}, r"command '\./bench\.sh' gets no network"),
        ([], {"latency_command": "./no.sh {onnx}"}, r"there is no program \./no\.sh"),
        (["COMMAND_LATENCY"], {}, r"name the command: --latency-command '\./bench\.sh \{onnx\}'"),
    ],
)
def test_what_cannot_be_used(evaluate: list[str], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ArchrankError, match=message):
        made(*evaluate, **more)


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ArchrankError, match="device 'cuda:7' cannot be used here"):
        make_study(settings(device="cuda:7"))
