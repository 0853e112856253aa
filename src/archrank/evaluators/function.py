"""Measurement by a function of your own, called with the options of an architecture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import FAILURES, ArgumentError, EvaluationError, describe
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.identity import function_name
from archrank.metrics import Metric, read_metrics
from archrank.types import Archs


class Function(Evaluator):
    """Calls ``fn(config)`` for each architecture.

    ``config`` is ``{decision name: chosen option}`` of the active decisions, e.g.
    ``{"depth": 3, "width": 16}``; see :meth:`Space.config <archrank.spaces.Space.config>`. An
    exception, or a value that is not finite, is that architecture's NaN with a reason.

    Args:
        fn: returns a number, or ``{metric name: number}`` where there are several metrics. For
            worker processes it must be picklable: a function of a module, not a lambda.
        metrics: :class:`~archrank.metrics.Metric` objects, or names such as ``"accuracy"``, which
            tells its direction (see :mod:`archrank.metrics`), and ``"swaps:minimize"``, which does
            not; ``None`` takes the function's own attribute ``metrics``, and ``"score"`` if it has
            none.
        cheap: whether ``fn`` is cheap enough to filter candidates before they are proposed.

    Raises:
        EvaluationError: no metrics, or one twice.

    Example:
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"depth": [1, 2, 4]}, build=lambda config, task: None)
        >>> evaluator = Function(lambda config: 1 / (config["depth"] - 2)).bind(space)
        >>> result = evaluator.evaluate(space.enumerate())
        >>> result["score"].tolist(), result.reasons[1]
        ([-1.0, nan, 0.5], 'ZeroDivisionError: division by zero')
    """

    def __init__(
        self,
        fn: Callable[[dict[str, Any]], float | Mapping[str, float]],
        metrics: Sequence[Metric | str] | None = None,
        *,
        cheap: bool = False,
    ) -> None:
        if not callable(fn):
            raise ArgumentError(f"Function needs a function of a configuration, got {quoted(fn)}")
        if metrics is None:
            metrics = getattr(fn, "metrics", ("score",))
        self.fn = fn
        self.metrics = read_metrics(metrics, "Function")
        self.cheap = cheap
        names = [m.name for m in self.metrics]
        if not names or len(set(names)) != len(names):
            raise EvaluationError(f"Function needs one or more different metrics, got {names}")

    def evaluate(self, archs: Archs) -> Evaluations:
        """Call the function for each of ``archs: (n, d)``.

        Raises:
            EvaluationError: the function returned something else than the declared metrics.
        """
        archs = self.space.validate(archs)
        values = {m.name: np.full(len(archs), np.nan) for m in self.metrics}
        reasons: list[str | None] = [None] * len(archs)
        for i, arch in enumerate(archs):
            config = self.space.config(arch)
            try:
                returned = self.fn(dict(config))
            except FAILURES as error:
                reasons[i] = describe(error)
                continue
            measured = self._read(returned, config)
            bad = [f"{name} is {v}" for name, v in measured.items() if not math.isfinite(v)]
            reasons[i] = ", ".join(bad) or None
            for name, value in measured.items():
                values[name][i] = value if math.isfinite(value) else math.nan
        return Evaluations(values, reasons)

    def _read(self, returned: Any, config: dict[str, Any]) -> dict[str, float]:
        """Return the declared metrics from the returned value.

        Raises:
            EvaluationError: a metric is missing, or not a number.
        """
        names = [m.name for m in self.metrics]
        who = getattr(self.fn, "__name__", type(self.fn).__name__)
        if not isinstance(returned, Mapping):
            if len(names) > 1:
                raise EvaluationError(
                    f"{who}({config}) returned {returned!r}; with the metrics {', '.join(names)} "
                    "it must return {metric name: number}"
                )
            returned = {names[0]: returned}
        lacking = [name for name in names if name not in returned]
        if lacking:
            raise EvaluationError(
                f"{who}({config}) returned {', '.join(map(str, returned)) or 'nothing'} but not "
                f"{', '.join(lacking)}; return every metric of {who}.metrics"
            )
        try:
            return {name: float(returned[name]) for name in names}
        except (TypeError, ValueError):
            raise EvaluationError(
                f"{who}({config}) returned {dict(returned)!r}; metrics must be numbers"
            ) from None

    def describe(self) -> dict[str, Any]:
        """Return the function's name and the metrics. A change of its code is not noticed."""
        return {
            "evaluator": "function",
            "function": function_name(self.fn),
            "metrics": {m.name: m.direction for m in self.metrics},
        }
