"""Attributes of a study: values measured again, and what the run recommends.

Each is kept as JSON beside the evaluations. A change reads and writes it in one transaction,
so that processes which work on one study lose nothing of each other's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, TypeVar

from archrank.study.database import Reach
from archrank.study.proposal import Key
from archrank.study.recommendation import Recommendation
from archrank.study.repetitions import Repetition
from archrank.study.trials import Trials

T = TypeVar("T")


CONFIRMED = "archrank_confirmed"
REPEATED = "archrank_repeated"
RECOMMENDED = "archrank_recommended"


class Kept:
    """Attributes of a study about its evaluations.

    Args:
        trials: of the study.
        reach: makes calls that need the database.
    """

    def __init__(self, trials: Trials, reach: Reach) -> None:
        self._trials = trials
        self._reach = reach

    def confirmed(self) -> dict[Key, dict[str, float]]:
        """Return the metrics of records that were measured once more, by round and slot.

        Raises:
            StorageError: they cannot be read.
        """
        return self._read(
            CONFIRMED,
            lambda stored: {
                _place(place): {name: float(value) for name, value in values.items()}
                for place, values in stored.items()
            },
        )

    def confirm(self, place: Key, values: Mapping[str, float]) -> None:
        """Keep metrics of a record, by round and slot, unless some are kept already.

        Raises:
            StorageError: the storage cannot be written.
        """
        number, slot = place
        self._change(CONFIRMED, lambda known: {f"{number},{slot}": dict(values), **known})

    def repetitions(self) -> list[Repetition]:
        """Return the repeated evaluations, in the order in which they were stored.

        Raises:
            StorageError: they cannot be read.
        """
        return self._read(REPEATED, lambda stored: list(map(Repetition.from_json, _list(stored))))

    def repeat(self, repetition: Repetition) -> None:
        """Keep a repeated evaluation, unless it is kept already.

        Raises:
            StorageError: the storage cannot be written.
        """

        def added(known: dict[str, Any]) -> dict[str, Any]:
            made = {(tuple(each["place"]), each["number"]) for each in _list(known)}
            if (repetition.key, repetition.number) in made:
                return known
            return {"repetitions": [*_list(known), repetition.to_json()]}

        self._change(REPEATED, added)

    def recommendation(self) -> Recommendation | None:
        """Return what the run recommended when it ended last, if anything.

        Raises:
            StorageError: it cannot be read.
        """
        return self._read(
            RECOMMENDED, lambda stored: Recommendation.from_json(stored) if stored else None
        )

    def recommend(self, recommendation: Recommendation | None) -> None:
        """Keep what the run recommends.

        Raises:
            StorageError: the storage cannot be written.
        """
        value = {} if recommendation is None else recommendation.to_json()
        self._change(RECOMMENDED, lambda known: value)

    def forget(self, places: Set[Key]) -> None:
        """Forget all that was measured again of the records of some places.

        Raises:
            StorageError: the storage cannot be written.
        """
        self._change(
            CONFIRMED,
            lambda known: {at: each for at, each in known.items() if _place(at) not in places},
        )

        def left(known: dict[str, Any]) -> dict[str, Any]:
            found = [each for each in _list(known) if tuple(each["place"]) not in places]
            return known if len(found) == len(_list(known)) else {"repetitions": found}

        self._change(REPEATED, left)

    def _read(self, name: str, read: Callable[[dict[str, Any]], T]) -> T:
        """Read what is kept of the study under ``name``; of nothing, an empty mapping."""
        return self._reach(lambda: read(read_json(self._trials.attribute(name))), to_read=True)

    def _change(self, name: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        changed = lambda text: to_text(change(read_json(text)))  # noqa: E731
        self._reach(lambda: self._trials.change_attribute(name, changed))


def to_text(value: object) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, allow_nan=False)


def read_json(text: str) -> dict[str, Any]:
    """Read JSON that was stored.

    Raises:
        ValueError: it is damaged.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return dict(value)


def _list(stored: Mapping[str, Any]) -> Sequence[Any]:
    found: Sequence[Any] = stored.get("repetitions", [])
    return found


def _place(text: str) -> Key:
    """Read a round and a slot that were stored as ``3,1``."""
    number, slot = text.split(",")
    return int(number), int(slot)
