"""Trials written and read without Optuna's own many statements: the same rows, and few of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from archrank.study import trials
from archrank.study.trials import Trials
from tests.study.helpers import make

DISTRIBUTIONS = {
    "depth": CategoricalDistribution((1, 2, 4)),
    "kind": CategoricalDistribution(("conv", "pool")),
}


def trial(values: list[float] | None, **attributes: object) -> FrozenTrial:
    made = create_trial(
        state=TrialState.FAIL if values is None else TrialState.COMPLETE,
        values=values,
        params={"depth": 4, "kind": "conv"},
        distributions=dict(DISTRIBUTIONS),
        user_attrs={"arch": "a,b", "nothing": None, "nested": {"k": [1, 2.5]}, **attributes},
        system_attrs={"constraints": [-1.0, 0.5]},
    )
    made.datetime_complete = datetime.now()
    made.datetime_start = made.datetime_complete - timedelta(seconds=3)
    return made


def opened(storage: BaseStorage, objectives: int = 1) -> tuple[optuna.Study, Trials]:
    study = optuna.create_study(
        storage=storage, study_name="s", directions=["maximize"] * objectives, load_if_exists=True
    )
    return study, Trials(study, storage)


@contextmanager
def counted(storage: RDBStorage) -> Iterator[list[str]]:
    """Collect the statements and commits on a database."""
    seen: list[str] = []

    def executed(_: object, __: object, statement: str, *rest: object) -> None:
        seen.append(statement.split()[0])

    def committed(_: object) -> None:
        seen.append("COMMIT")

    event.listen(storage.engine, "before_cursor_execute", executed)
    event.listen(storage.engine, "commit", committed)
    yield seen
    event.remove(storage.engine, "before_cursor_execute", executed)
    event.remove(storage.engine, "commit", committed)


@pytest.mark.parametrize("values", [None, [0.5], [1e308, float("-inf"), float("inf")]])
def test_the_rows_are_those_that_optuna_writes(tmp_path: Path, values: list[float] | None) -> None:
    wanted = trial(values)
    found = []
    for name in ("theirs", "ours"):
        storage = RDBStorage(f"sqlite:///{tmp_path / f'{name}.db'}")
        study, ours = opened(storage, len(values or [0.0]))
        (study.add_trial if name == "theirs" else ours.add)(wanted)
        study.add_trial(wanted)  # goes on after it, with the next number
        found.append(optuna.load_study(study_name="s", storage=storage.url).trials)
    assert found[0] == found[1]
    assert [t.number for t in found[1]] == [0, 1]
    assert found[1][0].params == wanted.params
    assert found[1][0].system_attrs == wanted.system_attrs


def test_a_trial_is_one_transaction_of_few_statements_whatever_is_stored(tmp_path: Path) -> None:
    storage = RDBStorage(f"sqlite:///{tmp_path / 's.db'}")
    _, ours = opened(storage)
    seen = []
    for n in range(40):
        with counted(storage) as statements:
            ours.add(trial([float(n)]))
        seen.append(statements)
    assert seen[0] == seen[-1]
    assert seen[0].count("COMMIT") == 1
    assert len(seen[0]) <= 9


def test_all_attributes_are_one_query(tmp_path: Path) -> None:
    storage = RDBStorage(f"sqlite:///{tmp_path / 's.db'}")
    study, ours = opened(storage)
    others = optuna.create_study(storage=storage, study_name="others")
    others.add_trial(trial([7.0], n=-1))
    for n in range(5):
        ours.add(trial([float(n)], n=n))
    with counted(storage) as statements:
        read = [t.attributes for t in ours.stored()]
    assert [each["n"] for each in read] == [0, 1, 2, 3, 4]
    assert read == [t.user_attrs for t in study.trials]
    assert statements == ["SELECT"]
    assert len(ours) == 5


@pytest.mark.parametrize("kind", ["memory", "another layout"])
def test_what_has_no_known_tables_is_left_to_optuna(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "LAYOUT", "of a later version")
    memory = kind == "memory"
    storage = InMemoryStorage() if memory else RDBStorage(f"sqlite:///{tmp_path / 's.db'}")
    study, ours = opened(storage)
    add = study._storage.create_new_trial
    added: list[int] = []

    def counted_add(*args: Any, **more: Any) -> int:
        added.append(add(*args, **more))
        return added[-1]

    monkeypatch.setattr(study._storage, "create_new_trial", counted_add)
    assert [ours.add(trial([1.0]))] == added
    assert [t.attributes for t in ours.stored()] == [trial([1.0]).user_attrs]
    assert len(ours) == 1


def test_a_trial_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    study, ours = opened(RDBStorage(f"sqlite:///{path}"))
    broken = trial([1.0], unwritable=object())
    with pytest.raises(TypeError, match="not JSON serializable"):
        ours.add(broken)
    assert len(ours) == 0
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM trials").fetchone() == (0,)
    assert study.trials == []


def test_a_database_that_refuses_is_tried_again_by_optuna(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, ours = opened(RDBStorage(f"sqlite:///{tmp_path / 's.db'}"))

    def locked(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(ours, "_insert", locked)
    ours.add(trial([1.0]))
    assert [t.value for t in study.trials] == [1.0]


def test_a_run_makes_one_transaction_per_evaluation(tmp_path: Path) -> None:
    study = make(path=tmp_path / "s.db")
    study.run(2)
    storage = study._store._trials._tables
    assert storage is not None
    with counted(storage) as statements:
        study.run(11)  # from 12 evaluations on, a recommendation is written at the end
    transactions = " ".join(statements).split("COMMIT")
    assert sum("INSERT" in each for each in transactions) == 9
    assert len(transactions) <= 9 + 8  # those that read at the beginning and at the end
    assert len(statements) <= 9 * 9 + 16
