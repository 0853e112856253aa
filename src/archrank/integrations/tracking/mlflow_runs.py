"""MLflow: one run of an experiment, in a local store or on a server."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import MissingExtraError
from archrank.files import file_name
from archrank.integrations.tracking.base import ROUND, SLOT, Evaluated, Tracker, Written

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

    from archrank.study.study import Study

EXPERIMENT = "archrank"
LONGEST = 500  # characters of a parameter, of old servers
PARAMETERS, METRICS = 100, 1000  # in one request, as servers limit them; the last is the place
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""Environment of MLflow for this process, unless it says otherwise: its own would keep a search
waiting for an hour where a server is gone."""


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
        for key, value in PATIENCE.items():
            os.environ.setdefault(key, value)
        try:
            from mlflow.tracking import MlflowClient  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("mlflow-skinny", "track", "tracking by MLflow") from error
        self.uri = uri
        self.experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        self._client: MlflowClient | None = None
        self._run = ""

    def _open(self, study: Study) -> Written:
        import mlflow
        from mlflow.tracking import MlflowClient

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        known = self.noted()
        told = self.uri or _told_uri()
        uri = told or str(known.get("uri") or mlflow.get_tracking_uri())
        self._client = client = MlflowClient(uri)
        if _exists(client, str(known.get("run", ""))):
            self._run = str(known["run"])
            client.update_run(self._run, status="RUNNING")
            rounds, slots = (
                {m.step: int(m.value) for m in client.get_metric_history(self._run, name)}
                for name in (ROUND, SLOT)
            )
            places = frozenset((rounds[step], slots[step]) for step in slots)
            return Written(max(slots, default=0), places)
        found = client.get_experiment_by_name(self.experiment)
        number = client.create_experiment(self.experiment) if found is None else found.experiment_id
        made = client.create_run(number, run_name=self.run_name(study))
        self._run = made.info.run_id
        self._log_parameters(client, study)
        self.note(run=self._run, uri=None if told else uri)  # one that was told may have a password
        return Written()

    def _log_parameters(self, client: MlflowClient, study: Study) -> None:
        from mlflow.entities import Param

        parameters = [
            Param(_key(key), str(value)[:LONGEST]) for key, value in self.parameters(study).items()
        ]
        for i in range(0, len(parameters), PARAMETERS):
            client.log_batch(self._run, params=parameters[i : i + PARAMETERS])

    def _write(self, study: Study, evaluated: Evaluated) -> None:
        from mlflow.entities import Metric

        assert self._client is not None
        now, step = int(1000 * time.time()), evaluated.step
        metrics = [Metric(_key(name), v, now, step) for name, v in evaluated.values.items()]
        for i in range(0, len(metrics), METRICS):
            self._client.log_batch(self._run, metrics=metrics[i : i + METRICS])

    def _close(self, study: Study) -> None:
        if self._client is None:
            return
        if study.results.feasible.any():
            self._client.set_tag(self._run, "best_architecture", study.results.recommended.string)
        self._client.set_terminated(self._run)
        self._client = None


def _told_uri() -> str | None:
    """Return the store that MLflow was told, by its environment or in Python; else ``None``."""
    import mlflow

    is_told: Any = mlflow.is_tracking_uri_set
    return str(mlflow.get_tracking_uri()) if is_told() else None


def _exists(client: MlflowClient, run: str) -> bool:
    from mlflow.exceptions import MlflowException

    if not run:
        return False
    try:
        return bool(client.get_run(run).info.lifecycle_stage == "active")
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise


def _key(name: str) -> str:
    """Return a name that MLflow takes; one that it does not gets a hash, so that none are equal."""
    parts = name.split("/")
    return "/".join(p if re.fullmatch(r"[\w\-. :]+", p, re.ASCII) else file_name(p) for p in parts)
