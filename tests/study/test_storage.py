from __future__ import annotations

import dataclasses
import json
import sqlite3
from pathlib import Path

import numpy as np
import optuna
import pytest

import archrank as ar
from archrank.errors import StorageError
from archrank.evaluators import Function
from archrank.spaces import Repeat, Subset, from_choices
from archrank.spaces.conditions import existing
from archrank.strategies import Random
from archrank.study.record import Record
from archrank.study.storage import TrialStore
from tests.study.helpers import COSTS, make, score_and_cost, small_space, sometimes, told

DESCRIPTION = make().description


def record(slot: int, value: float = 1.0, reason: str | None = None) -> Record:
    arch = np.array([slot % 4, 0, 1], dtype=np.uint8)
    string = small_space().format(arch[None])[0]
    return Record(
        round=0,
        slot=slot,
        round_size=4,
        arch=arch,
        string=string,
        values={"score": value},
        reason=reason,
        seconds=0.25,
        elapsed=1.5,
    )


@pytest.mark.parametrize("url", [None, "file"])
def test_records_come_back_as_they_were(url: str | None, tmp_path: Path) -> None:
    store = TrialStore(url and tmp_path / "s.db", create=DESCRIPTION)
    written = [record(2, 0.1 + 0.2), record(0, np.nan, "score is nan"), record(1, -1e300)]
    for each in written:
        store.append(each, DESCRIPTION)
    if url is not None:
        store = TrialStore(tmp_path / "s.db")
    read = store.records()
    assert [r.slot for r in read] == [0, 1, 2]
    for before, after in zip(sorted(written, key=lambda r: r.key), read, strict=True):
        assert after.arch.dtype == np.uint8
        assert after.arch.tolist() == before.arch.tolist()
        assert repr(after.values) == repr(before.values)
        assert (after.reason, after.seconds, after.elapsed, after.round_size, after.string) == (
            before.reason,
            before.seconds,
            before.elapsed,
            before.round_size,
            before.string,
        )


def test_every_field_of_a_record_is_kept() -> None:
    store = TrialStore(None, create=DESCRIPTION)
    extra = {"cpu_seconds": 0.75, "canonical": "its class", "config": {"depth": 2}}
    store.append(dataclasses.replace(record(0), **extra), DESCRIPTION)
    store.append(record(1), DESCRIPTION)
    full, plain = store.records()
    assert {name: getattr(full, name) for name in extra} == extra
    assert np.isnan(plain.cpu_seconds)
    assert (plain.canonical, plain.config) == ("", {})


def test_what_was_stored_twice_counts_once() -> None:
    store = TrialStore(None, create=DESCRIPTION)
    for value in (1.0, 2.0):
        store.append(record(0, value), DESCRIPTION)
    assert [r.values["score"] for r in store.records()] == [1.0]


def test_trials_of_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(2)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    study.add_trial(optuna.trial.create_trial(value=3.0))
    assert len(make(path=path).records) == 2


def test_optuna_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    done = make(Function(sometimes), path=path).run(14)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert len(study.trials) == 14
    assert study.best_value == done.best.values["score"]
    states = {r.string: r.reason is None for r in done.records}
    for trial in study.trials:
        attrs = trial.user_attrs
        complete = trial.state == optuna.trial.TrialState.COMPLETE
        assert complete or trial.state == optuna.trial.TrialState.FAIL
        assert complete == states[attrs["arch"]]
        assert attrs["arch"] == ",".join(f"{k}={v}" for k, v in trial.params.items())
        assert (attrs["failure"] is None) == complete
        assert attrs["metrics"]["score"] == (trial.value if complete else None)
        assert attrs["seconds"] >= 0
        assert attrs["canonical"] == attrs["arch"]
        assert trial.datetime_complete is not None
    assert {True, False} == set(states.values())


