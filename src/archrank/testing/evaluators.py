"""The contract of evaluators."""

from __future__ import annotations

import pickle

import numpy as np

from archrank.errors import EvaluationError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.evaluators.combined import Combined
from archrank.evaluators.told import Told
from archrank.spaces.base import Space
from archrank.testing._require import require, require_description, require_raises
from archrank.types import Archs


def check_evaluator(
    evaluator: Evaluator, space: Space, *, n: int = 8, seed: int = 0, repeatable: bool = True
) -> None:
    """Check that ``evaluator`` keeps the contract of :class:`~archrank.evaluators.Evaluator`.

    Of :class:`~archrank.evaluators.Told` and whatever contains it, which measure nothing here, all
    but the values is checked, and that measuring is refused.

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
    require(1 <= bound.capacity <= space.size, f"{name}: capacity must lie in 1..{space.size}")
    if any(isinstance(part.unscoped, Told) for part in bound.parts()):
        require_raises(EvaluationError, lambda: bound.evaluate(archs), f"{name}: evaluate")
        _check_parts(bound, archs, None, name)
        _check_scope(evaluator, bound, name)
        require(
            pickle.loads(pickle.dumps(bound)).describe() == bound.describe(),
            f"{name}: differs once pickled",
        )
        return
    before = archs.copy()
    result = _check_result(bound, archs, name)
    require((archs == before).all(), f"{name}: evaluate wrote into its input")
    _check_available(bound, archs, result, name)
    _check_parts(bound, archs, result if repeatable else None, name)
    _check_scope(evaluator, bound, name)
    thawed = pickle.loads(pickle.dumps(bound))
    again = _check_result(thawed, archs, name)
    _check_result(bound, archs[:0], name)
    if not repeatable:
        return
    _check_again(bound, archs, name)
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
    wrong = [n for n in names if set(n) & set(":<>=")]
    require(not wrong, f"{name}: metric names without : < > =, which constraints use; got {wrong}")
    require(
        isinstance(evaluator.group_size, int) and evaluator.group_size >= 1,
        f"{name}: group_size must be a number from 1, got {evaluator.group_size!r}",
    )
    for metric in evaluator.metrics:
        require(
            metric.direction in ("maximize", "minimize", None),
            f"{name}: direction of {metric.name!r} is {metric.direction!r}",
        )


def _check_available(evaluator: Evaluator, archs: Archs, result: Evaluations, name: str) -> None:
    n = len(archs)
    available = evaluator.available(archs)
    require(
        available.shape == (n,) and available.dtype == np.bool_,
        f"{name}: available must give bool ({n},)",
    )
    for i in np.flatnonzero(~available):
        require(
            result.reasons[i] is not None,
            f"{name}: row {i} is not available, so it must be NaN with a reason",
        )
    distinct = len(np.unique(archs[available], axis=0))
    require(
        distinct <= evaluator.capacity,
        f"{name}: {distinct} architectures are available, but capacity is {evaluator.capacity}",
    )


def _check_again(bound: Evaluator, archs: Archs, name: str) -> None:
    """Check that what measures with other seeds measures some of the metrics, always alike."""
    again = bound.again(1)
    if again is None:
        return
    known = {metric.name for metric in bound.metrics}
    require(
        {metric.name for metric in again.metrics} <= known,
        f"{name}: again must measure metrics of the evaluator",
    )
    twice = [again.evaluate(archs), pickle.loads(pickle.dumps(again)).evaluate(archs)]
    for metric in again.metrics:
        first, second = (found[metric.name] for found in twice)
        require(
            np.array_equal(first, second, equal_nan=True),
            f"{name}: again(1) must give the same {metric.name} each time",
        )


def _check_parts(evaluator: Evaluator, archs: Archs, result: Evaluations | None, name: str) -> None:
    """Check the parts; their values too, if ``result`` holds those of the whole."""
    parts = evaluator.parts()
    require(
        isinstance(parts, tuple) and parts and all(isinstance(p, Evaluator) for p in parts),
        f"{name}: parts() must give one evaluator or more, as a tuple",
    )
    measured = [m for part in parts for m in part.metrics]
    require(
        measured == list(evaluator.metrics),
        f"{name}: its parts measure {[m.name for m in measured]}, but its metrics are "
        f"{[m.name for m in evaluator.metrics]}",
    )
    require(
        evaluator.cheap == all(part.cheap for part in parts),
        f"{name}: it must be cheap exactly if all of its parts are",
    )
    available = np.ones(len(archs), dtype=bool)
    for part in parts:
        require(part.parts() == (part,), f"{name}: parts() must be flat, {part!r} has parts again")
        require(
            part.space.choices == evaluator.space.choices,
            f"{name}: its part {type(part).__name__} is bound to another space",
        )
        available &= part.available(archs)
        if result is not None and part is not evaluator:
            for metric, values in part.evaluate(archs).items():
                require(
                    np.array_equal(values, result[metric], equal_nan=True),
                    f"{name}: its part {type(part).__name__} measures another {metric!r}",
                )
    require(
        (available == evaluator.available(archs)).all(),
        f"{name}: available must be what all of its parts can evaluate",
    )


def _check_scope(evaluator: Evaluator, bound: Evaluator, name: str) -> None:
    """Check that two scopes tell the evaluator from itself."""
    conditions = evaluator.conditions()
    require(
        isinstance(conditions, dict)
        and all(isinstance(x, str) for pair in conditions.items() for x in pair),
        f"{name}: conditions() must map strings to strings, got {conditions!r}",
    )
    require(
        conditions == bound.conditions(),
        f"{name}: conditions() must not change when it is bound",
    )
    twice = Combined(first=evaluator, second=evaluator)
    found = [m.name for m in twice.metrics]
    expected = [f"{s}/{m.name}" for s in ("first", "second") for m in evaluator.metrics]
    require(found == expected, f"{name}: with scopes it measures {found}, expected {expected}")


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
