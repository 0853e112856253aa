"""Storage of evaluations: an Optuna study, one trial per architecture.

Parameters are the choices, values the objectives, attributes everything else, so Optuna's own
tools (``optuna-dashboard``, ``optuna.importance``) work on the file. Each evaluation is written in
one transaction once it is finished; running ones are not stored, since a resumed run proposes them
again. What was asked for is a running trial until its values are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.orm import Session

from archrank.errors import StorageError
from archrank.study.address import Address
from archrank.study.asked import Asked, Ledger
from archrank.study.conversion import FORGOTTEN, MARK, to_asked, to_record, to_running, to_trial
from archrank.study.database import open_to_read, storage_error
from archrank.study.places import Batch
from archrank.study.proposal import Key
from archrank.study.record import Description, Record
from archrank.study.stored_run import DATABASE, STUDY_NAME, Storage, StoredRun
from archrank.study.trials import ConflictError, Stamp

__all__ = ["DATABASE", "STUDY_NAME", "Storage", "TrialStore", "run_names"]


class TrialStore(StoredRun):
    """Evaluations of one run; see :class:`.StoredRun`."""

    def __init__(
        self,
        storage: Storage | None,
        study_name: str = STUDY_NAME,
        create: Description | None = None,
        *,
        accept_changes: bool = False,
    ) -> None:
        super().__init__(storage, study_name, create, accept_changes=accept_changes)
        self._distributions: dict[str, CategoricalDistribution] = {}
        self._stamp = Stamp(self._done, 0)
        self._asked: dict[Key, int] = {}  # identifiers of trials
        self._told: dict[Key, int] = {}
        self._versions: dict[Key, int] = {}

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
        self, records: Sequence[Record], description: Description, closes: Sequence[int] = ()
    ) -> None:
        """Write evaluations: of what was asked for, further ones, and some in place of others.

        Args:
            records: all are written, or none.
            description: of the run.
            closes: numbers of unfinished rounds, whose missing places stay empty.

        Raises:
            ConflictError: another process has written since the ledger was read.
            StorageError: the storage cannot be written.
        """
        new, finished, superseded = [], {}, []
        for record in records:
            version = self._versions.get(record.key, -1) + 1
            trial = self._trial(to_trial, record, description)
            place = {"version": version} if version else {}
            trial.user_attrs[MARK] |= {**place, "closes": list(closes)} if closes else place
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
            closes = place.get("closes", [])
            closed.update([closes] if isinstance(closes, int) else closes)  # one number of old
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
