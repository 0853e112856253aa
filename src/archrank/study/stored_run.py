"""A run in a database: an Optuna study with what was searched, by whom it may be gone on with.

A study that is created says at once what it is of. Whoever opens it to write is compared with that:
the identity must agree, and what has changed besides is told, and kept.
"""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import optuna
from optuna.storages import BaseStorage, RDBStorage

from archrank.differences import differences, told
from archrank.errors import ChangedRunError, NoStudyError, ResumeError, StorageError
from archrank.study.address import Address
from archrank.study.circumstances import changed
from archrank.study.conversion import MARK
from archrank.study.database import Reach, add_study, open_storage, open_to_read, storage_error
from archrank.study.kept import Kept, read_json, to_text
from archrank.study.places import Places
from archrank.study.record import Description, Record
from archrank.study.results import Results
from archrank.study.sharing import Sharing, wait_until_alone
from archrank.study.trials import Trials

STUDY_NAME = "archrank"
DATABASE = "study.db"  # in a run folder
DESCRIPTION = "archrank_description"
IDENTITY = frozenset({"space", "evaluator", "strategy", "objectives", "constraints", "seed"})

Storage = str | os.PathLike[str] | Address


class StoredRun:
    """A run in a database: its study is found or created, and compared with what is asked for.

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
        if create is not None and self._is_on_server and self.places is None:
            raise StorageError(
                f"{self._where}: Optuna {optuna.__version__} has tables that this archrank does "
                "not know, so several processes could not divide a search; install the Optuna that "
                "was used before, or keep the search in a file"
            )
        self._reach = Reach(self._address, patient=self.places is not None)
        self.kept = Kept(self._trials, self._reach)
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

    # ---- other processes -----------------------------------------------------------------------

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
