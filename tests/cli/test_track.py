"""``archrank search --track``: evaluations are tracked, and a tracker that fails is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, refused
from tests.integrations.tracking.read_back import mlflow_points, tensorboard_points

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_a_search_is_tracked_and_goes_on(search: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    options = ("--run", "a run", "--track", "tensorboard", "mlflow")
    for budget in (4, 7):
        assert search(*options, "--budget", budget).status == 0
    steps = list(range(1, 8))
    points = tensorboard_points(Path("a run/tensorboard"))
    assert [step for step, _ in points["metrics/accuracy"]] == steps
    (known,) = mlflow_points(f"sqlite:///{Path('mlflow.db').resolve()}", "mine").values()
    assert [step for step, _ in known["best/accuracy"]] == steps


def test_a_tracker_that_fails_is_one_line(search: Cli) -> None:
    Path("a run").mkdir()
    Path("a run/tensorboard").write_text("no folder")
    found = search("--run", "a run", "--budget", 4, "--track", "tensorboard")
    assert found.status == 0
    (line,) = [line for line in found.err.splitlines() if "tensorboard failed" in line]
    assert line.startswith("tensorboard failed and gets no further evaluation: ")
    assert line.endswith("; the next run of this study writes what is missing there")
    assert "4 evaluations in" in found.err


def test_what_cannot_be_tracked_is_refused(search: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(search("--track", "tensorbord"), "'tensorbord' is none of tensorboard, wandb, mlflow")
    monkeypatch.setitem(sys.modules, "wandb", None)
    refused(search("--run", "none", "--track", "wandb"), "pip install 'archrank[track]'")
    assert not Path("none").exists()
