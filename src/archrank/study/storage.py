"""Storage of evaluations: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from archrank.differences import differences, told
from archrank.errors import ChangedRunError, NoStudyError, ResumeError, StorageError
from archrank.study.address import Address
from archrank.study.circumstances import changed
from archrank.study.database import add_study, open_storage, open_to_read, storage_error
from archrank.study.record import Description, Record
from archrank.study.trials import Trials

STUDY_NAME = "archrank"
MARK = "archrank"
"""Attribute of a study with the identity of a run; studies of others have none."""

DESCRIPTION = "archrank_description"
CONFIRMED = "archrank_confirmed"
IDENTITY = frozenset({"space", "evaluator", "strategy", "objectives", "constraints", "seed"})

Storage = str | os.PathLike[str] | Address


class TrialStore:
    """Records of one run, kept in an Optuna storage.

    Args:
        storage: path of an SQLite file, SQLAlchemy URL, or ``None`` to keep them in memory.
        study_name: name of the study in the storage.
        create: open to write, and create the study of this run if it does not exist; ``None`` opens
            to read, and changes nothing.
        accept_changes: whether to go on with a run whose circumstances have changed such that
            earlier evaluations may not be comparable.

    Attributes:
        changes: sentences about what has changed since the run was last opened to write.
        noted: sentences about all that has changed since it was begun, and after what.

    Raises:
        ResumeError: the storage holds another run, or one that has changed; says what differs.
        StorageError: the storage cannot be opened, or holds no such study, or one of others.
    """

    def __init__(
        self,
        storage: Storage | None,
        study_name: str = STUDY_NAME,
        create: Description | None = None,
        *,
        accept_changes: bool = False,
    ) -> None:
        self._address = None if storage is None else Address.of(storage)
        self._where = "memory" if self._address is None else str(self._address)
        self.changes: tuple[str, ...] = ()
        self.noted: tuple[str, ...] = ()
        if create is None:
            opened = open_to_read(self._address, study_name)
        else:
            opened = open_storage(self._address)
        if isinstance(opened, RDBStorage):
            weakref.finalize(self, opened.engine.dispose)  # close its connections
        with _quiet_optuna():
            try:
                study = _load(opened, study_name)
                if study is None and create is not None:
                    study = _create(opened, study_name, create)
                if study is None:
                    raise NoStudyError(f"{self._where} holds no study {study_name!r}")
                self._study, self._trials = study, Trials(study, opened)
                self._done = len(self._trials) if create is not None else 0
            except NoStudyError:
                raise
            except Exception as error:
                raise self._failed(error, to_read=create is None) from None
        self._distributions: dict[str, CategoricalDistribution] = {}
        if create is not None:
            self._continue(create, accept_changes)

    def _failed(self, error: Exception, *, to_read: bool = False) -> StorageError:
        return storage_error(self._address, error, to_read=to_read)

    # ---- the run's identity --------------------------------------------------------------------

    def _continue(self, asked: Description, accept_changes: bool) -> None:
        """Check that the study is of this run, and store what has changed since.

        Raises:
            ResumeError: it is of another run, or has changed; names every difference.
        """
        known = self.description
        identity = json.loads(json.dumps(asked.identity))
        if known.identity != identity:
            raise ResumeError(
                f"{self._where} holds another run (stored -> now): "
                f"{told(differences(known.identity, identity))}. "
                "Use another run folder, or the same settings to continue"
            )
        used = [f"table column {name}" for name in asked.goals.metrics]
        found = changed(known.circumstances, asked.circumstances, used)
        if found.serious and not accept_changes and self._done:
            raise ChangedRunError(
                f"since the evaluations in {self._where} were made, {'; '.join(found.serious)}. "
                "Later ones may not compare with them: continue all the same with "
                "--accept-changes (accept_changes=True in Python), or begin another run"
            )
        self.changes = (*found.serious, *found.harmless)
        self._store_changes(known, asked)

    def _store_changes(self, known: Description, asked: Description) -> None:
        changes = [f"after {self._done} evaluations: {change}" for change in self.changes]
        latest = dataclasses.replace(asked, changes=(*known.changes, *changes))
        self.noted = latest.changes
        names = [o.metric for o in asked.goals.objectives]
        try:
            if latest.to_json() != known.to_json():
                self._study.set_user_attr(DESCRIPTION, _text(latest.to_json()))
            if self._study.metric_names != names:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    self._study.set_metric_names(names)
        except Exception as error:
            raise self._failed(error) from None

    @property
    def description(self) -> Description:
        """Description of the run, as it was stored.

        Raises:
            StorageError: the study is none of archrank's, or of another version of it.
        """
        try:
            attributes = self._study.user_attrs
        except Exception as error:  # damage of any kind, which no one else tells in our words
            raise self._failed(error, to_read=True) from None
        if MARK not in attributes:
            raise StorageError(
                f"study {self._study.study_name!r} in {self._where} was not made by archrank, so "
                "it is left alone; use another name for the run (another run folder: --run DIR; "
                "in Python: Study(name=...))"
            )
        try:
            identity = _json(attributes[MARK])
            if not set(identity) >= IDENTITY:
                raise ValueError("it does not say what was searched")
            return Description.from_json(_json(attributes[DESCRIPTION]), identity)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"study {self._study.study_name!r} in {self._where} was not written by this "
                f"version of archrank ({type(error).__name__}: {error}); search again in another "
                "run folder"
            ) from None

    # ---- what is best, measured once more -------------------------------------------------------

    def confirmed(self) -> dict[tuple[int, int], dict[str, float]]:
        """Return the metrics of records that were measured once more, by round and slot.

        Raises:
            StorageError: they cannot be read.
        """
        try:
            stored = _json(self._study.user_attrs.get(CONFIRMED, "{}"))
            return {
                _place(place): {name: float(value) for name, value in values.items()}
                for place, values in stored.items()
            }
        except Exception as error:
            raise self._failed(error, to_read=True) from None

    def confirm(self, place: tuple[int, int], values: Mapping[str, float]) -> None:
        """Keep metrics of the record of a round and slot that were measured once more.

        Raises:
            StorageError: the storage cannot be written.
        """
        known = {**self.confirmed(), place: dict(values)}
        text = _text({f"{r},{slot}": metrics for (r, slot), metrics in known.items()})
        try:
            self._study.set_user_attr(CONFIRMED, text)
        except Exception as error:
            raise self._failed(error) from None

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
            raise self._failed(error) from None

    def records(self) -> list[Record]:
        """Read all evaluations in proposal order; the first of any that were stored twice.

        Raises:
            StorageError: the storage cannot be read.
        """
        try:
            trials = list(self._trials.attributes())
        except Exception as error:
            raise self._failed(error, to_read=True) from None
        description = self.description
        found: dict[tuple[int, int], Record] = {}
        for number, attributes in enumerate(trials):
            if MARK in attributes:
                record = self._record(number, attributes, description)
                found.setdefault(record.key, record)
        return [found[key] for key in sorted(found)]

    def _record(self, number: int, attributes: dict[str, Any], run: Description) -> Record:
        try:
            return _to_record(attributes, run)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise StorageError(
                f"{self._where}: evaluation {number} is damaged ({type(error).__name__}: {error})"
            ) from None


def run_names(storage: Storage) -> list[str]:
    """Return the names of the studies in a database that are runs of archrank.

    Raises:
        NoStudyError: there is no such file, or it holds no studies at all.
        StorageError: it cannot be read.
    """
    address = Address.of(storage)
    opened = open_to_read(address, STUDY_NAME)
    try:
        return [s.study_name for s in opened.get_all_studies() if MARK in s.user_attrs]
    except Exception as error:
        raise storage_error(address, error, to_read=True) from None
    finally:
        if isinstance(opened, RDBStorage):
            opened.engine.dispose()


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna from announcing every study."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _load(storage: BaseStorage, name: str) -> optuna.Study | None:
    try:
        return optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        return None


def _create(storage: BaseStorage, name: str, description: Description) -> optuna.Study | None:
    """Create the study of a run; another process may have done so at this moment."""
    directions = [o.direction for o in description.goals.objectives]
    marks = {
        MARK: json.dumps(description.identity, sort_keys=True),
        DESCRIPTION: _text(description.to_json()),
    }
    with suppress(optuna.exceptions.DuplicatedStudyError):
        add_study(storage, name, directions, marks)
    return _load(storage, name)


def _text(value: object) -> str:
    return json.dumps(value, allow_nan=False)


def _place(text: str) -> tuple[int, int]:
    """Read a round and a slot that were stored as ``3,1``."""
    number, slot = text.split(",")
    return int(number), int(slot)


def _json(text: str) -> dict[str, Any]:
    """Read JSON that was stored.

    Raises:
        ValueError: it is damaged.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return dict(value)


