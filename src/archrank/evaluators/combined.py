"""Several evaluators as one, e.g. accuracy from training and costs from the shape."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space


class Combined(Evaluator):
    """Measures with each evaluator and merges metrics and reasons.

    Args:
        evaluators: their metrics must have different names.

    Raises:
        EvaluationError: none given, or a metric name that occurs twice.

    Example:
        >>> from archrank.evaluators import Cost, Function
        >>> both = Combined(Function(lambda config: 1.0, ["accuracy"]), Cost())
        >>> [m.name for m in both.metrics]
        ['accuracy', 'macs', 'params']
    """

    def __init__(self, *evaluators: Evaluator) -> None:
        if not evaluators:
            raise EvaluationError("Combined needs at least one evaluator, got none")
        self.evaluators = evaluators
        self.metrics = tuple(m for e in evaluators for m in e.metrics)
        self.immediate = all(e.immediate for e in evaluators)
        self.together = max(e.together for e in evaluators)
        repeated = [n for n, count in Counter(m.name for m in self.metrics).items() if count > 1]
        if repeated:
            who = [
                type(e).__name__ for e in evaluators if repeated[0] in {m.name for m in e.metrics}
            ]
            raise EvaluationError(
                f"metric {repeated[0]!r} is measured by {' and '.join(who)}; leave one of them out "
                "or rename its metric"
            )

    def bind(self, space: Space, *, seed: int = 0) -> Self:
        """Return a copy whose evaluators are all bound to one space.

        A part may narrow the space (training builds networks for its task); the others, costs
        among them, then evaluate the narrowed one.
        """
        for evaluator in self.evaluators:
            space = evaluator.bind(space, seed=seed).space
        bound = super().bind(space, seed=seed)
        bound.evaluators = tuple(e.bind(space, seed=seed) for e in self.evaluators)
        return bound

    def immediate_part(self) -> Evaluator | None:
        """The parts that answer at once, combined."""
        parts = [part for e in self.evaluators if (part := e.immediate_part()) is not None]
        if not parts:
            return None
        combined = Combined(*parts)
        combined._space = self._space
        return combined

    def evaluate(self, archs: Archs) -> Evaluations:
        """Measure ``archs: (n, d)`` with each evaluator; reasons are joined by ``; ``."""
        parts = [e.evaluate(archs) for e in self.evaluators]
        values = {name: v for part in parts for name, v in part.items()}
        reasons = [
            "; ".join(dict.fromkeys(r for r in row if r)) or None
            for row in zip(*(part.reasons for part in parts), strict=True)
        ]
        return Evaluations(values, reasons)

    def covers(self, archs: Archs) -> Bools:
        """Which of ``archs: (n, d)`` every part can evaluate: ``(n,)``."""
        covered = np.ones(len(archs), dtype=bool)
        for evaluator in self.evaluators:
            covered &= evaluator.covers(archs)
        return covered

    @property
    def capacity(self) -> int:
        """The least of the parts' capacities."""
        return min(e.capacity for e in self.evaluators)

    def describe(self) -> dict[str, Any]:
        """The descriptions of all parts."""
        return {"evaluator": "combined", "parts": [e.describe() for e in self.evaluators]}
