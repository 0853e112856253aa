"""Trackers that write below a folder of a test, and readers of what they wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import archrank as ar
from archrank.integrations.tracking import MLflow, TensorBoard, Tracker, WandB
from archrank.spaces import CustomSpace
from tests.integrations.tracking.mlflow_server import Server
from tests.integrations.tracking.read_back import (
    Points,
    mlflow_points,
    tensorboard_points,
    wait_for_wandb,
    wandb_points,
)


def no_network(config: dict[str, Any], task: object) -> None:
    """Fail to build a network: nothing here trains."""


def measure(config: dict[str, Any]) -> dict[str, float]:
    """Return metrics with odd names; one architecture fails."""
    if config == {"depth": 2, "width": 16}:
        raise ValueError("diverged")
    return {
        "accuracy": config["depth"] * config["width"] / 100,
        "latency (ms)": float(config["width"]),
    }


SPACE = CustomSpace(
    {"depth": [1, 2, 3], "width": [8, 16, 24, 32]},
    build=no_network,  # type: ignore[arg-type]
    name="nets",
)


@pytest.fixture
def study(tmp_path: Path) -> Callable[[], ar.Study]:
    """Make the same study again and again, in one run folder."""

    def make() -> ar.Study:
        evaluator = ar.evaluators.Function(measure, ("accuracy", "latency (ms):minimize"))
        options: dict[str, Any] = {"constraints": "latency (ms)<=24", "objectives": "accuracy"}
        strategy = ar.strategies.Random(3)
        return ar.Study(SPACE, evaluator, strategy, run=tmp_path / "a run", **options)

    return make


class Bench:
    """A kind of tracker: how to make one, and what it has written.

    Args:
        kind: its name.
        folder: of the test.
        server: that MLflow writes to; a file in the folder if ``None``.
    """

    def __init__(self, kind: str, folder: Path, server: Server | None = None) -> None:
        self.kind = kind
        self.folder = folder
        self.server = server
        self.uri = f"sqlite:///{folder}/tracked.db" if server is None else server.uri

    def make(self) -> Tracker:
        """Make a tracker, as a new process would."""
        if self.kind == "mlflow":
            return MLflow(self.uri)
        return TensorBoard() if self.kind == "tensorboard" else WandB()

    def points(self) -> Points:
        """Return all that was written, of one run."""
        run = self.folder / "a run"
        if self.server is not None:
            (number,) = self.server.runs
            return self.server.points(number)
        if self.kind == "mlflow":
            (points,) = mlflow_points(self.uri).values()
            return points
        if self.kind == "tensorboard":
            return tensorboard_points(run / "tensorboard")
        wait_for_wandb(run / "wandb")
        return wandb_points(run / "wandb")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without runs: to make one takes seconds."""
    from mlflow.tracking import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "empty.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> str:
    """The address of an MLflow store of one test."""
    shutil.copy(empty_store, tmp_path / "tracked.db")
    return f"sqlite:///{tmp_path}/tracked.db"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A stand-in for MLflow's server; requests that fail are not repeated."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    made = Server()
    yield made
    made.close()


@pytest.fixture(params=["tensorboard", "wandb", "mlflow", "mlflow of a server"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if request.param == "mlflow":
        request.getfixturevalue("store")
    there = request.param == "mlflow of a server"
    server = request.getfixturevalue("server") if there else None
    return Bench(request.param.partition(" ")[0], tmp_path, server)
