"""The recommended architecture of a run, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archrank.formatting import format_value
from archrank.study.proposal import Key
from archrank.study.record import Record
from archrank.study.repetitions import Repetition

if TYPE_CHECKING:
    from archrank.study.results import Results


@dataclass(frozen=True)
class Recommendation:
    """The recommended architecture of a run, and how sure that is.

    Attributes:
        key: round and slot of its record.
        value: expected mean over trainings with other seeds, in the unit of the objective.
        sd: standard deviation of that.
        top: probability that it is among the best percent of the space.
        evaluations: evaluations that it was decided by.
        repetitions: repetitions that it was decided by.
    """

    key: Key
    value: float
    sd: float
    top: float
    evaluations: int
    repetitions: int

    def is_of(self, records: Sequence[Record], repetitions: Sequence[Repetition]) -> bool:
        """Tell whether it was decided by these records and repetitions."""
        counts = len(records) == self.evaluations and len(repetitions) == self.repetitions
        return counts and any(record.key == self.key for record in records)

    def told(self, results: Results) -> list[str]:
        """Say how good it is expected to be, how sure that is, and whether another scored higher.

        Args:
            results: of the run, of which this is the recommendation.
        """
        metric = results.metrics[results.objective.metric]
        value, sd = (format_value(number, metric) for number in (self.value, self.sd))
        again = sum(each.key == self.key for each in results.repetitions)
        trained = f" ({again + 1} trainings of it count)" if again else ""
        said = [
            f"over trainings with other seeds it is expected to average {value}, give or take {sd}"
            f"{trained}; it is among the best percent of the space with probability "
            f"{min(max(self.top, 0.01), 0.99):.2f}"
        ]
        if results.best.key != self.key:
            high = results.best
            said.append(
                f"{high.string} scored higher, {format_value(high.values[metric.name], metric)}: "
                "by luck, as far as repetitions and what similar architectures scored can tell"
            )
        return said

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**vars(self), "key": list(self.key)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Recommendation:
        """Read what :meth:`to_json` returned.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        number, slot = (int(each) for each in found["key"])
        value, sd, top = (float(found[name]) for name in ("value", "sd", "top"))
        evaluations, repetitions = (int(found[name]) for name in ("evaluations", "repetitions"))
        return cls((number, slot), value, sd, top, evaluations, repetitions)
