"""Every tracker: what it wrote is what was measured, once, whatever interrupted it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import archrank as ar
from archrank.errors import CallbackWarning
from archrank.integrations.tracking.base import Evaluated
from archrank.study.record import Record
from tests.integrations.tracking.conftest import Bench
from tests.integrations.tracking.read_back import Points

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
Make = Callable[[], ar.Study]


def wanted(records: list[Record]) -> Points:
    """Return what a tracker should have, from the records, in the order in which they finished."""
    found: Points = {}
    best, failures = -math.inf, 0
    for step, record in enumerate(sorted(records, key=lambda r: r.elapsed), 1):
        values = record.values
        failures += record.reason is not None
        if values["latency (ms)"] <= 24:
            best = max(best, values["accuracy"])
        told = {f"metrics/{name}": value for name, value in values.items()}
        told |= {"best/accuracy": best, "run/seconds": record.seconds, "run/failures": failures}
        told |= {"run/elapsed": record.elapsed, "run/round": record.round, "run/slot": record.slot}
        for name, value in told.items():
            if math.isfinite(value):
                found.setdefault(name, []).append((step, value))
    return found


def check(bench: Bench, study: ar.Study) -> None:
    """Check that everything was written once; names as the tracker allows them."""
    written, right = bench.points(), wanted(study.records)
    assert len(written) == len(right)
    for name, points in right.items():
        known = name if name in written else next(n for n in written if n.startswith(name[:15]))
        steps = [step for step, _ in written[known]]
        assert steps == [step for step, _ in points], name
        assert [v for _, v in written[known]] == pytest.approx([v for _, v in points], rel=1e-5)


def test_all_evaluations_are_written(bench: Bench, study: Make) -> None:
    done = study().run(12, callbacks=[bench.make()])
    assert sum(record.reason is not None for record in done.records) == 1
    check(bench, done)


def test_a_run_goes_on_without_a_step_twice(bench: Bench, study: Make) -> None:
    study().run(4, callbacks=[bench.make()])
    study().run(4, callbacks=[bench.make()])  # nothing to do
    tracker = bench.make()
    study().run(7, callbacks=[tracker])
    check(bench, study().run(9, callbacks=[tracker]))  # the same object once more


def test_what_was_not_tracked_is_written_later(bench: Bench, study: Make) -> None:
    study().run(5)
    check(bench, study().run(8, callbacks=[bench.make()]))


def test_a_failure_loses_nothing(bench: Bench, study: Make) -> None:
    tracker = bench.make()
    write = tracker._write

    def full(study: ar.Study, evaluated: Evaluated) -> None:
        if evaluated.step == 4:
            raise OSError(28, "No space left on device")
        write(study, evaluated)

    tracker._write = full  # type: ignore[method-assign]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CallbackWarning)
        assert len(study().run(8, callbacks=[tracker]).records) == 8
    messages = [str(w.message) for w in caught if w.category is CallbackWarning]
    assert len(messages) == 1
    assert messages[0].startswith(f"{bench.kind} failed and gets no further evaluation: OSE")
    assert messages[0].endswith("; the next run of this study writes what is missing there")
    tracker._close(study())  # as the end of the process does
    check(bench, study().run(10, callbacks=[bench.make()]))


def test_steps_are_in_the_order_of_finishing(bench: Bench, study: Make) -> None:
    """Workers finish in any order; a later session reads records in the order of proposals."""
    done = study().run(6)
    late = [done.records[i] for i in (2, 0, 1, 5, 3, 4)]
    records = [
        Record(**{**vars(record), "elapsed": 1.0 + i}) for i, record in enumerate(late)
    ]  # as another order of finishing would have stored them

    class Shuffled:
        """The study, but for its records."""

        def __init__(self, records: list[Record]) -> None:
            self.records = records

        def __getattr__(self, name: str) -> Any:
            return getattr(done, name)

    first: Any = Shuffled([])
    tracker = bench.make()
    tracker.started(first, 6, None)
    for record in records[:4]:
        tracker.finished_one(first, record)
    tracker.ended(first)
    again: Any = Shuffled(sorted(records, key=lambda r: r.key))
    tracker = bench.make()
    tracker.started(again, 6, None)
    tracker.ended(again)
    check(bench, again)


def test_without_a_folder_it_is_told(bench: Bench, study: Make) -> None:
    if bench.kind == "mlflow":
        pytest.skip("MLflow needs no folder")
    done = study()
    free = ar.Study(done.space, done.evaluator, ar.strategies.Random(), objectives="accuracy")
    with pytest.warns(CallbackWarning, match=r"the study has no run folder; name one, Study"):
        assert len(free.run(3, callbacks=[bench.make()]).records) == 3


def test_places_tell_what_is_written(bench: Bench, study: Make) -> None:
    """Processes that share a study learn of evaluations in orders of their own."""
    done = study().run(6)
    learnt = [done.records[i] for i in (5, 2, 0)]  # by one process, and then it was killed

    class Shared:
        """The study, as that process knew it."""

        records: tuple[Record, ...] = ()

        def __getattr__(self, name: str) -> Any:
            return getattr(done, name)

    first: Any = Shared()
    tracker = bench.make()
    tracker.started(first, 6, None)
    for record in learnt:
        tracker.finished_one(first, record)
        tracker.finished_one(first, record)  # told twice
    tracker.ended(first)
    study().run(6, callbacks=[bench.make()])
    points = bench.points()
    assert [step for step, _ in points["run/slot"]] == [1, 2, 3, 4, 5, 6]
    rounds, slots = (dict(points[f"run/{name}"]) for name in ("round", "slot"))
    places = [(int(rounds[step]), int(slots[step])) for step in range(1, 7)]
    assert places[:3] == [record.key for record in learnt]
    assert sorted(places) == sorted(record.key for record in done.records)
