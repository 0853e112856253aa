"""A tracker of one process, of several that search one study: it writes what all have evaluated."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archrank.evaluators import Function
from archrank.integrations.tracking import TensorBoard
from archrank.strategies import Random
from archrank.study import Study
from tests.integrations.tracking.read_back import tensorboard_points
from tests.study.helpers import make, score

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def test_evaluations_of_other_processes_are_written_once(database: str, tmp_path: Path) -> None:
    def study() -> Study:
        found: Study = make(evaluator=Function(score), strategy=Random(5), path=database)
        return found

    def tracker() -> TensorBoard:
        return TensorBoard(tmp_path)

    for budget in (10, 15):
        with ThreadPoolExecutor(2) as threads:
            one = threads.submit(study().run, budget, callbacks=[tracker()])
            other = threads.submit(study().run, budget)
            done, _ = one.result(timeout=120), other.result(timeout=120)
        points = tensorboard_points(tmp_path)
        rounds, slots = (dict(points[f"run/{name}"]) for name in ("round", "slot"))
        assert sorted(slots) == list(range(1, budget + 1))
        places = [(int(rounds[step]), int(slots[step])) for step in slots]
        assert sorted(places) == [record.key for record in done.records]
