"""Latency by a command, from the architecture to what its script prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from archrank.errors import ArchrankError, MissingExtraError
from archrank.evaluators import Combined, CommandLatency, Function
from archrank.hardware import LatencyCommand
from archrank.networks import graphs
from archrank.spaces import CustomSpace
from archrank.strategies import Exhaustive
from archrank.study import Study
from archrank.tasks import Digits
from archrank.testing import check_evaluator

# a first line cannot name an interpreter whose path has spaces; to Python the second is a string
SCRIPT = f"""#!/bin/sh
"exec" "{sys.executable}" "$0" "$@"
import sys
import onnxruntime, numpy
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
(x,) = session.get_inputs()
(y,) = session.run(None, {{x.name: numpy.zeros((int(sys.argv[2]), *x.shape[1:]), "float32")}})
print("inputs", *y.shape)
print("latency_ms:", sum(a.type.startswith("tensor") for a in session.get_inputs()) + y.shape[0])
"""


class Broken(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 0:  # nothing that can be traced
            return torch.zeros(len(x), 10)
        return torch.ones(len(x), 10)


def build(config: dict[str, Any], task: object) -> nn.Module:
    if config["width"] == 0:
        return Broken()
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, config["width"]), nn.Linear(config["width"], 10)
    )


SPACE = CustomSpace({"width": [0, 4]}, build)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_LOCKS", str(tmp_path / "locks"))
    path = tmp_path / "bench.py"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return path


def test_the_script_runs_the_network_with_any_batch(bench: Path) -> None:
    found = CommandLatency(Digits(), "./bench.py {onnx} 3").bind(SPACE).evaluate(SPACE.enumerate())
    assert found["latency_ms"].tolist()[1:] == [4.0]
    assert found["latency_spread"].tolist()[1:] == [0.0]
    assert np.isnan(found["latency_ms"][0])
    assert str(found.reasons[0]).startswith("Broken cannot be traced by torch.export: ")
    assert found.reasons[1] is None


def test_contract(bench: Path) -> None:
    bench.write_text("#!/bin/sh\nwc -c < $1")  # the same file, the same latency
    space = CustomSpace({"width": [4, 8]}, build)
    evaluator = CommandLatency(Digits(), LatencyCommand("./bench.py {onnx}", tries=1))
    check_evaluator(evaluator, space, n=2, repeatable=False)


def test_a_limit_on_it_spares_trainings(bench: Path) -> None:
    bench.write_text("#!/bin/sh\nwc -c < $1")  # larger networks are slower
    space = CustomSpace({"width": [4, 8, 512]}, build)
    trained: list[int] = []

    def accuracy(config: dict[str, Any]) -> float:
        trained.append(config["width"])
        return float(config["width"])

    evaluator = Combined(
        Function(accuracy, ["accuracy"]), CommandLatency(Digits(), "./bench.py {onnx}")
    )
    study = Study(space, evaluator, Exhaustive(), constraints=["latency_ms<=50000"]).run(2)
    assert sorted(trained) == [4, 8]
    assert study.best.config == {"width": 8}
    assert study.confirmations[0].startswith("measured once more: width=8, latency_ms")


def test_what_tells_two_of_them_apart(bench: Path) -> None:
    evaluator = CommandLatency(Digits(), "./bench.py {onnx} 3")
    assert evaluator.conditions() == {"device": "command", "task": "digits"}
    assert evaluator.describe()["command"] == "./bench.py {onnx} 3"
    before = evaluator.contents()
    assert list(before) == ["file bench.py of the latency command"]
    bench.write_text(SCRIPT + "# edited\n")
    assert evaluator.contents() != before
    assert evaluator.careful() is evaluator


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("digits", "./bench.py {onnx}"), "CommandLatency: task is 'digits', expected"),
        ((Digits(), 3), r"CommandLatency: command is 3, expected a text such as '\./bench"),
        ((Digits(), "./bench.py"), "gets no network"),
    ],
)
def test_what_cannot_be_measured_with(bench: Path, arguments: Any, message: str) -> None:
    with pytest.raises(ArchrankError, match=message):
        CommandLatency(*arguments)


def test_a_package_that_is_missing(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"archrank\[onnx\]"):
        CommandLatency(Digits(), "./bench.py {onnx}").bind(SPACE)
