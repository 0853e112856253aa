"""Several evaluators as one, e.g. accuracy from training and costs from the shape."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance
from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.evaluators.scoped import Scoped
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class Combined(Evaluator):
    """Measures with each evaluator and merges metrics and reasons.

    Evaluators that measure metrics of the same names are told apart by a scope: the name of the
    task, or else the device, if these differ, as in ``digits/valid_accuracy`` and
    ``glyphs/valid_accuracy``. Keyword arguments give a scope by hand.

    Args:
        evaluators: in the order of their metrics; the first metric is the default objective.
        scoped: evaluators whose metrics are named ``keyword/name``.

    Raises:
        EvaluationError: no evaluator, or a metric that is measured twice and cannot be told apart.

    Example:
        >>> from archrank.evaluators import Cost, Function, Training
        >>> both = Combined(Function(lambda config: 1.0, ["accuracy"]), Cost())
        >>> [m.name for m in both.metrics]
        ['accuracy', 'macs', 'params']
        >>> from archrank.tasks import Digits, Glyphs
        >>> [m.name for m in Combined(Training(Digits()), Training(Glyphs())).metrics][::5]
        ['digits/valid_accuracy', 'glyphs/valid_accuracy']
        >>> [m.name for m in Combined(a=Cost(), b=Cost()).metrics]
        ['a/macs', 'a/params', 'b/macs', 'b/params']
    """

    def __init__(self, *evaluators: Evaluator, **scoped: Evaluator) -> None:
        for evaluator in evaluators:
            instance(
                evaluator, Evaluator, "Combined: an evaluator", "your own is Function(measure)"
            )
        given = [*evaluators, *(Scoped(e, scope) for scope, e in scoped.items())]
        if not given:
            raise EvaluationError("Combined needs at least one evaluator, got none")
        self._parts = _told_apart([part for e in given for part in e.parts()])
        self.metrics = tuple(m for part in self._parts for m in part.metrics)
        self.cheap = all(part.cheap for part in self._parts)
        self.group_size = max(part.group_size for part in self._parts)
        self.task = next((part.task for part in self._parts if part.task is not None), None)

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy whose evaluators are all bound to ``space``.

        Evaluators without a task of their own, such as costs, measure the networks for that of the
        first one that has a task.
        """
        task = self.task or task
        bound = super().bind(space, task=task, seed=seed)
        bound._parts = tuple(part.bind(space, task=task, seed=seed) for part in self._parts)
        return bound

    def parts(self) -> tuple[Evaluator, ...]:
        """Return the evaluators that are combined, those inside other combinations included."""
        return self._parts

    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)`` with each evaluator; reasons are joined by semicolons."""
        found = [part.evaluate(archs) for part in self._parts]
        values = {name: v for result in found for name, v in result.items()}
        reasons = [
            "; ".join(dict.fromkeys(r for r in row if r)) or None
            for row in zip(*(result.reasons for result in found), strict=True)
        ]
        return Evaluations(values, reasons)

    def available(self, archs: Archs) -> Bools:
        """Tell which of ``archs: (n, d)`` every part can evaluate: ``(n,)``."""
        found = np.ones(len(archs), dtype=bool)
        for part in self._parts:
            found &= part.available(archs)
        return found

    def listed(self) -> Archs | None:
        """List what every part can evaluate: ``(k, d)``; ``None`` if that is any architecture."""
        lists = [rows for part in self._parts if (rows := part.listed()) is not None]
        if not lists:
            return None
        shortest = min(lists, key=len)
        return shortest[self.available(shortest)]

    @property
    def capacity(self) -> int:
        """The least of the parts' capacities."""
        return min(part.capacity for part in self._parts)

    def describe(self) -> dict[str, Any]:
        """Return the descriptions of all parts."""
        return {"evaluator": "combined", "parts": [part.describe() for part in self._parts]}


def _told_apart(parts: Sequence[Evaluator]) -> tuple[Evaluator, ...]:
    """Return ``parts`` with a scope for those that measure metrics of the same name.

    Raises:
        EvaluationError: their circumstances of measuring do not differ.
    """
    told = list(parts)
    while (name := _repeated(told)) is not None:
        places = [i for i, part in enumerate(told) if name in {m.name for m in part.metrics}]
        scopes = _scopes([told[i] for i in places])
        if scopes is None:
            kinds = [type(told[i].unscoped).__name__ for i in places]
            named = ", ".join(
                f"{a}={kind}(...)" for a, kind in zip("abcdefgh", kinds, strict=False)
            )
            raise EvaluationError(
                f"metric {name!r} is measured by {' and '.join(kinds)}, and nothing tells the "
                f"measurements apart; leave one of them out, or name them: Combined({named})"
            )
        for i, scope in zip(places, scopes, strict=True):
            told[i] = Scoped(told[i], scope)
    return tuple(told)


def _repeated(parts: Sequence[Evaluator]) -> str | None:
    """The first metric name that occurs twice; ``None`` if all differ."""
    counts = Counter(m.name for part in parts for m in part.metrics)
    return next((name for name, count in counts.items() if count > 1), None)


def _scopes(parts: Sequence[Evaluator]) -> list[str] | None:
    """A different scope for each part, from the first condition in which all differ."""
    if any(part.unscoped is not part for part in parts):  # named by hand, or told apart before
        return None
    conditions = [part.conditions() for part in parts]
    for kind in conditions[0]:
        scopes = [re.sub(r"[^\w.-]+", "-", c.get(kind, "")) for c in conditions]
        if all(scopes) and len(set(scopes)) == len(scopes):
            return scopes
    return None
