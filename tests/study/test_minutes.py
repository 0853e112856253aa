"""Time limits over all sessions of a run."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import InMemoryStorage

from archrank.errors import BudgetWarning
from archrank.evaluators import Function
from archrank.study import engine, evaluating
from tests.study.helpers import (
    make,
    score,
    told,
)


class Clock:
    """Only evaluations take time: ten seconds each."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def fn(self, config: dict[str, Any]) -> float:
        self.now += 10
        return score(config)


@pytest.mark.parametrize("threads", [False, True])
def test_minutes_count_over_all_sessions(
    threads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InMemoryStorage()
    monkeypatch.setattr("archrank.study.stored_run.open_storage", lambda url: kept)
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    monkeypatch.setattr(evaluating, "IN_FLIGHT", 1)
    path = tmp_path / "study.db"
    with ThreadPoolExecutor(1) as one:
        for minutes, expected in ((1.0, 6), (0.5, 6), (1.5, 9), (1.51, 10)):
            study = make(Function(clock.fn), path=path, executor=one if threads else None)
            study.run(minutes=minutes)
            assert len(study.records) == expected
            clock.now += 500  # the pause between sessions does not count
        assert [r.elapsed for r in study.records] == [10.0 * (i + 1) for i in range(10)]
        study.run(11, minutes=100)  # whichever is reached first
        assert len(study.records) == 11
        with pytest.warns(BudgetWarning, match="12 of 20 evaluations: 2 minutes are up"):
            study.run(20, minutes=2)
        assert len(study.records) == 12
    assert told(study) == [*told(make(Function(clock.fn), path=path))]


def test_the_time_worked_is_that_of_the_last_to_finish() -> None:
    study = make().run(4)
    first = study.records[0]
    study.records[0] = dataclasses.replace(first, elapsed=100.0)  # it took longest of its round
    assert len(study.run(minutes=1.5).records) == 4
