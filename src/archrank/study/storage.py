"""Storage of evaluations: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from archrank.errors import ArchrankError, MissingExtraError, ResumeError, StorageError
from archrank.study.objectives import Objective
from archrank.study.record import Description, Record

STUDY_NAME = "archrank"
WAIT = 30  # seconds for others who use a database file


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
        storage = _open(url) if create is not None else _open_to_read(url, study_name)
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
            raise _storage_error(self._where, error) from error
        finally:
            optuna.logging.set_verbosity(level)

    # ---- the run's identity --------------------------------------------------------------------

    @property
    def identity(self) -> dict[str, Any] | None:
        """The settings that the run was started with; ``None`` for a new one."""
        text = self._study.user_attrs.get("archrank")
        return None if text is None else dict(json.loads(text))

    def identify(self, description: Description) -> None:
        """Store what this run is on first use; later, check that it still is the same.

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
            changes = [
                f"{key}: it was started with {known.get(key)!r}, now {asked.get(key)!r}"
                for key in sorted(known.keys() | asked.keys())
                if known.get(key) != asked.get(key)
            ]
            raise ResumeError(
                f"{self._where} holds another run; {'; '.join(changes)}. "
                "Use another run folder, or the same settings to continue"
            )

    @property
    def description(self) -> Description:
        """What the run is.

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
        trial = _to_trial(record, description)
        try:
            self._study.add_trial(trial)
        except Exception as error:
            raise _storage_error(self._where, error) from error

    def records(self) -> list[Record]:
        """Read all evaluations in proposal order; the first of any that were stored twice.

        Raises:
            StorageError: the storage cannot be read.
        """
        try:
            trials = self._study.get_trials(deepcopy=False)
        except Exception as error:
            raise _storage_error(self._where, error) from error
        found: dict[tuple[int, int], Record] = {}
        for trial in trials:
            if "archrank" in trial.user_attrs:
                record = _from_trial(trial)
                found.setdefault(record.key, record)
        return [found[key] for key in sorted(found)]


def sqlite_url(path: Path) -> str:
    """Return the storage URL of a database file.

    Raises:
        StorageError: the path has a ``?``, which would begin the URL's options.
    """
    if "?" in str(path):
        raise StorageError(f"run folder {path.parent}: choose a name without '?'")
    return f"sqlite:///{path}"


def shown(url: str) -> str:
    """Return a storage URL without its password, as messages show it."""
    return re.sub(r"(://[^:/@]*:).*@", r"\1***@", url)


def _open(url: str | None) -> BaseStorage:
    try:
        return _connect(url)
    except ArchrankError:
        raise
    except Exception as error:
        raise _storage_error(shown(url or "memory"), error) from error


def _connect(url: str | None, *, skip_table_creation: bool = False) -> BaseStorage:
    if url is None:
        return InMemoryStorage()
    try:
        # wait for other readers of the file (a dashboard, a report) instead of giving up at once
        options = {"connect_args": {"timeout": WAIT}} if url.startswith("sqlite") else {}
        return RDBStorage(url, engine_kwargs=options, skip_table_creation=skip_table_creation)
    except ImportError as error:
        if url.startswith("postgres"):
            raise MissingExtraError("psycopg", "postgres", f"storage {shown(url)}") from error
        raise StorageError(f"storage {shown(url)}: {error}") from error


def _open_to_read(url: str | None, study_name: str) -> BaseStorage:
    """Open a storage that exists, and change nothing in it: a file needs no write permission.

    A search that was killed while it wrote leaves a journal, which SQLite must roll back before
    anyone can read; that is the one change that is made, where it is permitted.
    """
    file = _file_of(url)
    try:
        if file is None:
            return _connect(url, skip_table_creation=True)
        try:
            uri = f"{file.absolute().as_uri()}?mode=ro"
            options = {"creator": lambda: sqlite3.connect(uri, uri=True, timeout=WAIT)}
            return RDBStorage("sqlite://", engine_kwargs=options, skip_table_creation=True)
        except Exception as error:
            if "readonly" not in _reason(error):  # readonly: a journal to roll back
                raise
        return _connect(url, skip_table_creation=True)
    except ArchrankError:
        raise
    except Exception as error:
        where = shown(url or "memory")
        if any(text in _reason(error) for text in ("no such table", "does not exist")):
            raise StorageError(f"{where} holds no study {study_name!r}") from None
        raise _storage_error(where, error, to_read=True) from error


def _file_of(url: str | None) -> Path | None:
    """Return the file of an SQLite URL without options; ``None`` for any other URL."""
    if url is None or not url.startswith("sqlite:"):
        return None
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    return Path(parsed.database) if parsed.database and not parsed.query else None


def _storage_error(where: str, error: Exception, *, to_read: bool = False) -> StorageError:
    text = _reason(error)
    hint = ""
    if to_read and "readonly" in text:
        hint = (
            "; a search was killed while it wrote, so the file must be repaired: read a copy of "
            "the run folder that you may write to"
        )
    elif not to_read and ("readonly" in text or "unable to open" in text):
        hint = "; choose a run folder that you may write to (--run DIR)"
    elif "unable to open" in text:
        hint = "; is it there, and may you read it?"
    elif "locked" in text:
        hint = "; another process is writing to it"
    elif "not a database" in text:
        hint = "; the file is damaged or not a database"
    return StorageError(f"cannot use storage {where}: {text}{hint}")


def _reason(error: Exception) -> str:
    """Return the first line of what the database itself said."""
    cause: BaseException = error
    while cause.__cause__ is not None and not hasattr(cause, "orig"):
        cause = cause.__cause__
    return str(getattr(cause, "orig", None) or cause).splitlines()[0]


def _to_trial(record: Record, description: Description) -> FrozenTrial:
    objectives = description.goals.objectives
    failed = not all(math.isfinite(record.values.get(o.metric, math.nan)) for o in objectives)
    finished = datetime.now()
    trial = create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        values=None if failed else [record.values[o.metric] for o in objectives],
        params=dict(description.options(record.arch)),
        distributions={
            name: CategoricalDistribution(options)
            for name, options in description.decisions.items()
        },
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


def _from_trial(trial: FrozenTrial) -> Record:
    attrs = trial.user_attrs
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
