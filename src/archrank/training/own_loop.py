"""Training loops of users: called, and what they return read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import nn

from archrank.errors import FAILURES, EvaluationError, describe
from archrank.isolation import busy
from archrank.torch_state import seeded
from archrank.training.loop import TrainingResult

if TYPE_CHECKING:
    from archrank.tasks.base import Task

Trainer: TypeAlias = Callable[[nn.Module, "Task", int, str], float | Mapping[str, float]]
"""``trainer(network, task, seed, device)`` trains in place and returns metrics."""


def train_with(
    trainer: Trainer,
    network: nn.Module,
    task: Task,
    *,
    metrics: Sequence[str],
    seed: int,
    device: str = "cpu",
) -> TrainingResult:
    """Train ``network`` with a loop of the user's.

    Torch's global generators are seeded with ``seed`` before the call and put back afterwards, so
    that a loop which draws from them repeats. An exception, and a metric that is missing, make the
    result a diverged one that says why.

    Args:
        trainer: Called as ``trainer(network, task, seed, device)``; trains the network in place
            and returns ``{metric: number}``, or one number for the first metric.
        network: Freshly initialised, on the CPU.
        task: Passed on.
        metrics: Names of what is returned; other values are left out.
        seed: Passed on.
        device: Passed on.

    Raises:
        EvaluationError: None of the returned names is one of ``metrics``.
    """
    start = time.perf_counter()
    try:
        with busy(), seeded(seed, device):
            returned = trainer(network, task, seed, device)
    except FAILURES as error:
        found, reason = dict.fromkeys(metrics, math.nan), describe(error, line=True)
    else:
        found, problem = _read(returned, metrics, trainer)
        reason = problem or ""
    return TrainingResult(found, time.perf_counter() - start, diverged=reason or None)


def _read(
    returned: Any, metrics: Sequence[str], trainer: Trainer
) -> tuple[dict[str, float], str | None]:
    """Return the metrics, NaN where there is none, and what is wrong with them."""
    who = getattr(trainer, "__name__", type(trainer).__name__)
    if not isinstance(returned, Mapping):
        returned = {metrics[0]: returned}
        if len(metrics) > 1:
            return dict.fromkeys(metrics, math.nan), (
                f"trainer {who} returned {returned[metrics[0]]!r}, expected "
                f"{{name: number}} with {', '.join(metrics)}"
            )
    if returned and not set(metrics) & set(returned):
        raise EvaluationError(
            f"trainer {who} returned {_listed(returned)}, expected {_listed(metrics)}: declare "
            f"what it returns, Training(task, trainer={who}, metrics=[{_quoted(returned)}]), or "
            "return the expected names"
        )
    found, problems = {}, []
    for name in metrics:
        found[name] = math.nan
        if name not in returned:
            problems.append(f"trainer {who} returned no {name}")
            continue
        try:
            found[name] = float(returned[name])
        except (TypeError, ValueError, RuntimeError, OverflowError):  # torch's, and of huge ones
            problems.append(f"trainer {who} returned {name} = {returned[name]!r}, not a number")
    return found, "; ".join(problems) or None


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))


def _quoted(names: Any) -> str:
    return ", ".join(repr(str(name)) for name in names)
