"""Attributes of a study: what several processes keep, none of them loses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from archrank.errors import StorageError
from archrank.study.database import Reach
from archrank.study.kept import CONFIRMED, REPEATED, Kept
from archrank.study.recommendation import Recommendation
from archrank.study.repetitions import Repetition
from archrank.study.trials import Trials

RECOMMENDED = Recommendation((3, 1), 0.5, 0.01, 0.9, 12, 2)


@pytest.fixture(params=["memory", "file", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    if request.param == "memory":
        yield InMemoryStorage()
        return
    file = f"sqlite:///{tmp_path / 'study.db'}"
    url = file if request.param == "file" else request.getfixturevalue("database")
    found = RDBStorage(url)
    yield found
    found.engine.dispose()


def of(storage: BaseStorage) -> Kept:
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    return Kept(Trials(study, storage), Reach(None))


def repetition(slot: int, number: int = 1, value: float = 0.5) -> Repetition:
    return Repetition((3, slot), number, 0, {"score": value}, None, 1.5)


def test_nothing_yet(storage: BaseStorage) -> None:
    kept = of(storage)
    assert kept.confirmed() == {}
    assert kept.repetitions() == []
    assert kept.recommendation() is None


def test_what_is_kept_is_read_by_others(storage: BaseStorage) -> None:
    kept = of(storage)
    kept.confirm((3, 1), {"ms": 1.25, "score": 0.1 + 0.2})
    kept.confirm((10, 0), {})
    kept.repeat(repetition(1))
    kept.repeat(Repetition((3, 0), 2, 1, {"score": math.nan}, 'killed: "é"\n', 2.0))
    kept.recommend(RECOMMENDED)
    other = of(storage)
    assert other.confirmed() == {(3, 1): {"ms": 1.25, "score": 0.1 + 0.2}, (10, 0): {}}
    first, second = other.repetitions()
    assert first == repetition(1)
    assert (second.key, second.number, second.reason) == ((3, 0), 2, 'killed: "é"\n')
    assert math.isnan(second.values["score"])
    assert other.recommendation() == RECOMMENDED
    other.recommend(None)
    assert kept.recommendation() is None


def test_the_first_counts(storage: BaseStorage) -> None:
    """Of two processes that measured the same, since one was taken for dead."""
    kept, other = of(storage), of(storage)
    kept.confirm((3, 1), {"ms": 1.0})
    other.confirm((3, 1), {"ms": 2.0})
    kept.repeat(repetition(1, value=0.1))
    other.repeat(repetition(1, value=0.2))
    other.repeat(repetition(1, number=2, value=0.3))
    assert other.confirmed() == {(3, 1): {"ms": 1.0}}
    assert [each.values["score"] for each in kept.repetitions()] == [0.1, 0.3]


def test_forgetting(storage: BaseStorage) -> None:
    kept = of(storage)
    kept.forget({(3, 1)})  # there is nothing
    for slot in (1, 2):
        kept.confirm((3, slot), {"ms": 1.0})
        kept.repeat(repetition(slot))
        kept.repeat(repetition(slot, number=2))
    kept.forget({(3, 1), (9, 9)})
    assert kept.confirmed() == {(3, 2): {"ms": 1.0}}
    assert [(each.key, each.number) for each in kept.repetitions()] == [((3, 2), 1), ((3, 2), 2)]


def test_several_at_a_time_lose_nothing(database: str) -> None:
    """Each reads and writes the same attribute: real transactions that meet."""
    storage = RDBStorage(database, engine_kwargs={"pool_size": 6})
    of(storage)

    def work(slot: int) -> None:
        kept = of(storage)
        for number in range(1, 6):
            kept.repeat(repetition(slot, number))
            kept.confirm((number, slot), {"ms": 1.0})

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    found = [(each.key[1], each.number) for each in of(storage).repetitions()]
    assert sorted(found) == [(slot, number) for slot in range(6) for number in range(1, 6)]
    assert len(of(storage).confirmed()) == 30
    storage.engine.dispose()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (CONFIRMED, '{"3": {}}'),
        (CONFIRMED, '{"3,1": 5}'),
        (CONFIRMED, "[1]"),
        (REPEATED, '{"repetitions": [{}]}'),
        (REPEATED, '{"repetitions": [{"place": "xy"}]}'),
        (REPEATED, "[" * 100_000),
        (REPEATED, "nonsense"),
    ],
)
def test_what_is_damaged(name: str, text: str) -> None:
    storage = InMemoryStorage()
    kept = of(storage)
    storage.set_study_user_attr(0, name, text)
    read: Any = kept.confirmed if name == CONFIRMED else kept.repetitions
    with pytest.raises(StorageError, match="cannot use storage memory: "):
        read()