def test_optuna_knows_what_is_feasible(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    limits = ["ms<32", "score>=9", "score<=1000"]
    done = make(Function(score_and_cost, COSTS), path=path, constraints=limits).run(24)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    assert study.metric_names == ["score"]
    assert study.best_trial.user_attrs["arch"] == done.best.string
    assert (
        study.best_trial.value
        == done.best.values["score"]
        < max(r.values["score"] for r in done.records)
    )
    records = {r.string: r for r in done.records}
    kept = set()
    for trial in study.trials:
        record = records[trial.user_attrs["arch"]]
        in_order = trial.system_attrs["constraints"]  # as Optuna 4 and optuna-dashboard read them
        constraints = dict(zip(limits, in_order, strict=True))
        if hasattr(trial, "constraints"):  # Optuna 5
            assert {name: trial.constraints[name] for name in limits} == constraints
        assert all(constraints[c] <= 0 for c in limits) == done.feasible(record)
        assert trial.user_attrs["ms"] == record.values["ms"]  # no objective, but has a limit
        kept.add(done.feasible(record))
        if record.values["ms"] == 32:
            assert constraints["ms<32"] > 0  # strictly
        elif record.values["ms"] < 32:
            assert constraints["ms<32"] == record.values["ms"] - 32
    assert kept == {True, False}


def test_parameters_that_do_not_exist_are_left_out(tmp_path: Path) -> None:
    space = from_choices(
        {
            "depth": [1, 2, 3],
            "width": [8, 16],
            "layers": Subset(4, (0, 2)),
            "blocks": Repeat(
                {"kind": ["a", "b"], "size": [1, 2]}, (0, 2), active_if={"size": ("kind", "b")}
            ),
        },
        active_if={"width": ("depth", [2, 3])},
    )
    path = tmp_path / "s.db"
    evaluator = Function(lambda config: float(config["depth"]))
    done = ar.Study(space, evaluator, Random(), storage=path, seed=1).run(40)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    assert len(study.trials) == 40
    for trial, found in zip(study.trials, done.records, strict=True):
        exists = existing(found.arch[None], space.conditions)[0]
        options = {c.name: c.options[k] for c, k in zip(space.choices, found.arch, strict=True)}
        wanted = {name: options[name] for name, yes in zip(options, exists, strict=True) if yes}
        assert trial.params == wanted
    assert len({len(trial.params) for trial in study.trials}) > 3
    again = ar.Study(space, evaluator, Random(), storage=path, seed=1)
    assert [r.string for r in again.records] == [r.string for r in done.records]


def test_optuna_sees_no_success_without_the_metric_of_a_constraint(tmp_path: Path) -> None:
    store = TrialStore(None, create=make(Function(score_and_cost, COSTS)).description)
    goals = make(Function(score_and_cost, COSTS), constraints=["ms<=9"]).description
    lacking = dataclasses.replace(
        record(0), values={"score": 1.0, "ms": np.nan}, reason="ms is nan"
    )
    store.append(lacking, goals)
    assert [t.state for t in store._study.trials] == [optuna.trial.TrialState.FAIL]


def test_ties_are_won_by_the_first_as_in_optuna(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    done = make(Function(lambda config: config["depth"] > 1), Random(8), path=path).run(16)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    assert study.best_trial.user_attrs["arch"] == done.best.string == done.front[0].string


@pytest.mark.parametrize("trials", [0, 2])
def test_studies_of_others_are_left_alone(trials: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 's.db'}"
    theirs = optuna.create_study(study_name="mine", storage=url)
    for value in range(trials):
        theirs.add_trial(optuna.trial.create_trial(value=float(value)))
    with pytest.raises(
        StorageError, match=r"'mine' in .* was not made by archrank.*Study\(name=\.\.\.\)"
    ):
        make(path=url, name="mine").run(3)  # type: ignore[arg-type]
    assert len(theirs.trials) == trials
    assert theirs.user_attrs == {}
    make(path=url, name="another").run(3)  # type: ignore[arg-type]


def test_several_directions(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    done = make(Function(score_and_cost, COSTS), objectives=["score", "ms"], path=path).run(24)
    study = optuna.load_study(study_name="archrank", storage=f"sqlite:///{path}")
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    best = {t.user_attrs["arch"] for t in study.best_trials}
    assert best == {r.string for r in done.front}
    assert study.metric_names == ["score", "ms"]


def test_an_infinite_objective_is_a_failure(tmp_path: Path) -> None:
    store = TrialStore(None, create=DESCRIPTION)
    store.append(record(0, np.inf, "score is inf"), DESCRIPTION)
    assert store._study.trials[0].state == optuna.trial.TrialState.FAIL


def test_damage_that_shows_later(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = TrialStore(path, create=DESCRIPTION)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE trials")
    connection.close()
    with pytest.raises(StorageError, match="no such table"):
        store.records()


def test_optunas_verbosity_is_put_back() -> None:
    before = optuna.logging.get_verbosity()
    TrialStore(None, create=DESCRIPTION)
    assert optuna.logging.get_verbosity() == before


def test_a_long_run_is_read_in_proposal_order(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    store = TrialStore(path, create=DESCRIPTION)
    for slot in (3, 1, 0, 2):
        store.append(record(slot), DESCRIPTION)
    assert [r.slot for r in store.records()] == [0, 1, 2, 3]
    assert told(make()) == []


# ---- reading -------------------------------------------------------------------------------------


def test_a_run_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    goals = {"objectives": ["score", "ms:maximize"], "constraints": ["ms<=1000000.4"]}
    study = make(Function(score_and_cost, COSTS), path=path, **goals)
    study.run(3)
    found = TrialStore(path).description
    assert found.to_json() == study.description.to_json()
    assert found.goals == study.goals  # to the last digit
    assert found.metrics == study.evaluator.metrics
    assert found.identity["seed"] == 0
    record = study.records[0]
    assert ",".join(f"{k}={v}" for k, v in found.options(record.arch).items()) == record.string


def test_a_study_of_others_is_not_read(tmp_path: Path) -> None:
    url = tmp_path / "s.db"
    optuna.create_study(study_name="archrank", storage=f"sqlite:///{url}")
    with pytest.raises(StorageError, match="was not made by archrank, so it is left alone"):
        TrialStore(url).description  # noqa: B018


def test_reading_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.db"
    done = told(make(path=path).run(3))
    statements: list[str] = []
    connect = sqlite3.connect

    def watched(*args: object, **kwargs: object) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)  # type: ignore[call-overload]
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    store = TrialStore(path)
    assert [r.key for r in store.records()] == [row[0] for row in done]
    assert statements
    assert {s.split()[0] for s in statements} <= {"SELECT", "PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"}
    with pytest.raises(StorageError, match="readonly"):
        store.append(record(3), DESCRIPTION)


DAMAGE = [
    ("trial_user_attributes", "UPDATE {} SET value_json = '{{' WHERE key = 'arch'"),
    ("trial_user_attributes", "UPDATE {} SET value_json = '3' WHERE key = 'archrank'"),
    ("trial_user_attributes", "UPDATE {} SET value_json = '\"x\"' WHERE key = 'metrics'"),
    ("trial_user_attributes", "DELETE FROM {} WHERE key = 'metrics'"),
    ("trial_user_attributes", "UPDATE {} SET value_json = replace(value_json, '0', '9999')"),
    ("trial_user_attributes", "UPDATE {} SET value_json = replace(value_json, '[', '[1, ')"),
    ("study_user_attributes", "UPDATE {} SET value_json = '\"{{}}\"' WHERE key = 'archrank'"),
    ("study_user_attributes", "UPDATE {} SET value_json = '\"{{}}\"' WHERE key LIKE '%_desc%'"),
    ("study_user_attributes", "UPDATE {} SET value_json = '7' WHERE key LIKE '%_desc%'"),
]


@pytest.mark.parametrize(("table", "statement"), DAMAGE)
def test_damaged_contents(table: str, statement: str, tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(2)
    with sqlite3.connect(path) as connection:
        connection.execute(statement.format(table))
    connection.close()
    with pytest.raises(StorageError, match=r"s\.db"):
        TrialStore(path).records()


def test_a_description_that_is_nested_too_deeply(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    make(path=path).run(1)
    deep = json.dumps("[" * 100_000)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE study_user_attributes SET value_json = ?", (deep,))
    connection.close()
    with pytest.raises(StorageError, match=r"s\.db"):
        TrialStore(path).description  # noqa: B018
