"""Trials of an Optuna study: written and read with few statements, whatever their number.

``optuna.Study.add_trial`` makes some forty statements of one finished trial, and keeps a copy of it
in memory; ``get_trials`` builds objects of all. Here one trial is a transaction of one insertion
per table, and a study's attributes are one query. The rows are the same. Storages that are no
database, and tables that a later Optuna may lay out otherwise, are left to Optuna.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models  # the tables have no other description
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

UNFINISHED = [state for state in TrialState if not state.is_finished()]
LAYOUT = "v3.2.0.a"  # of the tables, as Optuna numbers it; that of Optuna 3.2 to 5.0


class Stored(NamedTuple):
    """A trial as it is stored: its identifier, its state, and the user's attributes."""

    id: int
    state: TrialState
    attributes: dict[str, Any]


class Stamp(NamedTuple):
    """Numbers of trials, of all and of unfinished ones: whatever others write changes one."""

    trials: int
    unfinished: int


class ConflictError(Exception):
    """Trials that another process has changed since they were read."""


class Trials:
    """Trials of one study.

    Args:
        study: the study.
        storage: where it is kept.
    """

    def __init__(self, study: optuna.Study, storage: BaseStorage) -> None:
        self._study = study
        self._tables: RDBStorage | None = None
        if isinstance(storage, RDBStorage) and storage.get_current_version() == LAYOUT:
            self._tables = storage
        self._distributions: dict[BaseDistribution, str] = {}  # as JSON; they are those of a space

    def add(self, trial: FrozenTrial) -> int:
        """Write a finished trial in one transaction, and return its identifier.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            return self._add_slowly(trial)
        try:
            with Session(self._tables.engine) as session, session.begin():
                return self._insert(session, trial)
        except OperationalError:  # locked by others, or a deadlock: Optuna tries for a while
            return self._add_slowly(trial)

    def settle(
        self,
        trial: FrozenTrial,
        *,
        is_open: Callable[[Session], bool],
        close: Callable[[Session, int], None],
        running: int | None = None,
    ) -> int | None:
        """Write a finished trial, and that its place is done, unless that is done already.

        Args:
            trial: the trial.
            is_open: tells whether the place is not done.
            close: writes that it is, by the identifier of the trial.
            running: identifier of the unfinished trial that this becomes, if there is one.

        Returns:
            The identifier; ``None`` if another trial has been written of the place.

        Raises:
            Exception: whatever the database raises.
        """
        assert self._tables is not None
        with Session(self._tables.engine) as session, session.begin():
            self._lock(session)
            if not is_open(session):
                return None
            if running is None:
                found = self._insert(session, trial)
            else:
                found = running
                self._finish(session, running, trial)
            close(session, found)
            return found

    def _add_slowly(self, trial: FrozenTrial) -> int:
        study = self._study
        return study._storage.create_new_trial(study._study_id, template_trial=trial)

    def _insert(self, session: Session, trial: FrozenTrial) -> int:
        study_id = self._study._study_id
        study = select(models.StudyModel.study_id).filter_by(study_id=study_id)
        session.execute(study.with_for_update())  # one at a time, since trials are numbered
        row = models.TrialModel(study_id=study_id, state=trial.state)
        row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        session.add(row)
        session.flush()  # gives it its id, and keeps other writers of a file out until the end
        row.number = row.count_past_trials(session)
        trial_id: Any = row.trial_id
        self._add_rows(session, trial_id, trial)
        return int(trial_id)

    def _add_rows(self, session: Session, trial_id: int, trial: FrozenTrial) -> None:
        for model, rows in self._rows(trial).items():
            if rows:
                session.execute(insert(model), [{"trial_id": trial_id, **r} for r in rows])

    def write(
        self,
        known: Stamp,
        *,
        new: Sequence[FrozenTrial] = (),
        finished: Mapping[int, FrozenTrial] | None = None,
        superseded: Sequence[int] = (),
        is_mine: Callable[[Session], bool] = lambda session: True,
    ) -> tuple[list[int], Stamp]:
        """Write several trials in one transaction.

        Args:
            known: the stamp at which the trials were read.
            new: trials to add.
            finished: unfinished trials by identifier, and what they have become.
            superseded: finished trials that a new one replaces; they count as failed.
            is_mine: tells, within the transaction, whether this process may write.

        Returns:
            Identifiers of the new trials, and the stamp now.

        Raises:
            ConflictError: others have written since; nothing was changed.
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            return self._write_slowly(known, new, finished or {})
        with Session(self._tables.engine) as session, session.begin():
            self._lock(session)
            if self._stamp(session) != known or not is_mine(session):
                raise ConflictError
            ids = [self._insert(session, trial) for trial in new]
            for trial_id, trial in (finished or {}).items():
                self._finish(session, trial_id, trial)
            row, value = models.TrialModel, models.TrialValueModel
            failed = update(row).where(row.trial_id.in_(superseded)).values(state=TrialState.FAIL)
            session.execute(failed)
            session.execute(delete(value).where(value.trial_id.in_(superseded)))
            return ids, self._stamp(session)

    def _finish(self, session: Session, trial_id: int, trial: FrozenTrial) -> None:
        row = session.get(models.TrialModel, trial_id)
        if row is None:
            raise ConflictError
        row.state, row.datetime_complete = trial.state, trial.datetime_complete
        for model in (models.TrialUserAttributeModel, models.TrialParamModel):
            session.execute(delete(model).where(model.trial_id == trial_id))
        session.flush()
        self._add_rows(session, trial_id, trial)

    def _write_slowly(
        self, known: Stamp, new: Sequence[FrozenTrial], finished: Mapping[int, FrozenTrial]
    ) -> tuple[list[int], Stamp]:
        """Write by Optuna, one thing after the other; a state comes last."""
        if self.stamp() != known:
            raise ConflictError
        storage = self._study._storage
        ids = [self._add_slowly(trial) for trial in new]
        for trial_id, trial in finished.items():
            for key, value in trial.user_attrs.items():
                storage.set_trial_user_attr(trial_id, key, value)
            for key, value in trial.system_attrs.items():
                storage.set_trial_system_attr(trial_id, key, value)
            storage.set_trial_state_values(trial_id, trial.state, trial.values)
        return ids, self.stamp()

    def _rows(self, trial: FrozenTrial) -> dict[Any, list[dict[str, Any]]]:
        """Return the rows of every table that has several of a trial."""
        values = enumerate(trial.values or ())
        stored = [(i, *models.TrialValueModel.value_to_stored_repr(value)) for i, value in values]
        return {
            models.TrialValueModel: [
                {"objective": i, "value": value, "value_type": kind} for i, value, kind in stored
            ],
            models.TrialParamModel: [
                {
                    "param_name": name,
                    "param_value": distribution.to_internal_repr(trial.params[name]),
                    "distribution_json": self._as_json(distribution),
                }
                for name, distribution in trial.distributions.items()
            ],
            models.TrialUserAttributeModel: _attributes(trial.user_attrs),
            models.TrialSystemAttributeModel: _attributes(trial.system_attrs),
        }

    def _as_json(self, distribution: BaseDistribution) -> str:
        if distribution not in self._distributions:
            self._distributions[distribution] = distribution_to_json(distribution)
        return self._distributions[distribution]

    @property
    def engine(self) -> Engine | None:
        """Engine of the database; ``None`` where it is none, or its tables are left to Optuna."""
        return None if self._tables is None else self._tables.engine

    @property
    def study_id(self) -> int:
        """Identifier of the study."""
        return int(self._study._study_id)

    def stored(self, only: Sequence[int] | None = None) -> Iterator[Stored]:
        """Yield every trial that has attributes of the user's, oldest first.

        Args:
            only: identifiers of those that are wanted; ``None`` is all.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            for trial in self._study.get_trials(deepcopy=False):
                if only is None or trial._trial_id in only:
                    yield Stored(trial._trial_id, trial.state, trial.user_attrs)
            return
        model = models.TrialUserAttributeModel
        query = (
            select(model.trial_id, models.TrialModel.state, model.key, model.value_json)
            .join(models.TrialModel)
            .where(models.TrialModel.study_id == self._study._study_id)
        )
        if only is not None:
            query = query.where(model.trial_id.in_(only))
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        states: dict[int, TrialState] = {}
        with Session(self._tables.engine) as session:
            for trial_id, state, key, text in session.execute(query):
                states[trial_id] = state
                found[trial_id][key] = json.loads(text)
        yield from (
            Stored(trial_id, states[trial_id], found[trial_id]) for trial_id in sorted(found)
        )

    def attribute(self, name: str) -> str:
        """Return JSON text that is kept of the study; of nothing, that of an empty mapping.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        found: str = self._study.user_attrs.get(name, "{}")
        return found

    def change_attribute(self, name: str, change: Callable[[str], str]) -> None:
        """Change JSON text that is kept of the study, in one transaction.

        Args:
            name: of the attribute.
            change: makes the new text of the one that is kept now.

        Raises:
            Exception: whatever the database, Optuna or ``change`` raises.
        """
        if self._tables is None:
            known = self.attribute(name)
            if (text := change(known)) != known:
                self._study.set_user_attr(name, text)
            return
        with Session(self._tables.engine) as session, session.begin():
            self._lock(session)
            model, study_id = models.StudyUserAttributeModel, self._study._study_id
            row = session.scalars(select(model).filter_by(study_id=study_id, key=name)).first()
            known = "{}" if row is None else json.loads(str(row.value_json))
            if (text := change(known)) == known:
                return
            if row is None:
                session.add(model(study_id=study_id, key=name, value_json=json.dumps(text)))
            else:
                row.value_json = json.dumps(text)

    def _lock(self, session: Session) -> None:
        """Keep other writers of the study out until the end of the transaction."""
        model = models.StudyModel
        mine = model.study_id == self._study._study_id
        session.execute(update(model).where(mine).values(study_name=model.study_name))

    def stamp(self) -> Stamp:
        """Count the trials, those of others included.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            trials = self._study.get_trials(deepcopy=False)
            return Stamp(len(trials), sum(not t.state.is_finished() for t in trials))
        with Session(self._tables.engine) as session:
            return self._stamp(session)

    def _stamp(self, session: Session) -> Stamp:
        model = models.TrialModel
        open_ = func.sum(case((model.state.in_(UNFINISHED), 1), else_=0))
        query = select(func.count(model.trial_id), open_)
        row = session.execute(query.where(model.study_id == self._study._study_id)).one()
        return Stamp(int(row[0]), int(row[1] or 0))

    def __len__(self) -> int:
        """Count the trials, those of others and unfinished ones included."""
        return self.stamp().trials


def _attributes(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in values.items()]
