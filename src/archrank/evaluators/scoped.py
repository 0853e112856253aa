"""An evaluator whose metrics carry a scope in their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from archrank.checks import instance, quoted
from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Task

_SCOPE = re.compile(r"[\w.-]+")


class Scoped(Evaluator):
    """Measures what another evaluator does, with each metric named ``scope/name``.

    Args:
        evaluator: measures.
        scope: letters, digits, ``_``, ``-`` and ``.``.

    Raises:
        EvaluationError: a scope with other characters, or none.

    Example:
        >>> from archrank.evaluators import Cost
        >>> [m.name for m in Scoped(Cost(), "small").metrics]
        ['small/macs', 'small/params']
    """

    def __init__(self, evaluator: Evaluator, scope: str) -> None:
        instance(evaluator, Evaluator, f"evaluator of scope {quoted(scope)}")
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise EvaluationError(
                f"scope {scope!r}: use one or more letters, digits, underscores, hyphens and dots"
            )
        self.evaluator = evaluator
        self.scope = scope
        self.metrics = tuple(m.scoped(scope) for m in evaluator.metrics)
        self.cheap = evaluator.cheap
        self.stage = evaluator.stage
        self.group_size = evaluator.group_size
        self.task = evaluator.task

    @property
    def space(self) -> Space:
        """The space whose architectures the evaluator measures."""
        return self.evaluator.space

    @property
    def networks(self) -> Networks:
        """The networks that the evaluator measures."""
        return self.evaluator.networks

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy whose evaluator is bound to ``space``."""
        bound = super().bind(space, task=task, seed=seed)
        bound.evaluator = self.evaluator.bind(space, task=task, seed=seed)
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)`` and rename the metrics."""
        found = self.evaluator.evaluate(archs)
        return Evaluations({f"{self.scope}/{k}": v for k, v in found.items()}, found.reasons)

    def available(self, archs: Archs) -> Bools:
        """Tell which of ``archs: (n, d)`` can be evaluated: ``(n,)``."""
        return self.evaluator.available(archs)

    def listed(self) -> Archs | None:
        """List what can be evaluated: ``(k, d)``; ``None`` if that is any architecture."""
        return self.evaluator.listed()

    @property
    def capacity(self) -> int:
        """Number of architectures that can be evaluated."""
        return self.evaluator.capacity

    def parts(self) -> tuple[Evaluator, ...]:
        """Return the evaluator's parts, each with this scope."""
        inner = self.evaluator.parts()
        if inner == (self.evaluator,):
            return (self,)
        return tuple(Scoped(part, self.scope) for part in inner)

    @property
    def unscoped(self) -> Evaluator:
        """The evaluator without any scope."""
        return self.evaluator.unscoped

    def careful(self) -> Evaluator | None:
        """Return what measures the same more carefully, with this scope; ``None`` without any."""
        careful = self.evaluator.careful()
        return None if careful is None else Scoped(careful, self.scope)

    def again(self, repetition: int) -> Evaluator | None:
        """Return what measures with other seeds, with this scope; ``None`` without any."""
        again = self.evaluator.again(repetition)
        return None if again is None else Scoped(again, self.scope)

    def conditions(self) -> dict[str, str]:
        """Return the evaluator's circumstances of measuring."""
        return self.evaluator.conditions()

    def describe(self) -> dict[str, Any]:
        """Return the evaluator's description and the scope."""
        return {"evaluator": "scoped", "scope": self.scope, "of": self.evaluator.describe()}
