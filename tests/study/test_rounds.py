"""Evaluations folded in by place, whoever finished first; arrays that grow."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.evaluators import Function
from archrank.spaces import NASBench201, Space
from archrank.strategies import Random, RegularizedEvolution, Strategy
from archrank.strategies.history import History
from archrank.study.limits import Limits
from archrank.study.objectives import Constraint, Goals, Objective
from archrank.study.record import Record
from archrank.study.rounds import Rounds, Rows
from archrank.types import Archs
from tests.study.helpers import guided, make, refuse

GOALS = Goals((Objective("score"), Objective("ms", "minimize")), (Constraint("ms", "<=", 2.0),))
SPACE = NASBench201()
LIMITS = Limits(SPACE, Function(refuse, ["score", "ms:minimize"]).bind(SPACE), GOALS)


def record(key: tuple[int, int, int], arch: Archs) -> Record:
    number, slot, size = key
    values = {"score": 10.0 * number + slot, "ms": float(slot)}
    return Record(
        round=number,
        slot=slot,
        round_size=size,
        arch=arch,
        string="",
        values=values,
        reason=None,
        seconds=0.0,
        elapsed=0.0,
    )


def records(*keys: tuple[int, int, int]) -> list[Record]:
    archs = SPACE.sample(len(keys), rng=np.random.default_rng(0))
    return [record(key, arch) for key, arch in zip(keys, archs, strict=True)]


@pytest.mark.parametrize(
    ("keys", "done", "number"),
    [
        ([], [], 0),
        ([(0, 0, 2)], [], 0),
        ([(0, 1, 2), (0, 0, 2)], [(0, 0), (0, 1)], 1),
        ([(0, 1, 2), (1, 0, 1), (0, 0, 2), (2, 1, 3)], [(0, 0), (0, 1), (1, 0)], 2),
        ([(1, 0, 1)], [], 0),  # a later round does not count before the first
        ([(0, 0, 1), (1, 0, 1), (3, 0, 1)], [(0, 0), (1, 0)], 2),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_complete_rounds(
    keys: list[tuple[int, int, int]], done: list[tuple[int, int]], number: int, at_once: bool
) -> None:
    rounds, found = Rounds(SPACE, GOALS), records(*keys)
    for n in [len(found)] if at_once else range(len(found) + 1):
        rounds.take(found[:n])
    by_key = {r.key: r for r in found}
    assert rounds.number == number
    assert set(rounds.stored_of(number)) == {slot for r, slot, _ in keys if r == number}
    history = rounds.history(LIMITS)
    assert history.objectives.tolist() == [[10.0 * r + slot, -float(slot)] for r, slot in done]
    assert history.violation.tolist() == [max(0.0, slot - 2.0) / 2 for _, slot in done]
    archs = np.array([by_key[key].arch for key in done], dtype=np.uint8).reshape(-1, SPACE.d)
    assert history.archs.tolist() == archs.tolist()
    assert history.canonical.tolist() == SPACE.canonical(archs).tolist()


def test_what_was_given_out_stays_as_it_was() -> None:
    rows = Rows(3, np.int64)
    views = []
    for n in range(300):
        rows.append(np.full((n % 3, 3), n))
        views.append((rows.filled, rows.filled.copy()))
    assert rows.filled.dtype == np.int64
    assert len(rows.filled) == 300
    assert all((view == copy).all() for view, copy in views)


@pytest.mark.parametrize("strategy", [guided(), Random(3), RegularizedEvolution(4, 2, 3)])
def test_a_strategy_sees_what_a_study_tells_of_its_records(
    strategy: Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[History] = []
    propose = type(strategy).propose

    def watched(self: Strategy, history: History, n: int, **kwargs: np.random.Generator) -> Archs:
        seen.append(history)
        return propose(self, history, n, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(type(strategy), "propose", watched)
    study = make(strategy=strategy)
    study.run(16)
    assert len(seen) > 3
    for history in seen:
        whole = study.history
        n = len(history)
        assert (history.archs == whole.archs[:n]).all()
        assert (history.objectives == whole.objectives[:n]).all()
        assert (history.violation == whole.violation[:n]).all()
        assert (history.canonical == whole.canonical[:n]).all()


def test_rows_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    canonical = Space.canonical

    def counted(self: Space, archs: Archs) -> Archs:
        asked.append(len(archs))
        return canonical(self, archs)

    rounds, found = Rounds(SPACE, GOALS), records(*[(r, 0, 1) for r in range(50)])
    monkeypatch.setattr(type(SPACE), "canonical", counted)
    for n in range(len(found) + 1):
        rounds.take(found[:n])
    assert sum(asked) == len(found)
