"""Where evaluations are kept: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from archrank.errors import MissingExtraError, ResumeError, StorageError
from archrank.spaces.base import Space
from archrank.study.objectives import Objective
from archrank.study.record import Record

STUDY_NAME = "archrank"


class TrialStore:
    """Records of one run, kept in an Optuna storage.

    Args:
        url: SQLAlchemy URL; ``None`` keeps them in memory.
        study_name: which study of the storage.
        create: with these objectives if it does not exist yet; ``None`` only opens.

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
        storage = _open(url)
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
        """What the run was started with; ``None`` for a new one."""
        text = self._study.user_attrs.get("archrank")
        return None if text is None else dict(json.loads(text))

    def identify(self, identity: dict[str, Any]) -> None:
        """Store what this run is on first use; later, check that it still is the same.

        Raises:
            ResumeError: the storage holds another run; names every difference.
        """
        known = self.identity
        if known is None:
            self._study.set_user_attr("archrank", json.dumps(identity, sort_keys=True))
            return
        asked = json.loads(json.dumps(identity))
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

    # ---- records -------------------------------------------------------------------------------

    def append(self, record: Record, space: Space, objectives: Sequence[Objective]) -> None:
        """Write one finished evaluation, in one transaction.

        Raises:
            StorageError: the storage cannot be written.
        """
        trial = _to_trial(record, space, objectives)
        try:
            self._study.add_trial(trial)
        except Exception as error:
            raise _storage_error(self._where, error) from error

    def records(self) -> list[Record]:
        """All evaluations in proposal order; the first of any that were stored twice."""
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
    """The storage URL of a database file.

    Raises:
        StorageError: a ``?`` in the path, which would begin the URL's options.
    """
    if "?" in str(path):
        raise StorageError(f"run folder {path.parent}: choose a name without '?'")
    return f"sqlite:///{path}"


def shown(url: str) -> str:
    """A storage URL as messages show it: without its password."""
    return re.sub(r"(://[^:/@]*:).*@", r"\1***@", url)


def _open(url: str | None) -> BaseStorage:
    if url is None:
        return InMemoryStorage()
    try:
        # wait for other readers of the file (a dashboard, a report) instead of giving up at once
        options = {"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {}
        return RDBStorage(url, engine_kwargs=options)
    except ImportError as error:
        if url.startswith("postgres"):
            raise MissingExtraError("psycopg", "postgres", f"storage {shown(url)}") from error
        raise StorageError(f"storage {shown(url)}: {error}") from error
    except Exception as error:
        raise _storage_error(shown(url), error) from error


def _storage_error(where: str, error: Exception) -> StorageError:
    cause: BaseException = error
    while cause.__cause__ is not None and not hasattr(cause, "orig"):
        cause = cause.__cause__
    text = str(getattr(cause, "orig", None) or cause).splitlines()[0]
    hint = ""
    if "readonly" in text or "unable to open" in text:
        hint = "; choose a run folder that you may write to (--run DIR)"
    elif "locked" in text:
        hint = "; another process is writing to it"
    elif "not a database" in text:
        hint = "; the file is damaged or not a database"
    return StorageError(f"cannot use storage {where}: {text}{hint}")


def _to_trial(record: Record, space: Space, objectives: Sequence[Objective]) -> FrozenTrial:
    failed = not all(math.isfinite(record.values.get(o.metric, math.nan)) for o in objectives)
    finished = datetime.now()
    trial = create_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        values=None if failed else [record.values[o.metric] for o in objectives],
        params={
            c.name: c.options[k] for c, k in zip(space.choices, record.arch.tolist(), strict=True)
        },
        distributions={c.name: CategoricalDistribution(c.options) for c in space.choices},
        user_attrs={
            "arch": record.string,
            "canonical": space.format(space.canonical(record.arch[None]))[0],
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
    )
