"""Objectives of a search, and the constraints it must keep."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from archrank.checks import quoted
from archrank.errors import ObjectiveError
from archrank.metrics import Direction, Metric, find_metric, find_objective, split_direction
from archrank.types import Floats

Relation: TypeAlias = Literal["<=", ">=", "<", ">"]

STRICT = float(np.finfo(np.float64).eps)
"""Violation of a strict bound by the bound itself: the relative spacing of floats."""

_CONSTRAINT = re.compile(r"^\s*([^<>=]+?)\s*(<=|>=|<|>)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*$")


@dataclass(frozen=True)
class Objective:
    """A metric to optimise; the sign turns it into higher-is-better, here and nowhere else."""

    metric: str
    direction: Direction = "maximize"

    @property
    def sign(self) -> float:
        """+1 if the metric is maximised, -1 if it is minimised."""
        return 1.0 if self.direction == "maximize" else -1.0

    @classmethod
    def parse(cls, text: str, metrics: Sequence[Metric]) -> Objective:
        """Read ``metric``, or ``metric:maximize`` / ``metric:minimize`` to state the direction.

        Raises:
            UnknownNameError: no such metric.
            ObjectiveError: no such direction, a direction that is neither stated nor told by the
                metric's name, or a name that several scopes have.
        """
        metric, direction = find_objective(text, metrics)
        return cls(metric.name, direction)

    @property
    def label(self) -> str:
        """The metric and its direction, for people: ``latency_ms (minimize)``."""
        return f"{self.metric} ({self.direction})"

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}"


@dataclass(frozen=True)
class Constraint:
    """A bound on a metric, such as ``latency_ms<=8``; strict with ``<`` and ``>``."""

    metric: str
    relation: Relation
    bound: float

    @classmethod
    def parse(cls, text: str, metrics: Sequence[Metric]) -> Constraint:
        """Read ``metric<=number`` or ``metric>=number``, or a strict ``metric<number``.

        Raises:
            ObjectiveError: not of this form, or a name that several scopes have.
            UnknownNameError: no such metric.
        """
        name, relation, number = cls.split(text)
        metric = find_metric(name, metrics, f"It is used in constraint {text!r}")
        try:
            bound = float(number)
        except ValueError:
            raise ObjectiveError(f"constraint {text!r}: {number!r} is not a number") from None
        if not math.isfinite(bound):
            raise ObjectiveError(f"constraint {text!r}: {number} is too large for a number")
        return cls(metric.name, relation, bound)

    @staticmethod
    def split(text: str) -> tuple[str, Relation, str]:
        """Return the metric, the relation and the number that ``text`` spells.

        Raises:
            ObjectiveError: not of the form ``metric<=number``.
        """
        match = _CONSTRAINT.match(text)
        if match is None:
            raise ObjectiveError(
                f"cannot read constraint {text!r}; write metric<=number, such as 'macs<=1e8'"
            )
        name, relation, number = match.groups()
        return name, cast(Relation, relation), number

    @property
    def is_upper(self) -> bool:
        """True if the bound is an upper one."""
        return self.relation in ("<=", "<")

    def violation(self, values: Floats) -> Floats:
        """Return how far ``values: (n,)`` exceed the bound, relative to it unless it is 0.

        0 is kept, more than 0 is violated: a value equal to a strict bound violates it by
        :data:`STRICT`.
        """
        excess = values - self.bound if self.is_upper else self.bound - values
        relative = excess / (abs(self.bound) or 1.0)
        violation: Floats = np.maximum(relative, 0.0)
        if self.relation in ("<", ">"):
            violation = np.where(relative >= 0, np.maximum(violation, STRICT), violation)
        return violation

    def excess(self, value: float) -> float:
        """Return by how much a value exceeds the bound; 0 or less where it is kept."""
        violation = float(self.violation(np.array([value]))[0])
        slack = value - self.bound if self.is_upper else self.bound - value
        return violation if violation > 0 else min(slack, 0.0)

    def __str__(self) -> str:
        short = f"{self.bound:g}"
        exact = short if float(short) == self.bound else repr(self.bound).removesuffix(".0")
        return f"{self.metric}{self.relation}{exact}"


@dataclass(frozen=True)
class Goals:
    """Objectives and constraints of one search."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()

    @classmethod
    def parse(
        cls,
        objectives: str | Sequence[str],
        constraints: str | Sequence[str],
        metrics: Sequence[Metric],
    ) -> Goals:
        """Read objectives and constraints; without objectives, the first metric is optimised.

        Raises:
            UnknownNameError: no such metric.
            ObjectiveError: a text that cannot be read, or an objective named twice.
        """
        objectives = _texts(objectives, "objectives")
        constraints = _texts(constraints, "constraints")
        names = objectives or (metrics[0].name,)
        goals = cls(
            tuple(Objective.parse(text, metrics) for text in names),
            tuple(Constraint.parse(text, metrics) for text in constraints),
        )
        if len({o.metric for o in goals.objectives}) < len(goals.objectives):
            raise ObjectiveError(f"an objective is named twice: {', '.join(names)}")
        return goals

    @property
    def labels(self) -> list[str]:
        """Objectives with their directions, then constraints, for people."""
        return [*(o.label for o in self.objectives), *map(str, self.constraints)]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that an evaluation must give to be of use."""
        names = [o.metric for o in self.objectives] + [c.metric for c in self.constraints]
        return tuple(dict.fromkeys(names))

    def missing(self, values: Mapping[str, float]) -> list[str]:
        """Return the needed metrics that ``values`` lack, or have as NaN or infinity."""
        return [m for m in self.metrics if not math.isfinite(values.get(m, math.nan))]

    def broken(self, values: Mapping[str, float]) -> list[Constraint]:
        """Return the constraints that ``values``, as far as they are known, violate."""
        known = [c for c in self.constraints if math.isfinite(values.get(c.metric, math.nan))]
        return [c for c in known if c.violation(np.array([values[c.metric]]))[0] > 0]

    def rejects(self, values: Mapping[str, float]) -> bool:
        """Tell whether an evaluation ended early, since what was measured violates a constraint."""
        return bool(self.missing(values)) and bool(self.broken(values))

    def matrix(self, values: Mapping[str, Floats]) -> Floats:
        """Return the objectives as columns ``(n, m)``, higher is better."""
        return np.stack([o.sign * values[o.metric] for o in self.objectives], axis=1)

    def violation(self, values: Mapping[str, Floats], n: int) -> Floats:
        """Return the sum of the relative violations of all constraints: ``(n,)``; 0 is feasible."""
        total = np.zeros(n)
        for constraint in self.constraints:
            total = total + constraint.violation(values[constraint.metric])
        return total

    def excess(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return by how much an evaluation exceeds the bound of every constraint, by its text."""
        return {str(c): c.excess(values[c.metric]) for c in self.constraints}


def named_metrics(
    objectives: str | Sequence[str], constraints: str | Sequence[str], names: Collection[str] = ()
) -> dict[str, Metric]:
    """Return the metrics that objectives and constraints name, as far as these tell about them.

    Args:
        objectives: such as ``"accuracy"``.
        constraints: such as ``"latency_ms<=8"``.
        names: known names of metrics, which may have colons.

    Raises:
        ObjectiveError: a constraint that cannot be read.
    """
    named: dict[str, Metric] = {}
    for text in _texts(objectives, "objectives"):
        name, direction = split_direction(text, names)
        named[name] = Metric(name, direction)
    for text in _texts(constraints, "constraints"):
        name, relation, _ = Constraint.split(text)
        named.setdefault(name, Metric(name, "minimize" if relation[0] == "<" else "maximize"))
    return named


def _texts(given: Any, what: str) -> tuple[str, ...]:
    """Return one text, or several, as a tuple."""
    listed = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
    texts: tuple[Any, ...] = tuple(given) if listed else (given,)
    for text in texts:
        if not isinstance(text, str):
            raise ObjectiveError(f"{what}: {quoted(text)} is no text, such as 'macs<=1e8'")
    return texts
