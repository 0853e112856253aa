from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, refused

TASK = """
import archrank as ar
from archrank.tasks import Digits, Recipe

task = Digits(recipe=Recipe(epochs=1), copies=1)
short = Digits(recipe=Recipe(epochs=1, batch_size=256), copies=1)
pair = ar.evaluators.Combined(a=ar.evaluators.Training(task), b=ar.evaluators.Training(short))
"""


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("module")
    (folder / "task_for_export.py").write_text(TASK)
    return str(folder)


@pytest.fixture(autouse=True)
def importable(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(task)


def test_a_trained_network(cli: Cli) -> None:
    from safetensors.torch import load_file

    done = cli(
        *("search", "--task", "task_for_export:task", "--strategy", "random"),
        *("--budget", 2, "--workers", 1, "--run", "here"),
    )
    assert done.status == 0
    best = json.loads(cli("best", "here", "--json").out)
    result = cli("export", "here", "--json", "--format", "torch", "safetensors")
    assert result.status == 0
    exported = json.loads(result.out)
    assert exported["architecture"] == best["arch"]
    for name in ("valid_accuracy", "test_accuracy", "params"):  # trained the same way
        assert exported["metrics"][name] == best["metrics"][name]
    assert exported["choices"] == best["choices"]
    weights = load_file("here/export/weights.safetensors")
    assert (
        sum(w.numel() for k, w in weights.items() if "running" not in k)
        >= (exported["metrics"]["params"])
    )
    written = json.loads(Path("here/export/architecture.json").read_text())
    assert {**written, "weights": exported["weights"], "torch": exported["torch"]} == exported
    assert exported["search"]["evaluations"] == 2
    assert exported["search"]["run"] == "here"
    values = {m["name"]: m["value"] for m in exported["search"]["metrics"]}
    assert values["valid_accuracy"] == best["metrics"]["valid_accuracy"]
    script = [sys.executable, "here/export/load_model.py"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"weights   {exported['metrics']['params']:,.0f}" in done.stdout
    assert "weights_only=True" in Path("here/export/load_model.py").read_text()
    card = Path("here/export/MODEL_CARD.md").read_text()
    assert r"| strategy\: strategy | random |" in card
    refused(cli("export", "here", "--format", "tf"), "'tf' is none of safetensors, torch, program")
    Path("mine").mkdir()
    Path("mine/MODEL_CARD.md").write_text("mine")
    kept = cli("export", "here", "--out", "mine")
    assert kept.status == 2
    assert re.search("^error: mine/MODEL_CARD.md exists.*--out", kept.err, re.M)
    assert Path("mine/MODEL_CARD.md").read_text() == "mine"


def test_the_training_of_the_objective(cli: Cli) -> None:
    done = cli(
        *("search", "--evaluate", "task_for_export:pair", "--strategy", "random", "--budget", 1),
        *("--metric", "b/valid_accuracy", "--workers", 1, "--run", "here"),
    )
    assert done.status == 0, done.err
    metrics = json.loads(cli("best", "here", "--json").out)["metrics"]
    exported = json.loads(cli("export", "here", "--json").out)
    assert exported["metrics"]["valid_loss"] == metrics["b/valid_loss"] != metrics["a/valid_loss"]


def test_a_run_on_a_table(cli: Cli, search: Cli) -> None:
    search("--budget", 3, "--run", "here")
    refused(cli("export", "here"), "trained no network", "--task digits")
    refused(cli("export", "here", "--task", "digitz"), "'digitz'", "did you mean 'digits'")
    cell = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    known = ("export", "here", "--task", "task_for_export:task")
    result = cli(*known, "--arch", cell, "--out", "there", "--json")
    assert result.status == 0
    assert json.loads(result.out)["architecture"] == cell
    assert json.loads(result.out)["metrics"]["params"] > 0
    assert Path("there/weights.safetensors").exists()
    shown = cli(*known, "--arch", cell, "--out", "there")  # replaced by the same
    assert "test_accuracy" in shown.err
    refused(cli(*known, "--arch", cell.replace("skip", "hop")), "'hop_connect'", "skip_connect")
    Path("file").write_text("")
    refused(cli(*known, "--out", "file/there"), "cannot write to file/there")
