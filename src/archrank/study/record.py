"""One finished evaluation, and the description of the run that it belongs to."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.metrics import Metric
from archrank.study.objectives import Constraint, Goals, Objective
from archrank.study.proposal import Proposal

Option = str | int | float


@dataclass(frozen=True, kw_only=True)
class Record(Proposal):
    """One finished evaluation, as it is stored.

    Attributes:
        values: ``{metric: value}``, NaN where the evaluation failed.
        reason: why it failed; ``None`` if it did not.
        seconds: wall-clock time of the evaluation.
        elapsed: the run's working time in seconds, over all its sessions, up to the moment this
            evaluation was stored.
        cpu_seconds: processor time of the process that evaluated; NaN if unknown.
    """

    values: dict[str, float]
    reason: str | None
    seconds: float
    elapsed: float
    cpu_seconds: float = nan


@dataclass(frozen=True)
class Description:
    """Description of a run in JSON values, to read its records without the space or evaluator.

    Attributes:
        space: the space's name, for people.
        decisions: ``{decision: options}`` of the space, in the order of a record's ``arch``.
        metrics: everything that is measured.
        goals: objectives and constraints.
        identity: the settings that must agree for a run to be continued.
        circumstances: what else measures the run; see :mod:`archrank.study.circumstances`.
        changes: sentences about circumstances that have changed while it ran.
    """

    space: str
    decisions: dict[str, tuple[Option, ...]]
    metrics: tuple[Metric, ...]
    goals: Goals
    identity: dict[str, Any]
    circumstances: dict[str, dict[str, str]] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    def options(self, arch: NDArray[np.uint8]) -> dict[str, Option]:
        """Return the chosen option of every decision of ``arch: (d,)``, inactive ones included."""
        chosen = zip(self.decisions.items(), arch.tolist(), strict=True)
        return {name: options[k] for (name, options), k in chosen}

    def check(self, arch: NDArray[np.uint8]) -> None:
        """Check that an architecture has an option of every decision.

        Raises:
            ValueError: it has not.
        """
        sizes = [len(options) for options in self.decisions.values()]
        if arch.shape != (len(sizes),) or (arch >= sizes).any():
            raise ValueError(f"no architecture of {self.space}: {arch.tolist()}")

    def to_json(self) -> dict[str, Any]:
        """Return everything but the identity as JSON values."""
        return {
            "space": self.space,
            "decisions": {name: list(options) for name, options in self.decisions.items()},
            "metrics": [dataclasses.asdict(m) for m in self.metrics],
            "objectives": [dataclasses.asdict(o) for o in self.goals.objectives],
            "constraints": [dataclasses.asdict(c) for c in self.goals.constraints],
            "circumstances": self.circumstances,
            "changes": list(self.changes),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], identity: dict[str, Any]) -> Description:
        """Read what :meth:`to_json` returned."""
        return cls(
            values["space"],
            {name: tuple(options) for name, options in values["decisions"].items()},
            tuple(Metric(**m) for m in values["metrics"]),
            Goals(
                tuple(Objective(**o) for o in values["objectives"]),
                tuple(Constraint(**c) for c in values["constraints"]),
            ),
            identity,
            {kind: dict(known) for kind, known in values.get("circumstances", {}).items()},
            tuple(map(str, values.get("changes", ()))),
        )
