"""Trials of an Optuna study: written and read with few statements, whatever their number.

``optuna.Study.add_trial`` makes some forty statements of one finished trial, and keeps a copy of it
in memory; ``get_trials`` builds objects of all. Here one trial is a transaction of one insertion
per table, and a study's attributes are one query. The rows are the same. Storages that are no
database, and tables that a later Optuna may lay out otherwise, are left to Optuna.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models  # the tables have no other description
from optuna.trial import FrozenTrial
from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

LAYOUT = "v3.2.0.a"  # of the tables, as Optuna numbers it; that of Optuna 3.2 to 5.0


class Trials:
    """Finished trials of one study.

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

    def add(self, trial: FrozenTrial) -> None:
        """Write a finished trial in one transaction; its number is the next one.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            self._study.add_trial(trial)
            return
        try:
            with Session(self._tables.engine) as session, session.begin():
                self._insert(session, trial)
        except OperationalError:  # locked by others, or a deadlock: Optuna tries for a while
            self._study.add_trial(trial)

    def _insert(self, session: Session, trial: FrozenTrial) -> None:
        study_id = self._study._study_id
        study = select(models.StudyModel.study_id).filter_by(study_id=study_id)
        session.execute(study.with_for_update())  # one at a time, since trials are numbered
        row = models.TrialModel(study_id=study_id, state=trial.state)
        row.datetime_start, row.datetime_complete = trial.datetime_start, trial.datetime_complete
        session.add(row)
        session.flush()  # gives it its id, and keeps other writers of a file out until the end
        row.number = row.count_past_trials(session)
        for model, rows in self._rows(trial).items():
            if rows:
                session.execute(insert(model), [{"trial_id": row.trial_id, **r} for r in rows])

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

    def attributes(self) -> Iterator[dict[str, Any]]:
        """Yield the user's attributes of every trial that has any, oldest first.

        Raises:
            Exception: whatever the database or Optuna raises.
        """
        if self._tables is None:
            yield from (trial.user_attrs for trial in self._study.get_trials(deepcopy=False))
            return
        model = models.TrialUserAttributeModel
        query = (
            select(model.trial_id, model.key, model.value_json)
            .join(models.TrialModel)
            .where(models.TrialModel.study_id == self._study._study_id)
        )
        found: dict[int, dict[str, Any]] = defaultdict(dict)
        with Session(self._tables.engine) as session:
            for trial_id, key, text in session.execute(query):
                found[trial_id][key] = json.loads(text)
        yield from (found[trial_id] for trial_id in sorted(found))

    def __len__(self) -> int:
        """Count the trials, those of others and unfinished ones included."""
        if self._tables is None:
            return len(self._study.get_trials(deepcopy=False))
        model = models.TrialModel
        query = select(func.count(model.trial_id)).where(model.study_id == self._study._study_id)
        with Session(self._tables.engine) as session:
            return int(session.scalar(query) or 0)


def _attributes(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value_json": json.dumps(value)} for key, value in values.items()]
