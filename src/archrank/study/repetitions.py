"""Repeated evaluations of architectures that a run has evaluated before, with other seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archrank.study.proposal import Key


@dataclass(frozen=True)
class Repetition:
    """One more evaluation of a record's architecture.

    Attributes:
        key: round and slot of the record.
        number: 1 for the first repetition, and so on; decides the seeds.
        batch: number of the batch that it was chosen in, from 0.
        values: ``{metric: value}`` of what was measured, NaN where it failed.
        reason: why it failed; ``None`` if it did not.
        seconds: wall-clock time.
    """

    key: Key
    number: int
    batch: int
    values: Mapping[str, float]
    reason: str | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; a number that is not finite is null."""
        values = {name: v if math.isfinite(v) else None for name, v in self.values.items()}
        return {
            "place": list(self.key),
            "number": self.number,
            "batch": self.batch,
            "values": values,
            "reason": self.reason,
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Repetition:
        """Read what :meth:`to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        number, slot = (int(each) for each in found["place"])
        values = {
            str(name): math.nan if v is None else float(v) for name, v in found["values"].items()
        }
        reason = None if found["reason"] is None else str(found["reason"])
        counts = int(found["number"]), int(found["batch"])
        return cls((number, slot), *counts, values, reason, float(found["seconds"]))


def by_place(repetitions: Iterable[Repetition]) -> dict[Key, list[Repetition]]:
    """Return repetitions by the places of their records, in order of their numbers."""
    found: dict[Key, list[Repetition]] = defaultdict(list)
    for each in sorted(repetitions, key=lambda r: (r.key, r.number)):
        found[each.key].append(each)
    return dict(found)


def measured(repetitions: Sequence[Repetition], metric: str) -> list[float]:
    """Return the values of a metric that repetitions measured; failed ones have none."""
    values = [each.values.get(metric, math.nan) for each in repetitions]
    return [value for value in values if math.isfinite(value)]


def failed(repetitions: Sequence[Repetition], metric: str) -> bool:
    """Tell whether a repetition gave no value of a metric."""
    return len(measured(repetitions, metric)) < len(repetitions)
