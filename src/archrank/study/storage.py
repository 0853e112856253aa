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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

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
from archrank.study.database import (
    Reach,
    add_study,
    open_storage,
    open_to_read,
    storage_error,
)
from archrank.study.kept import Kept, read_json, to_text
from archrank.study.places import Batch, Places
from archrank.study.proposal import Key
from archrank.study.record import Description, Record
from archrank.study.results import Results
from archrank.study.sharing import Sharing, wait_until_alone
from archrank.study.trials import ConflictError, Stamp, Trials

STUDY_NAME = "archrank"
DATABASE = "study.db"  # in a run folder
DESCRIPTION = "archrank_description"
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
        kept: what the run keeps beside its evaluations.
        places: what its processes work on now; ``None`` where one at a time works.

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
        self.places: Places | None = None
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
                engine = self._trials.engine
                if create is not None and engine is not None and self._is_on_server:
                    self.places = Places(engine, self._trials.study_id)
                self._done = len(self._trials) if create is not None else 0
            except NoStudyError:
                raise
            except Exception as error:
                raise self._failed(error, to_read=create is None) from None
        self._reach = Reach(self._address, patient=self.places is not None)
        self.kept = Kept(self._trials, self._reach)
        self._distributions: dict[str, CategoricalDistribution] = {}
        self._stamp = Stamp(self._done, 0)
        self._asked: dict[Key, int] = {}  # identifiers of trials
        self._told: dict[Key, int] = {}
        self._versions: dict[Key, int] = {}
        if create is not None:
            self._continue(create, accept_changes)

    @property
    def _is_on_server(self) -> bool:
        return self._address is not None and self._address.is_server

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
                self._study.set_user_attr(DESCRIPTION, to_text(latest.to_json()))
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
        attributes = self._reach(lambda: self._study.user_attrs, to_read=True)
        if MARK not in attributes:
            raise StorageError(
                f"study {self._study.study_name!r} in {self._where} was not made by archrank, so "
                "it is left alone; use another name for the run (another run folder: --run DIR; "
                "in Python: Study(name=...))"
            )
        try:
            identity = read_json(attributes[MARK])
            if not set(identity) >= IDENTITY:
                raise ValueError("it does not say what was searched")
            return Description.from_json(read_json(attributes[DESCRIPTION]), identity)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"study {self._study.study_name!r} in {self._where} was not written by this "
                f"version of archrank ({type(error).__name__}: {error}); search again in another "
                "run folder"
            ) from None

    def results(self, records: Sequence[Record], description: Description) -> Results:
        """Return records of the run with all that was measured again, and what it recommends.

        Raises:
            StorageError: the storage cannot be read.
        """
        kept = self.kept
        return Results.of(
            description, records, kept.confirmed(), kept.repetitions(), kept.recommendation()
        )

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

    def sharing(self, *, itself: bool) -> Sharing | None:
        """Return the membership of this process among those that work on the study.

        Args:
            itself: whether this process evaluates itself.

        Returns:
            ``None`` where one process at a time works.
        """
        return None if self.places is None else Sharing(self.places, self._reach, itself=itself)

    def wait_until_alone(self) -> None:
        """Wait until no process searches in the study.

        Raises:
            StorageError: one does, and goes on.
        """
        if self.places is not None:
            wait_until_alone(self.places, self._reach)

    def settle(self, record: Record, description: Description, batch: Batch) -> bool:
        """Write an evaluation of a study that others work on, too, in one transaction.

        Args:
            record: the evaluation.
            description: of the run.
            batch: of its place.

        Returns:
            False if the place is done already, and nothing was written.

        Raises:
            StorageError: the storage cannot be written.
        """
        places, slot = self.places, record.slot
        assert places is not None
        trial = self._trial(to_trial, record, description)

        def is_open(session: Session) -> bool:
            return places.is_open(session, batch, slot)

        def close(session: Session, trial_id: int) -> None:
            places.close(session, batch, slot, trial_id)

        running = self._asked.get(record.key)
        settle = self._trials.settle
        found = self._reach(lambda: settle(trial, is_open=is_open, close=close, running=running))
        if found is None:
            return False
        self._asked.pop(record.key, None)
        self._told[record.key], self._versions[record.key] = found, 0
        return True

    def read(self, ids: Sequence[int], description: Description) -> list[Record]:
        """Read evaluations by the identifiers of their trials.

        Raises:
            StorageError: the storage cannot be read.
        """
        if not ids:
            return []
        found = self._reach(lambda: list(self._trials.stored(ids)), to_read=True)
        return [self._read(to_record, each.id, each.attributes, description) for each in found]

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
            self.kept.forget({record.key for record in records})
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
        if self.places is not None:
            trials["is_mine"] = self.places.clear
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
        return self._reach(self._trials.stamp, to_read=True) != self._stamp

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
        self._stamp = self._reach(self._trials.stamp, to_read=True)
        trials = self._reach(lambda: list(self._trials.stored()), to_read=True)
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
        DESCRIPTION: to_text(description.to_json()),
    }
    with suppress(optuna.exceptions.DuplicatedStudyError):
        add_study(storage, name, directions, marks)
    return _load(storage, name)
