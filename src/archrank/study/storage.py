"""Storage of evaluations: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from archrank.differences import differences, told
from archrank.errors import ResumeError, StorageError
from archrank.study.database import open_storage, open_to_read, shown, storage_error
from archrank.study.objectives import Objective
from archrank.study.record import Description, Record
from archrank.study.trials import Trials

STUDY_NAME = "archrank"


class TrialStore:
    """Records of one run, kept in an Optuna storage.

    Args:
        url: SQLAlchemy URL; ``None`` keeps them in memory.
        study_name: name of the study in the storage.
        create: open to write, and create the study with these objectives if it does not exist;
            ``None`` opens to read, and changes nothing.

    Raises:
        StorageError: the storage cannot be opened, or holds no such study.
    """

    def __init__(
        self,
        url: str | None,
        study_name: str = STUDY_NAME,
        create: Sequence[Objective] | None = None,
    ) -> None:
        self._where = "memory" if url is None else shown(url)
        storage = open_storage(url) if create is not None else open_to_read(url, study_name)
        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # it announces every study
        try:
            if create is None:
                self._study = optuna.load_study(study_name=study_name, storage=storage)
            else:
                self._study = optuna.create_study(
                    storage=storage,
                    study_name=study_name,
                    directions=[o.direction for o in create],
                    load_if_exists=True,
                )
        except KeyError:
            raise StorageError(f"{self._where} holds no study {study_name!r}") from None
        except Exception as error:
            raise storage_error(self._where, error) from error
        finally:
            optuna.logging.set_verbosity(level)
        self._trials = Trials(self._study, storage)
        self._distributions: dict[str, CategoricalDistribution] = {}

    # ---- the run's identity --------------------------------------------------------------------

    @property
    def identity(self) -> dict[str, Any] | None:
        """The settings that the run was started with; ``None`` for a new one."""
        text = self._study.user_attrs.get("archrank")
        return None if text is None else dict(json.loads(text))

    def identify(self, description: Description) -> None:
        """Store the description of a new run; of a known one, check that it is the same.

        Raises:
            ResumeError: the storage holds another run; names every difference.
        """
        known = self.identity
        if known is None:
            self._study.set_user_attr(
                "archrank_description", json.dumps(description.to_json(), allow_nan=False)
            )
            self._study.set_user_attr("archrank", json.dumps(description.identity, sort_keys=True))
            return
        asked = json.loads(json.dumps(description.identity))
        if known != asked:
            raise ResumeError(
                f"{self._where} holds another run (stored -> now): "
                f"{told(differences(known, asked))}. "
                "Use another run folder, or the same settings to continue"
            )

    @property
    def description(self) -> Description:
        """Description of the run, as it was stored.

        Raises:
            StorageError: the study was not written by this version of archrank.
        """
        text = self._study.user_attrs.get("archrank_description")
        identity = self.identity
        try:
            if text is not None and identity is not None:
                return Description.from_json(json.loads(text), identity)
            problem = "it does not say what was searched"
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"{type(error).__name__}: {error}"
        raise StorageError(
            f"study {self._study.study_name!r} in {self._where} was not written by this version "
            f"of archrank ({problem}); search again in another run folder"
        )

    # ---- records -------------------------------------------------------------------------------

    def append(self, record: Record, description: Description) -> None:
        """Write one finished evaluation, in one transaction.

        Raises:
            StorageError: the storage cannot be written.
        """
        if not self._distributions:
            self._distributions = {
                name: CategoricalDistribution(options)
                for name, options in description.decisions.items()
            }
        trial = _to_trial(record, description, self._distributions)
        try:
            self._trials.add(trial)
        except Exception as error:
            raise storage_error(self._where, error) from error

    def records(self) -> list[Record]:
        """Read all evaluations in proposal order; the first of any that were stored twice.

        Raises:
            StorageError: the storage cannot be read.
        """
        try:
            trials = list(self._trials.attributes())
        except Exception as error:
            raise storage_error(self._where, error) from error
        found: dict[tuple[int, int], Record] = {}
        for attributes in trials:
            if "archrank" in attributes:
                record = _to_record(attributes)
                found.setdefault(record.key, record)
        return [found[key] for key in sorted(found)]


def _to_trial(
    record: Record, description: Description, distributions: dict[str, CategoricalDistribution]
) -> FrozenTrial:
    objectives = description.goals.objectives
    failed = not all(math.isfinite(record.values.get(o.metric, math.nan)) for o in objectives)
    finished = datetime.now()
    trial = create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        values=None if failed else [record.values[o.metric] for o in objectives],
        params=dict(description.options(record.arch)),
        distributions=dict(distributions),
        user_attrs={
            "arch": record.string,
            "canonical": record.canonical,
            "config": record.config,
            "failure": record.reason,
            "seconds": record.seconds,
            "cpu_seconds": record.cpu_seconds if math.isfinite(record.cpu_seconds) else None,
            "metrics": {k: v if math.isfinite(v) else None for k, v in record.values.items()},
            "archrank": {
                "choices": record.arch.tolist(),
                "round": record.round,
                "slot": record.slot,
                "round_size": record.round_size,
                "elapsed": record.elapsed,
            },
        },
    )
    trial.datetime_start = finished - timedelta(seconds=record.seconds)
    trial.datetime_complete = finished
    return trial


def _to_record(attrs: dict[str, Any]) -> Record:
    place = attrs["archrank"]
    return Record(
        round=place["round"],
        slot=place["slot"],
        round_size=place["round_size"],
        arch=np.array(place["choices"], dtype=np.uint8),
        string=attrs["arch"],
        values={k: math.nan if v is None else v for k, v in attrs["metrics"].items()},
        reason=attrs["failure"],
        seconds=attrs["seconds"],
        elapsed=place["elapsed"],
        cpu_seconds=math.nan if (cpu := attrs.get("cpu_seconds")) is None else cpu,
        canonical=attrs["canonical"],
        config=attrs["config"],
    )
