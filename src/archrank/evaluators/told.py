"""Values that are told: somebody else evaluates."""

from __future__ import annotations

from typing import Any

from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric, read_metrics
from archrank.types import Archs


class Told(Evaluator):
    """Values that somebody else measures: a cluster, a colleague, another program.

    A study with it is asked what to evaluate and told what came out (:meth:`.Study.ask`,
    :meth:`.Study.tell`). With evaluators of costs in a :class:`.Combined`, limits on costs keep
    architectures from being asked for.

    Args:
        metrics: :class:`~archrank.metrics.Metric` objects, or names such as ``"accuracy"``, which
            tells its direction, and ``"swaps:minimize"``, which does not.

    Raises:
        EvaluationError: no metrics, or one twice.

    Example:
        >>> [m.direction for m in Told("accuracy", "latency_ms").metrics]
        ['maximize', 'minimize']
    """

    def __init__(self, *metrics: Metric | str) -> None:
        self.metrics = read_metrics(metrics, "Told")
        names = [m.name for m in self.metrics]
        if not names or len(set(names)) != len(names):
            raise EvaluationError(f"Told needs one or more different metrics, got {names}")

    def evaluate(self, archs: Archs) -> Evaluations:
        """Refuse: values are told.

        Raises:
            EvaluationError: always.
        """
        names = ", ".join(m.name for m in self.metrics)
        raise EvaluationError(
            f"{names} cannot be measured here, only told: archrank ask says what to evaluate, "
            "archrank tell takes what came out (in Python study.ask and study.tell)"
        )

    def describe(self) -> dict[str, Any]:
        """Return the metrics with their directions."""
        return {"evaluator": "told", "metrics": {m.name: m.direction for m in self.metrics}}
