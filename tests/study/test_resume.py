"""A study that was stopped, and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from archrank.errors import ResumeError
from archrank.evaluators import Function
from archrank.spaces import CustomSpace
from archrank.strategies import Guided, History, Random, RegularizedEvolution, Strategy
from archrank.types import Archs
from tests.strategies.helpers import build, huge
from tests.study.helpers import (
    BUDGET,
    CHOICES,
    Stopping,
    guided,
    make,
    score,
    sometimes,
    told,
)

# evaluators here are replaced by others when a run goes on, which is told
pytestmark = pytest.mark.filterwarnings("ignore::archrank.errors.ChangedRunWarning")


@pytest.mark.parametrize("calls", range(BUDGET + 1))
def test_a_resumed_run_equals_an_uninterrupted_one(
    calls: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uninterrupted: list[tuple[Any, ...]],
) -> None:
    path = tmp_path / "study.db"
    if calls not in (3, 5):  # two are enough for the disk, which is slow
        kept = InMemoryStorage()
        monkeypatch.setattr("archrank.study.stored_run.open_storage", lambda address: kept)
    first = make(Stopping(score, calls), path=path)
    if calls < BUDGET:
        with pytest.raises(KeyboardInterrupt):
            first.run(BUDGET)
    else:
        first.run(BUDGET)
    assert len(first.records) == calls
    second = make(path=path)
    assert told(second) == told(first) == uninterrupted[:calls]
    assert told(second.run(BUDGET)) == uninterrupted


@pytest.mark.parametrize("strategy", [Random(5), RegularizedEvolution(4, 2, 2)])
def test_other_strategies_resume_alike(strategy: Strategy, tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    for calls in (3, 100):
        study = make(Stopping(sometimes, calls), strategy, path=path)
        if calls < 100:
            with pytest.raises(KeyboardInterrupt):
                study.run(BUDGET)
    assert told(study.run(BUDGET)) == told(make(Function(sometimes), strategy).run(BUDGET))


def test_a_long_guided_run_resumes_alike_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def strategy() -> Guided:  # fits after 8, 14, 20, ... evaluations
        return Guided(initial=4, batch_size=3, exact=8, candidates=200)

    def worth(config: dict[str, Any]) -> float:
        return float(sum(int(option) * (i % 3 - 1) for i, option in enumerate(config.values())))

    whole = told(make(Function(worth), strategy(), space=huge()).run(40))
    for calls in (7, 8, 9, 15, 16, 17, 23, 30, 38):
        kept = InMemoryStorage()
        with monkeypatch.context() as patch:
            patch.setattr("archrank.study.stored_run.open_storage", lambda address, kept=kept: kept)
            first = make(Stopping(worth, calls), strategy(), path=Path("s.db"), space=huge())
            with pytest.raises(KeyboardInterrupt):
                first.run(40)
            second = make(Function(worth), strategy(), path=Path("s.db"), space=huge())
            assert len(second.records) == calls
            assert told(second.run(40)) == whole


def test_other_seeds_search_elsewhere(uninterrupted: list[tuple[Any, ...]]) -> None:
    assert told(make(seed=1).run(BUDGET)) != uninterrupted


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 1}, r"\(stored -> now\): seed: 0 -> 1\. Use"),
        ({"strategy": Random()}, r"\): strategy: guided -> random\. Use"),
        ({"strategy": guided(kappa=0.5)}, r"\): strategy\.kappa: 3\.0 -> 0\.5\. Use"),
        ({"evaluator": Function(sometimes)}, r"evaluator\.function: \S*score -> \S*sometimes"),
        ({"space": CustomSpace({**CHOICES, "act": ["a", "c"]}, build)}, r"space: .*a\|b.*a\|c"),
        (
            {"objectives": ["score:minimize"]},
            r"\): objectives: score:maximize -> score:minimize\. Use",
        ),
        ({"constraints": ["score<=9"]}, "constraints: none -> score<=9"),
    ],
)
def test_another_run_is_refused(
    changed: dict[str, Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InMemoryStorage()
    monkeypatch.setattr("archrank.study.stored_run.open_storage", lambda address: kept)
    path = tmp_path / "study.db"
    make(path=path).run(2)
    with pytest.raises(ResumeError, match=named) as caught:
        make(path=path, **changed).run(3)
    message = str(caught.value)
    assert message.count(" -> ") == 2  # what agrees is not listed
    assert str(path) in message
    assert "Use another run folder" in message


class Restless(Strategy):
    """Breaks the contract: proposes more each time it is made."""

    def __init__(self, n: int, shift: int) -> None:
        self.n = n
        self.shift = shift

    def batch(self, history: History) -> int:
        return self.n

    def propose(self, history: History, n: int, *, rng: np.random.Generator) -> Archs:
        return history.space.enumerate()[self.shift :][:n]

    def describe(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(("n", "shift"), [(4, 1), (2, 0), (6, 0)])
def test_proposals_of_another_version_are_refused(
    n: int, shift: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InMemoryStorage()
    monkeypatch.setattr("archrank.study.stored_run.open_storage", lambda address: kept)
    path = tmp_path / "study.db"
    make(strategy=Restless(4, 0), path=path).run(2)
    with pytest.raises(ResumeError, match="finish the run with the version that began it"):
        make(strategy=Restless(n, shift), path=path).run(4)
