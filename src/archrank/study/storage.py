"""Storage of evaluations: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again. What was asked for is a running trial until its values are told.
"""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archrank.differences import differences, told
from archrank.errors import ChangedRunError, NoStudyError, ResumeError, StorageError
from archrank.study.address import Address
from archrank.study.asked import Asked, Ledger
from archrank.study.circumstances import changed
from archrank.study.conversion import (
    FORGOTTEN,
    MARK,
    to_asked,
    to_record,
    to_running,
    to_trial,
)
from archrank.study.database import add_study, open_storage, open_to_read, storage_error
from archrank.study.proposal import Key
from archrank.study.recommendation import Recommendation
from archrank.study.record import Description, Record
from archrank.study.repetitions import Repetition
from archrank.study.results import Results
from archrank.study.trials import ConflictError, Stamp, Trials

T = TypeVar("T")

STUDY_NAME = "archrank"
DATABASE = "study.db"  # in a run folder
DESCRIPTION = "archrank_description"
CONFIRMED = "archrank_confirmed"
REPEATED = "archrank_repeated"
RECOMMENDED = "archrank_recommended"
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
        self._stamp = Stamp(self._done, 0)
        self._asked: dict[Key, int] = {}  # identifiers of trials
        self._told: dict[Key, int] = {}
        self._versions: dict[Key, int] = {}
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
        return self._kept(
            CONFIRMED,
            lambda stored: {
                _place(place): {name: float(value) for name, value in values.items()}
                for place, values in stored.items()
            },
        )

    def confirm(self, place: tuple[int, int], values: Mapping[str, float]) -> None:
        """Keep metrics of the record of a round and slot that were measured once more.

        Raises:
            StorageError: the storage cannot be written.
        """
        self._keep_confirmed({**self.confirmed(), place: dict(values)})

    def _keep_confirmed(self, known: Mapping[Key, Mapping[str, float]]) -> None:
        self._keep(CONFIRMED, {f"{r},{slot}": dict(each) for (r, slot), each in known.items()})

    def repetitions(self) -> list[Repetition]:
        """Return the repeated evaluations, in the order in which they were stored.

        Raises:
            StorageError: they cannot be read.
        """
        return self._kept(
            REPEATED,
            lambda stored: [Repetition.from_json(each) for each in stored.get("repetitions", [])],
        )

    def repeat(self, repetition: Repetition) -> None:
        """Keep a repeated evaluation.

        Raises:
            StorageError: the storage cannot be written.
        """
        self._keep_repetitions([*self.repetitions(), repetition])

    def _keep_repetitions(self, known: Sequence[Repetition]) -> None:
        self._keep(REPEATED, {"repetitions": [each.to_json() for each in known]})

    def recommendation(self) -> Recommendation | None:
        """Return what the run recommended when it ended last, if anything.

        Raises:
            StorageError: it cannot be read.
        """
        return self._kept(
            RECOMMENDED, lambda stored: Recommendation.from_json(stored) if stored else None
        )

    def recommend(self, recommendation: Recommendation | None) -> None:
        """Keep what the run recommends.

        Raises:
            StorageError: the storage cannot be written.
        """
        self._keep(RECOMMENDED, {} if recommendation is None else recommendation.to_json())

    def results(self, records: Sequence[Record], description: Description) -> Results:
        """Return records of the run with all that was measured again, and what it recommends.

        Raises:
            StorageError: the storage cannot be read.
        """
        return Results.of(
            description, records, self.confirmed(), self.repetitions(), self.recommendation()
        )

    def _kept(self, name: str, read: Callable[[dict[str, Any]], T]) -> T:
        """Read what is kept of the study under ``name``; of nothing, an empty mapping."""
        try:
            return read(_json(self._study.user_attrs.get(name, "{}")))
        except Exception as error:
            raise self._failed(error, to_read=True) from None

    def _keep(self, name: str, value: object) -> None:
        """Keep JSON of the study under ``name``, if it is not what is kept already."""
        text = _text(value)
        try:
            if self._study.user_attrs.get(name, "{}") != text:
                self._study.set_user_attr(name, text)
        except Exception as error:
            raise self._failed(error) from None

    def _forget_measured_again(self, places: Set[Key]) -> None:
        self._forget_confirmed(places)
        repeated = self.repetitions()
        left = [each for each in repeated if each.key not in places]
        if len(left) < len(repeated):
            self._keep_repetitions(left)

    def _forget_confirmed(self, places: Set[Key]) -> None:
        known = self.confirmed()
        left = {place: values for place, values in known.items() if place not in places}
        if len(left) < len(known):
            self._keep_confirmed(left)

    # ---- records -------------------------------------------------------------------------------

    def append(self, record: Record, description: Description) -> None:
        """Write one finished evaluation, in one transaction.

        Raises:
            StorageError: the storage cannot be written.
        """
        if record.key in self._asked:
            try:
                self.tell([record], description)
            except ConflictError:
                raise StorageError(
                    f"{self._where}: another process has told something of this run, or asked, "
                    "while it was running; run again to continue"
                ) from None
            return
        trial = self._trial(to_trial, record, description)
        try:
            self._told[record.key] = self._trials.add(trial)
        except Exception as error:
            raise self._failed(error) from None
        self._versions[record.key] = 0
        self._stamp = self._stamp._replace(trials=self._stamp.trials + 1)

    def ask(self, asked: Sequence[Asked], description: Description) -> None:
        """Write what was asked for, in one transaction.

        Raises:
            ConflictError: another process has written since the ledger was read.
            StorageError: the storage cannot be written.
        """
        trials = [self._trial(to_running, each, description) for each in asked]
        ids = self._write(new=trials)
        self._asked.update(zip((each.key for each in asked), ids, strict=True))

    def tell(
        self, records: Sequence[Record], description: Description, closes: int | None = None
    ) -> None:
        """Write evaluations: of what was asked for, further ones, and some in place of others.

        Args:
            records: all are written, or none.
            description: of the run.
            closes: number of an unfinished round, whose missing places stay empty.

        Raises:
            ConflictError: another process has written since the ledger was read.
            StorageError: the storage cannot be written.
        """
        new, finished, superseded = [], {}, []
        for record in records:
            version = self._versions.get(record.key, -1) + 1
            trial = self._trial(to_trial, record, description)
            place = {"version": version} if version else {}
            trial.user_attrs[MARK] |= place if closes is None else {**place, "closes": closes}
            if record.key in self._asked:
                finished[self._asked[record.key]] = trial
            else:
                new.append(trial)
            superseded += [self._told[record.key]] if version else []
        if superseded:  # before: whoever is killed in between has to measure once more
            self._forget_measured_again({record.key for record in records})
        ids = iter(self._write(new=new, finished=finished, superseded=superseded))
        for record in records:
            key = record.key
            self._told[key] = self._asked.pop(key) if key in self._asked else next(ids)
            self._versions[key] = self._versions.get(key, -1) + 1

    def forget(self, asked: Asked, description: Description) -> None:
        """Write that an answer is no longer awaited.

        Raises:
            ConflictError: another process has written since the ledger was read.
            StorageError: the storage cannot be written.
        """
        trial = self._trial(to_running, asked, description)
        trial.user_attrs[FORGOTTEN] = True
        trial.state, trial.datetime_complete = TrialState.FAIL, datetime.now()
        self._write(finished={self._asked.pop(asked.key): trial})

    def _trial(self, make: Any, value: Any, description: Description) -> FrozenTrial:
        if not self._distributions:
            self._distributions = {
                name: CategoricalDistribution(options)
                for name, options in description.decisions.items()
            }
        trial: FrozenTrial = make(value, description, self._distributions)
        return trial

    def _write(self, **trials: Any) -> list[int]:
        try:
            ids, self._stamp = self._trials.write(self._stamp, **trials)
        except ConflictError:
            raise
        except Exception as error:
            raise self._failed(error) from None
        return ids

    @property
    def is_stale(self) -> bool:
        """Tell whether another process has written since the ledger was read.

        Raises:
            StorageError: the storage cannot be read.
        """
        try:
            return self._trials.stamp() != self._stamp
        except Exception as error:
            raise self._failed(error, to_read=True) from None

    def records(self) -> list[Record]:
        """Read all evaluations in proposal order; the first of any that were stored twice.

        Raises:
            StorageError: the storage cannot be read.
        """
        return self.ledger().records

    def ledger(self) -> Ledger:
        """Read evaluations and what was asked for; of evaluations in place of others, the last.

        Raises:
            StorageError: the storage cannot be read.
        """
        try:
            self._stamp = self._trials.stamp()
            trials = list(self._trials.stored())
        except Exception as error:
            raise self._failed(error, to_read=True) from None
        run = self.description
        found: dict[Key, Record] = {}
        asked: list[Asked] = []
        forgotten: list[tuple[Key, int]] = []
        closed: set[int] = set()
        self._asked, self._told, self._versions = {}, {}, {}
        for number, (trial_id, state, attributes) in enumerate(trials):
            if MARK not in attributes:
                continue
            if FORGOTTEN in attributes or not state.is_finished():
                each = self._read(to_asked, number, attributes, run)
                if FORGOTTEN in attributes:
                    forgotten.append((each.key, each.round_size))
                else:
                    asked.append(each)
                    self._asked[each.key] = trial_id
                continue
            record = self._read(to_record, number, attributes, run)
            place = attributes[MARK]
            closed |= {place["closes"]} if "closes" in place else set()
            version = place.get("version", 0)
            if version > self._versions.get(record.key, -1):
                found[record.key], self._versions[record.key] = record, version
                self._told[record.key] = trial_id
        return Ledger([found[key] for key in sorted(found)], asked, forgotten, closed)

    def _read(self, read: Any, number: int, attributes: dict[str, Any], run: Description) -> Any:
        try:
            return read(attributes, run)
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
