"""The contract of evaluators."""

from __future__ import annotations

import pickle

import numpy as np

from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.spaces.base import Space
from archrank.testing._require import require, require_description, require_raises
from archrank.types import Archs


def check_evaluator(
    evaluator: Evaluator, space: Space, *, n: int = 8, seed: int = 0, repeatable: bool = True
) -> None:
    """Check that ``evaluator`` keeps the contract of :class:`~archrank.evaluators.Evaluator`.

    Args:
        evaluator: not bound to a space yet.
        space: what it shall evaluate.
        n: architectures to evaluate (a few times); small for evaluators that train.
        seed: draws them.
        repeatable: whether measuring twice gives the same; not so for a clock.

    Raises:
        AssertionError: it does not; says where.
    """
    name = type(evaluator).__name__
    _check_metrics(evaluator, name)
    require_raises(EvaluationError, lambda: evaluator.space, f"{name}: space before bind")
    bound = evaluator.bind(space, seed=seed)
    require(
        bound.space.choices == space.choices,
        f"{name}: bind(space).space must be that space, or the same choices for a task",
    )
    require_raises(
        EvaluationError,
        lambda: evaluator.space,
        f"{name}: bind must return a bound copy",
    )
    require_description(bound.describe(), name)
    archs = space.sample(n, rng=np.random.default_rng(seed))
    part = bound.immediate_part()
    require(
        part is None or (part.immediate and {*part.metrics} <= {*bound.metrics}),
        f"{name}: immediate_part() must be immediate and measure some of its metrics",
    )
    covers = bound.covers(archs)
    require(
        covers.shape == (n,) and covers.dtype == np.bool_, f"{name}: covers must give bool ({n},)"
    )
    require(1 <= bound.capacity <= space.size, f"{name}: capacity must lie in 1..{space.size}")
    before = archs.copy()
    result = _check_result(bound, archs, name)
    require((archs == before).all(), f"{name}: evaluate wrote into its input")
    thawed = pickle.loads(pickle.dumps(bound))
    again = _check_result(thawed, archs, name)
    _check_result(bound, archs[:0], name)
    if not repeatable:
        return
    _require_equal(result, again, slice(None), f"{name}: differs once pickled")
    _require_equal(result, bound.evaluate(archs), slice(None), f"{name}: differs the second time")
    _require_equal(
        result,
        bound.evaluate(archs[1:3]),
        slice(1, 3),
        f"{name}: a result depends on what else is evaluated with it",
    )


def _check_metrics(evaluator: Evaluator, name: str) -> None:
    names = [m.name for m in evaluator.metrics]
    require(names, f"{name}: metrics must not be empty")
    require(len(set(names)) == len(names), f"{name}: metric names must differ, got {names}")
    for metric in evaluator.metrics:
        require(
            metric.direction in ("maximize", "minimize"),
            f"{name}: direction of {metric.name!r} is {metric.direction!r}",
        )


def _check_result(evaluator: Evaluator, archs: Archs, name: str) -> Evaluations:
    n = len(archs)
    result = evaluator.evaluate(archs)
    expected = {m.name for m in evaluator.metrics}
    require(
        set(result) == expected,
        f"{name}: evaluate must return its metrics {sorted(expected)}, got {sorted(result)}",
    )
    require(len(result.reasons) == n, f"{name}: {len(result.reasons)} reasons for {n} rows")
    failed = np.zeros(n, dtype=bool)
    for metric, values in result.items():
        require(values.shape == (n,), f"{name}: {metric!r} must be ({n},), got {values.shape}")
        require(not np.isinf(values).any(), f"{name}: {metric!r} is infinite; use NaN and a reason")
        failed |= np.isnan(values)
    explained = np.array([reason is not None for reason in result.reasons], dtype=bool)
    require(
        (failed == explained).all(), f"{name}: an architecture is NaN exactly if it has a reason"
    )
    return result


def _require_equal(a: Evaluations, b: Evaluations, rows: slice, message: str) -> None:
    for metric, values in a.items():
        require(np.array_equal(values[rows], b[metric], equal_nan=True), f"{message} ({metric})")
    require(a.reasons[rows] == b.reasons, f"{message} (reasons)")
