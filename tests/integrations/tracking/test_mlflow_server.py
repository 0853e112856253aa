"""MLflow on a server: one that is away, fails, breaks off, or has an account."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

import archrank as ar
from archrank.errors import CallbackWarning
from archrank.integrations.tracking import MLflow
from tests.integrations.tracking.mlflow_server import Server

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
Make = Callable[[], ar.Study]


def steps(server: Server) -> list[int]:
    (points,) = [server.points(number) for number in server.runs]
    return [step for step, _ in points.get("run/slot", [])]


def test_what_is_known_of_a_run(study: Make, server: Server) -> None:
    done = study().run(4, callbacks=[MLflow(server.uri, "mine", settings={"note": "x" * 900})])
    (run,) = server.runs.values()
    assert run["info"]["run_name"] == "a run"
    assert run["info"]["status"] == "FINISHED"
    assert run["info"]["experiment_id"] == server.experiments["mine"]
    assert run["params"]["strategy.batch_size"] == "3"
    assert len(run["params"]["note"]) == 500
    assert run["tags"]["best_architecture"] == done.best.string
    study().run(5, callbacks=[MLflow(server.uri, "mine", settings={"note": "another"})])
    assert run["params"]["note"] == "x" * 500  # MLflow keeps the first
    assert steps(server) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("fault", [500, "nothing"])
@pytest.mark.parametrize(
    "request_", ["runs/create", "runs/log-batch", "runs/set-tag", "runs/update"]
)
def test_a_server_that_fails(study: Make, server: Server, request_: str, fault: int | str) -> None:
    """Requests may fail before or after they were carried out; nothing is lost or there twice."""
    asked = 0

    def fail(request: str) -> int | str | None:
        nonlocal asked
        asked += request == request_
        return fault if request == request_ and asked == 3 else None

    server.fault = fail
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CallbackWarning)
        for budget in (2, 4, 6):
            assert len(study().run(budget, callbacks=[MLflow(server.uri)]).records) == budget
            server.runs = {} if request_ == "runs/create" else server.runs  # somebody removed it
    messages = [str(w.message) for w in caught if w.category is CallbackWarning]
    assert len(messages) == 1
    assert messages[0].startswith("mlflow failed")
    study().run(7, callbacks=[MLflow(server.uri)])
    assert steps(server) == list(range(1, 8))


def test_a_server_that_is_away_and_comes_back(study: Make, server: Server) -> None:
    server.fault = lambda request: 503
    with pytest.warns(CallbackWarning, match=f"StorageError: {server.uri}: .*; the next run of"):
        study().run(3, callbacks=[MLflow(server.uri)])
    server.fault = lambda request: None
    study().run(5, callbacks=[MLflow(server.uri)])
    assert steps(server) == [1, 2, 3, 4, 5]


def test_parameters_that_were_not_taken_are_written_later(study: Make, server: Server) -> None:
    server.fault = lambda request: 500 if request == "runs/log-batch" else None
    with pytest.warns(CallbackWarning, match="mlflow failed"):
        study().run(2, callbacks=[MLflow(server.uri)])
    server.fault = lambda request: None
    study().run(2, callbacks=[MLflow(server.uri)])
    (run,) = server.runs.values()
    assert run["params"]["strategy.batch_size"] == "3"


def test_an_experiment_that_another_process_makes(study: Make, server: Server) -> None:
    def other(request: str) -> None:
        if request == "experiments/create":
            server.experiments["archrank"] = "7"

    server.fault = other
    study().run(2, callbacks=[MLflow(server.uri)])
    (run,) = server.runs.values()
    assert run["info"]["experiment_id"] == "7"


@pytest.mark.parametrize("login", ["me:se%40cret", "E"])
def test_accounts_are_not_told(study: Make, server: Server, tmp_path: Path, login: str) -> None:
    server.fault = lambda request: 401
    uri = server.uri.replace("//", f"//{login}@")
    with pytest.warns(CallbackWarning, match=r"http://\*\*\*@127.0.0.1:\d+: ") as caught:
        study().run(2, callbacks=[MLflow(uri)])
    written = [p.read_text() for p in (tmp_path / "a run").glob("*.json")]
    assert not [text for text in [*written, str(caught[0].message)] if f"{login}@" in text]
    assert "INTERNAL_ERROR" in str(caught[0].message)
