"""Messages for mistakes with a job of one's own: functions, limits of latency, ask and tell, runs.

Commands run in a folder with a space, a task and functions in ``own.py``, a table, scripts that
measure, and a run that waits for answers.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import archrank as ar
from archrank.cli.main import main
from archrank.hardware import LatencyCommand
from archrank.tasks import check_task
from tests.messages.golden import Cases, compare, message_of

OWN = """
import archrank as ar
from torch import nn

task = ar.tasks.Digits(copies=1)

def build(config, task):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, config["width"]))

space = ar.spaces.from_choices({"width": [8, 16], "depth": [1, 2]}, build=build, name="nets")
bare = ar.spaces.from_choices({"width": [8, 16], "depth": [1, 2]})
epochs = 3

def measure(config):
    return {"accuracy": config["width"] / 100}

def constant():
    return 1.0

def two(config, batch):
    return 1.0
"""

SEARCH = "search --space own.py:space --task own.py:task"
MEASURE = "search --space own.py:bare --evaluate own.py:measure --metric accuracy"
TABLE = "search --table measured.csv --choices width,depth --metric accuracy"
LIMIT = f"{SEARCH} --constraint latency_ms<=1"
WHOLE = "width=8,depth=1"

COMMANDS = (
    "search --space own.py:nets",
    "search --space own.py:build",
    "search --space own.py:epochs",
    "search --space own.py:space --task own.py:epochs",
    "search --space own.py:bare --task own.py:task",
    f"{MEASURE} --evaluate own.py:mesure",
    f"{MEASURE} --evaluate own.py:constant",
    f"{MEASURE} --evaluate own.py:two",
    f"{MEASURE} --evaluate own.py:epochs",
    f"{MEASURE} --seeds 3",
    f"{MEASURE} --epochs 3",
    f"{MEASURE} --device cuda",
    f"{MEASURE} --constraint latency_ms<=1",
    f"{SEARCH} --epochs 0",
    f"{SEARCH} --seeds 0",
    f"{SEARCH} --device gpu",
    "search --choices width,depth --metric accuracy",
    "search --table measured.csv --metric accuracy",
    "search --table measured.csv --choices , --metric accuracy",
    "search --table measured.csv --choices width,deepth --metric accuracy",
    "search --table measured.csv --choices width,depth,accuracy --metric accuracy",
    "search --table measured.csv --choices width --metric accuracy",
    f"{TABLE} --metric note",
    f"{TABLE} --budget 9",
    "assess --table measured.csv --choices width,depth --labels acc",
    "assess --table measured.csv --choices width,depth --labels accuracy --train-sizes 10",
    f"{SEARCH} --latency tpu",
    f"{LIMIT} --latency-batch 0",
    f"{SEARCH} --latency-batch 8",
    f"{SEARCH} --constraint latency<=1",
    f"{SEARCH} --constraint 'latency_ms<1 ms'",
    f"{LIMIT} --latency-command ''",
    f"{LIMIT} --latency-command './bench.sh'",
    f"{LIMIT} --latency-command './bench.sh \"{{onnx}}'",
    f"{LIMIT} --latency-command './bensh.sh {{onnx}}'",
    f"{LIMIT} --latency-command './text.sh {{onnx}}'",
    "runs nowhere",
    "runs own.py",
    "ask --space own.py:bare --metric pixel3",
    "ask --run nowhere -n 2",
    "ask --run shapes -n two",
    "ask --run shapes --metric loss --space own.py:bare",
    f"tell {WHOLE} accuracy=0.5 --run nowhere",
    f"tell {WHOLE} --run shapes --own-code",
    f"tell {WHOLE} accuracy --run shapes",
    f"tell {WHOLE} accuracy=high --run shapes",
    f"tell {WHOLE} acc=0.5 --run shapes",
    f"tell {WHOLE} accuracy=0.5 accuracy=0.6 --run shapes",
    f"tell {WHOLE} accuracy=0.5 --failed memory --run shapes",
    f"tell {WHOLE} --forget --run shapes",
    "tell width=8 accuracy=0.5 --run shapes",
    "tell width=9,depth=1 accuracy=0.5 --run shapes",
    "tell widht=8,depth=1 accuracy=0.5 --run shapes",
    "tell '{\"width\": 8' accuracy=0.5 --run shapes",
    "tell 99 accuracy=0.5 --run shapes",
    "tell --file nowhere.csv --run shapes",
    "tell --file own.py --run shapes",
    "tell --file measured.csv --run shapes",
    "tell --file empty.csv --run shapes",
    "best shapes",
    "export nowhere",
    "export shapes",
    "export shapes --format onxx",
    "export shapes --format",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    Path("own.py").write_text(OWN)
    Path("measured.csv").write_text("width,depth,accuracy,note\n8,1,0.5,a\n8,2,0.6,b\n16,1,0.7,c\n")
    Path("empty.csv").write_text("")
    Path("text.sh").write_text("echo 1.5\n")
    Path("bench.sh").write_text("#!/bin/sh\necho 1.5\n")
    Path("bench.sh").chmod(0o755)
    return tmp_path


def test_commands(folder: Path, update_golden: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ask", "--space", "own.py:bare", "--metric", "accuracy", "--run", "shapes"])
    messages = {}
    for each in COMMANDS:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(shlex.split(each))
        printed = capsys.readouterr()
        assert (ended.value.code, printed.out) == (2, ""), (each, printed)
        last = printed.err.rstrip("\n").replace(f"{folder}/", "").splitlines()[-1]
        messages[f"archrank {each}"] = last
    compare("jobs", messages, update=update_golden)


# ---- in Python -----------------------------------------------------------------------------------

SPACE = ar.spaces.from_choices({"width": [8, 16], "depth": [1, 2]}, name="nets")
study_of: Any = ar.Study


def returning(value: Any, *metrics: str) -> Callable[[], object]:
    """Evaluate a function that returns ``value``, or raises it."""

    def train(config: dict[str, Any]) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    evaluator = ar.evaluators.Function(train, list(metrics) or ["accuracy"])
    return lambda: ar.Study(SPACE, evaluator, ar.strategies.Random()).run(4).best


def asked(**options: Any) -> Any:
    """A study that is told accuracies."""
    return study_of(SPACE, objectives="accuracy", **options)


def begun(name: str) -> Any:
    """A run in a folder, with one answer."""
    study = asked(run=name)
    study.tell(WHOLE, 0.5)
    return study


def twice() -> None:
    study = begun("twice")
    study.tell(WHOLE, 0.6)


FUNCTIONS: Cases = {
    "a function that returns nothing": returning(None),
    "a function that returns a text": returning("good"),
    "a function that returns a list": returning([0.1, 0.2]),
    "a function that returns a text for a number": returning({"accuracy": "good"}),
    "a function that returns another metric": returning({"acc": 0.5}),
    "a function that returns one of two metrics": returning({"accuracy": 1}, "accuracy", "loss"),
    "a function that returns a number for two metrics": returning(1.0, "accuracy", "loss"),
    "a function that returns nan": returning({"accuracy": float("nan")}),
    "a function that raises": returning(KeyError("widht")),
    "a function of unknown direction": returning({"pixel3": 1.0}, "pixel3"),
    "no function": lambda: ar.evaluators.Function(3),  # type: ignore[arg-type]
}

STUDIES: Cases = {
    "run in a file": lambda: asked(run="own.py").ask(),
    "run beside a storage": lambda: asked(run="here", storage="sqlite:///study.db"),
    "run that is a number": lambda: asked(run=3).ask(),
    "another search in the folder": lambda: [
        begun("one"),
        study_of(SPACE, objectives="loss", run="one").ask(),
    ],
    "an answer that is known": twice,
    "an answer without a value": lambda: asked().tell(WHOLE),
    "an answer that is a text": lambda: asked().tell(WHOLE, "high"),
    "an answer of another metric": lambda: asked().tell(WHOLE, {"acc": 0.5}),
    "an answer that is failed, too": lambda: asked().tell(WHOLE, 0.5, failed="memory"),
    "an answer on another architecture": lambda: asked().tell({"width": 8, "deep": 1}, 0.5),
    "fewer answers than architectures": lambda: asked().tell([WHOLE, "width=16,depth=1"], [0.5]),
    "questions fewer than one": lambda: asked().ask(0),
    "a question given up that nobody asked": lambda: asked().forget(WHOLE),
    "best of no answers": lambda: asked().best,
}


def tensors(x: Any, y: Any) -> Callable[[], object]:
    """Make a task of tensors, and check it."""
    return lambda: check_task(ar.tasks.from_tensors(x, y))


X, Y = torch.linspace(0, 1, 90).reshape(30, 3), torch.arange(30) % 3


def with_nan() -> torch.Tensor:
    x = X.clone()
    x[17, 1] = torch.nan
    return x


OTHERS: Cases = {
    "check of something that is no task": lambda: check_task(X),  # type: ignore[arg-type]
    "data with nan": tensors(with_nan(), Y),
    "classes below 0": tensors(X, Y - 1),
    "latency command of no calls": lambda: LatencyCommand("echo {onnx}", tries=0),
    "latency command without time": lambda: LatencyCommand("echo {onnx}", timeout=0),
    "latency command that is a number": lambda: LatencyCommand(3),  # type: ignore[arg-type]
    "latency by a command of no task": lambda: ar.evaluators.CommandLatency(
        "digits",  # type: ignore[arg-type]
        "echo {onnx}",
    ),
    "an export that is none": lambda: ar.load("nowhere"),
    "an export in an unknown format": lambda: ar.export.export_network(
        object(), X, "out", formats=["onxx"]
    ),
}


def test_python(folder: Path, update_golden: bool) -> None:
    cases = {**FUNCTIONS, **STUDIES, **OTHERS}
    messages = {
        mistake: message_of(make).replace(f"{folder}/", "") for mistake, make in cases.items()
    }
    compare("jobs_in_python", messages, update=update_golden)
