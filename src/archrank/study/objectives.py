"""What a search maximises, and what it must not exceed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archrank.errors import ObjectiveError, UnknownNameError
from archrank.evaluators.base import Metric
from archrank.types import Floats

_CONSTRAINT = re.compile(r"^\s*([\w.:-]+?)\s*(<=|>=|<|>)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*$")


@dataclass(frozen=True)
class Objective:
    """A metric to optimise; the sign turns it into higher-is-better, here and nowhere else."""

    metric: str
    direction: Literal["maximize", "minimize"] = "maximize"

    @property
    def sign(self) -> float:
        """+1 if the metric is maximised, -1 if it is minimised."""
        return 1.0 if self.direction == "maximize" else -1.0

    @classmethod
    def parse(cls, text: str, metrics: Sequence[Metric]) -> Objective:
        """Read ``metric``, or ``metric:maximize`` / ``metric:minimize`` to turn it round.

        Raises:
            UnknownNameError: no such metric.
            ObjectiveError: no such direction.
        """
        name, _, direction = text.partition(":")
        by_name = {m.name: m for m in metrics}
        if name not in by_name:
            raise UnknownNameError("metric", name, by_name)
        if direction not in ("", "maximize", "minimize"):
            raise ObjectiveError(
                f"objective {text!r}: the direction is maximize or minimize, not {direction!r}"
            )
        return cls(name, direction or by_name[name].direction)  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}"


@dataclass(frozen=True)
class Constraint:
    """A bound on a metric, such as ``latency_ms<=8``."""

    metric: str
    relation: Literal["<=", ">="]
    bound: float

    @classmethod
    def parse(cls, text: str, metrics: Sequence[Metric]) -> Constraint:
        """Read ``metric<=number`` or ``metric>=number`` (``<`` and ``>`` mean the same).

        Raises:
            ObjectiveError: not of this form.
            UnknownNameError: no such metric.
        """
        match = _CONSTRAINT.match(text)
        if match is None:
            raise ObjectiveError(
                f"cannot read constraint {text!r}; write metric<=number, such as 'macs<=1e8'"
            )
        name, relation, number = match.groups()
        known = [m.name for m in metrics]
        if name not in known:
            raise UnknownNameError("metric", name, known, f"It is used in constraint {text!r}")
        try:
            bound = float(number)
        except ValueError:
            raise ObjectiveError(f"constraint {text!r}: {number!r} is not a number") from None
        if not math.isfinite(bound):
            raise ObjectiveError(f"constraint {text!r}: {number} is too large for a number")
        return cls(name, "<=" if relation in ("<", "<=") else ">=", bound)

    def violation(self, values: Floats) -> Floats:
        """By how much ``values: (n,)`` break the bound, relative to it unless it is 0."""
        excess = values - self.bound if self.relation == "<=" else self.bound - values
        return np.maximum(excess, 0.0) / (abs(self.bound) or 1.0)

    def __str__(self) -> str:
        return f"{self.metric}{self.relation}{self.bound:g}"


def objective_matrix(objectives: Sequence[Objective], values: Mapping[str, Floats]) -> Floats:
    """Objectives as higher-is-better columns: ``(n, m)``."""
    return np.stack([o.sign * values[o.metric] for o in objectives], axis=1)


def total_violation(
    constraints: Sequence[Constraint], values: Mapping[str, Floats], n: int
) -> Floats:
    """Relative violations, summed over the constraints: ``(n,)``; 0 is feasible."""
    total = np.zeros(n)
    for constraint in constraints:
        total = total + constraint.violation(values[constraint.metric])
    return total