def _to_trial(
    record: Record, description: Description, distributions: dict[str, CategoricalDistribution]
) -> FrozenTrial:
    goals = description.goals
    objectives = goals.objectives
    failed = bool(goals.missing(record.values))
    unfinished = TrialState.PRUNED if goals.rejects(record.values) else TrialState.FAIL
    finished = datetime.now()
    trial = create_trial(
        state=unfinished if failed else TrialState.COMPLETE,
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
    if not failed:
        _set_constraints(trial, goals.excess(record.values))
    trial.datetime_start = finished - timedelta(seconds=record.seconds)
    trial.datetime_complete = finished
    return trial


def _set_constraints(trial: FrozenTrial, excess: Mapping[str, float]) -> None:
    """Tell Optuna which constraints a trial keeps: those whose value is 0 or less."""
    if hasattr(trial, "set_constraint"):
        for name, value in excess.items():
            trial.set_constraint(name, value)
    elif excess:  # Optuna 4 keeps them as its samplers do
        trial.system_attrs["constraints"] = list(excess.values())


def _to_record(attrs: dict[str, Any], run: Description) -> Record:
    """Read an evaluation; a metric that was not measured then is NaN.

    Raises:
        ValueError: an architecture that the run's decisions do not have.
        Exception: ``KeyError`` and the like, where something is missing or is of another type.
    """
    place = attrs[MARK]
    arch = np.array(place["choices"], dtype=np.uint8)
    run.check(arch)
    known = {k: math.nan if v is None else float(v) for k, v in attrs["metrics"].items()}
    return Record(
        round=place["round"],
        slot=place["slot"],
        round_size=place["round_size"],
        arch=arch,
        string=attrs["arch"],
        values={**dict.fromkeys((m.name for m in run.metrics), math.nan), **known},
        reason=attrs["failure"],
        seconds=attrs["seconds"],
        elapsed=place["elapsed"],
        cpu_seconds=math.nan if (cpu := attrs.get("cpu_seconds")) is None else cpu,
        canonical=attrs["canonical"],
        config=attrs["config"],
    )
