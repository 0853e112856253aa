"""MLflow: one run of an experiment, in a local store or on a server."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import MissingExtraError, StorageError
from archrank.files import file_name
from archrank.integrations.tracking.base import (
    ROUND,
    SLOT,
    Evaluated,
    Tracker,
    Written,
    set_defaults,
)
from archrank.study.address import HIDDEN

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

    from archrank.study.study import Study

EXPERIMENT = "archrank"
LONGEST = 500  # characters of a parameter, of old servers
PARAMETERS, METRICS = 100, 1000  # in one request, as servers limit them; the last is the place
DATABASES = ("postgresql", "mysql", "mssql")
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # a busy server may ask for an hour
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # what is printed is the user's
    "MLFLOW_DISABLE_TELEMETRY": "true",  # nothing is sent but to the store
}
"""Settings of MLflow where the environment has none: by MLflow's own a search would wait for an
hour where a server is gone."""


class MLflow(Tracker):
    """Writes metrics with steps, the settings as parameters, the best architecture as a tag.

    Where to is told as MLflow's own programs are told: ``MLFLOW_TRACKING_URI`` and
    ``MLFLOW_EXPERIMENT_NAME``; without these, its local store in the current folder and the
    experiment ``archrank``. The run's number is noted in the run folder.

    Args:
        uri: of the store, such as ``"sqlite:///mlflow.db"`` or ``"http://host:5000"``.
        experiment: name of the experiment; made where it is missing.
        settings: further parameters.
        run: the run folder; that of the study if ``None``.

    Raises:
        MissingExtraError: mlflow is not installed.
    """

    name = "mlflow"

    def __init__(
        self,
        uri: str | None = None,
        experiment: str | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        run: Path | None = None,
    ) -> None:
        super().__init__(settings, run)
        set_defaults(ENVIRONMENT)
        try:
            from mlflow.tracking import MlflowClient  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("mlflow-skinny", "track", "tracking by MLflow") from error
        self.uri = uri
        self.experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        self._client: MlflowClient | None = None
        self._store, self._run = "", ""

    def _open(self, study: Study) -> Written:
        import mlflow
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # errors are raised
        known = self.noted()
        told = self.uri or _told_uri()
        self._store = told or str(known.get("uri") or mlflow.get_tracking_uri())
        with self._login_hidden():
            _connect_once(self._store)
            self._client = client = MlflowClient(self._store)
            run = _active(client, str(known.get("run", "")))
            if run is None:
                run = client.create_run(self._experiment(client), run_name=self.run_name(study))
                # an address that was told may have a password
                self.note(run=run.info.run_id, uri=None if told else self._store)
            else:
                client.update_run(run.info.run_id, status="RUNNING")
            self._run = run.info.run_id
            self._log_parameters(client, study, known=run.data.params)
            return self._written(client)

    def _experiment(self, client: MlflowClient) -> str:
        """Return the number of the experiment, which is made where it is missing."""
        from mlflow.exceptions import MlflowException

        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(self.experiment))
        except MlflowException as error:
            found = client.get_experiment_by_name(self.experiment)  # another process was faster
            if found is None or error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(found.experiment_id)

    def _written(self, client: MlflowClient) -> Written:
        rounds, slots = (
            {m.step: int(m.value) for m in client.get_metric_history(self._run, name)}
            for name in (ROUND, SLOT)
        )
        return Written(max(slots, default=0), frozenset((rounds[s], slots[s]) for s in slots))

    def _log_parameters(
        self, client: MlflowClient, study: Study, *, known: Mapping[str, str]
    ) -> None:
        from mlflow.entities import Param

        parameters = [
            Param(_key(name), str(value)[:LONGEST])
            for name, value in self.parameters(study).items()
            if _key(name) not in known  # MLflow refuses another value of a known one
        ]
        for i in range(0, len(parameters), PARAMETERS):
            client.log_batch(self._run, params=parameters[i : i + PARAMETERS])

    def _write(self, study: Study, evaluated: Evaluated) -> None:
        from mlflow.entities import Metric

        assert self._client is not None
        now, step = int(1000 * time.time()), evaluated.step
        metrics = [Metric(_key(name), v, now, step) for name, v in evaluated.values.items()]
        with self._login_hidden():
            for i in range(0, len(metrics), METRICS):
                self._client.log_batch(self._run, metrics=metrics[i : i + METRICS])

    def _close(self, study: Study) -> None:
        if self._client is None:
            return
        with self._login_hidden():
            if study.results.feasible.any():
                best = study.results.recommended.string
                self._client.set_tag(self._run, "best_architecture", best)
            self._client.set_terminated(self._run)
        self._client = None

    @contextmanager
    def _login_hidden(self) -> Iterator[None]:
        """Raise errors of MLflow with the address of the store, but without the login in it.

        Raises:
            StorageError: MLflow failed.
        """
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (MlflowException, SQLAlchemyError) as error:
            said = str(error).partition("\n[SQL")[0]
            text = f"{self._store}: {said}"
            if self._store.startswith("sqlite") and "already exists" in said:
                text = f"{self._store} is half made; remove it if it has no runs: {said}"
            login, at, _ = self._store.partition("://")[2].rpartition("@")
            raise StorageError(text.replace(login + at, HIDDEN + at) if at else text) from None


def _told_uri() -> str | None:
    """Return the store that MLflow was told, by its environment or in Python; else ``None``."""
    import mlflow

    is_told: Any = mlflow.is_tracking_uri_set
    return str(mlflow.get_tracking_uri()) if is_told() else None


def _connect_once(store: str) -> None:
    """Connect to a database server; MLflow itself would try for minutes, and print each failure."""
    from sqlalchemy import create_engine

    if store.startswith(DATABASES):
        engine = create_engine(store)
        engine.connect().close()
        engine.dispose()


def _active(client: MlflowClient, run: str) -> Run | None:
    """Return a run, unless there is none of this number or it was deleted."""
    from mlflow.exceptions import MlflowException

    if not run:
        return None
    try:
        found = client.get_run(run)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return found if found.info.lifecycle_stage == "active" else None


def _key(name: str) -> str:
    """Return a name that MLflow takes; one that it does not gets a hash, so that none are equal."""
    parts = name.split("/")
    return "/".join(p if re.fullmatch(r"[\w\-. :]+", p, re.ASCII) else file_name(p) for p in parts)
