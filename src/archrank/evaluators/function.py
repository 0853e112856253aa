"""Measurement by a function of your own, called with the options of an architecture."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance, quoted, whole
from archrank.errors import FAILURES, ArgumentError, EvaluationError, describe
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.evaluators.repeated import mean_and_spread, seeds_of, with_spread
from archrank.identity import function_name, json_value
from archrank.metrics import Metric, read_metrics
from archrank.signatures import signature
from archrank.types import Archs

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task


class Function(Evaluator):
    """Calls ``fn(config)`` for each architecture.

    ``config`` is ``{decision name: chosen option}`` of the active decisions, e.g.
    ``{"depth": 3, "width": 16}``; see :meth:`Space.config <archrank.spaces.Space.config>`. An
    exception, or a value that is not finite, is that architecture's NaN with a reason.

    A function with a parameter ``seed`` gets one, which depends on the study's seed, the
    architecture and the number of the run alone.

    Args:
        fn: returns a number, or ``{metric name: number}`` where there are several metrics. For
            worker processes it must be picklable: a function of a module, not a lambda.
        metrics: :class:`~archrank.metrics.Metric` objects, or names such as ``"accuracy"``, which
            tells its direction (see :mod:`archrank.metrics`), and ``"swaps:minimize"``, which does
            not; ``None`` takes the function's own attribute ``metrics``, and ``"score"`` if it has
            none.
        cheap: whether ``fn`` is cheap enough to filter candidates before they are proposed.
        runs: calls per architecture with different seeds. Of several, metrics are their means, and
            there are the standard deviations, such as ``accuracy_std``.
        arguments: further arguments by name, such as ``{"device": "cuda"}``.

    Raises:
        EvaluationError: no metrics, or one twice; several runs of a function that takes no seed, or
            an argument that it does not take.

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
        fn: Callable[..., float | Mapping[str, float]],
        metrics: Sequence[Metric | str] | None = None,
        *,
        cheap: bool = False,
        runs: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(fn):
            raise ArgumentError(f"Function needs a function of a configuration, got {quoted(fn)}")
        if metrics is None:
            metrics = getattr(fn, "metrics", ("score",))
        self.fn = fn
        self._measured = read_metrics(metrics, "Function")
        self.cheap = cheap
        self.runs = whole(runs, "Function: runs", at_least=1, error=EvaluationError)
        self.arguments = dict(instance(arguments or {}, Mapping, "Function: arguments"))
        self.seed = 0
        self._first = 0  # number of the first run; repetitions have later ones
        names = [m.name for m in self._measured]
        if not names or len(set(names)) != len(names):
            raise EvaluationError(f"Function needs one or more different metrics, got {names}")
        self.metrics = with_spread(self._measured, self.runs)
        takes = taken(fn)
        self._takes_seed = "seed" in takes and "seed" not in self.arguments
        if runs > 1 and not self._takes_seed:
            raise EvaluationError(
                f"{runs} runs with different seeds: {name_of(fn)} takes no seed; give it a "
                "parameter seed"
            )
        missing = next((name for name in self.arguments if name not in takes), None)
        if missing is not None and not takes_any(fn):
            raise EvaluationError(f"{name_of(fn)} has no parameter {missing}")

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, seeded with ``seed``."""
        bound = super().bind(space, task=task, seed=seed)
        bound.seed = seed
        return bound

    def evaluate(self, archs: Archs) -> Evaluations:
        """Call the function for each of ``archs: (n, d)``.

        Raises:
            EvaluationError: the function returned something else than the declared metrics.
        """
        archs = self.space.validate(archs)
        values = np.full((len(archs), len(self.metrics)), np.nan)
        reasons: list[str | None] = [None] * len(archs)
        for i, arch in enumerate(archs):
            config = self.space.config(arch)
            try:
                measured = [
                    self._call(arch, dict(config), self._first + run) for run in range(self.runs)
                ]
            except FAILURES as error:
                reasons[i] = describe(error, line=True)
                continue
            rows = [list(self._read(returned, config).values()) for returned in measured]
            values[i] = mean_and_spread(np.array(rows))
            named = zip(self.metrics, values[i].tolist(), strict=True)
            reasons[i] = ", ".join(f"{m.name} is {v}" for m, v in named if not isfinite(v)) or None
            values[i, ~np.isfinite(values[i])] = np.nan
        return Evaluations({m.name: values[:, j] for j, m in enumerate(self.metrics)}, reasons)

    def _call(self, arch: NDArray[np.uint8], config: dict[str, Any], run: int) -> Any:
        more = dict(self.arguments)
        if self._takes_seed:
            more["seed"] = seeds_of(self.seed, arch, run)[1]
        return self.fn(config, **more)

    def _read(self, returned: Any, config: dict[str, Any]) -> dict[str, float]:
        """Return the declared metrics from the returned value.

        Raises:
            EvaluationError: a metric is missing, or not a number.
        """
        names = [m.name for m in self._measured]
        call = f"{name_of(self.fn)}({config}) returned"
        if isinstance(returned, Mapping):
            found = dict(returned)
        elif len(names) == 1:
            found = {names[0]: returned}
        else:
            raise EvaluationError(
                f"{call} {quoted(returned)}; with the metrics {', '.join(names)} it must return "
                "{metric name: number}"
            )
        lacking = [name for name in names if name not in found]
        if lacking:
            listed = ", ".join(map(str, found)) or "nothing"
            raise EvaluationError(
                f"{call} {listed} but not {', '.join(lacking)}; {self._remedy(found)}"
            )
        try:
            return {name: float(found[name]) for name in names}
        except (TypeError, ValueError, RuntimeError, OverflowError):  # torch's, and of huge ones
            form = ", ".join(f"{name!r}: number" for name in names)
            either = f"a number or {{{form}}}" if len(names) == 1 else f"{{{form}}}"
            hint = "; is a return missing?" if returned is None else ""
            raise EvaluationError(f"{call} {quoted(returned)}, expected {either}{hint}") from None

    def _remedy(self, found: Mapping[Any, Any]) -> str:
        """Say what to do where the function returns ``found`` and not what is measured."""
        who, names = name_of(self.fn), [m.name for m in self._measured]
        other = next((name for name in found if isinstance(name, str) and name not in names), None)
        if hasattr(self.fn, "metrics"):
            return f"return every metric of {who}.metrics"
        if other is None:
            return "return every metric"
        if names == ["score"]:  # nobody has said what it measures
            return (
                f"say what it measures: {who}.metrics = [{other!r}] in the file, or --metric "
                f"{other}"
            )
        return (
            f"return it, too, or ask for {other}: --metric {other}, in Python metrics=[{other!r}]"
        )

    def again(self, repetition: int) -> Function | None:
        """Return a copy that calls the function with other seeds; ``None`` if it takes no seed."""
        if not self._takes_seed:
            return None
        other = copy(self)
        other._first = repetition * self.runs
        return other

    def describe(self) -> dict[str, Any]:
        """Return the function's name, metrics, runs and further arguments.

        A change of its code is not noticed.
        """
        more: dict[str, Any] = {"runs": self.runs} if self.runs > 1 else {}
        if self.arguments:
            more["arguments"] = {name: json_value(v) for name, v in self.arguments.items()}
        return {
            "evaluator": "function",
            "function": function_name(self.fn),
            "metrics": {m.name: m.direction for m in self._measured},
            **more,
        }


def name_of(function: object) -> str:
    """Return the name of a function, or of the class of an object that can be called."""
    return str(getattr(function, "__name__", type(function).__name__))


def taken(function: Callable[..., Any]) -> frozenset[str]:
    """Return the names of a function's parameters; none where it does not tell."""
    return frozenset(_parameters(function))


def takes_any(function: Callable[..., Any]) -> bool:
    """Tell whether a function takes arguments of any name, by ``**more``."""
    kinds = {parameter.kind for parameter in _parameters(function).values()}
    return inspect.Parameter.VAR_KEYWORD in kinds


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return signature(function).parameters
    except (TypeError, ValueError):  # some of Python's own say nothing
        return {}
