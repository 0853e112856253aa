"""Compare runs: read them, group them, and say what a reader must know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from archrank.checks import number, whole
from archrank.comparison.comparison import Comparison, Target
from archrank.comparison.curves import Measure, best_so_far, measure_of, spent
from archrank.comparison.groups import Group, changes, grouped
from archrank.comparison.runs import Comparable, Compared, read_runs
from archrank.errors import BudgetError, SettingsError
from archrank.types import Floats

SHORT = "promoted"  # strategy that short trainings were made for, which are a run of their own


def compare(
    runs: Sequence[Comparable],
    *,
    metric: str | None = None,
    cost: str | None = None,
    budget: int | None = None,
    target: float | None = None,
) -> Comparison:
    """Compare runs that searched the same space by the same measurements.

    Runs that differ in their seed alone are a group, named by what it differs in from the others.

    Args:
        runs: run folders, folders of runs, database files, studies or results.
        metric: metric to compare, ``name`` or ``name:minimize``; of what is best so far by the
            run's objective, unless it is an objective. ``None`` is the objective; of several the
            hypervolume.
        cost: metric that is added up along the second curve, such as ``cpu_seconds``; ``None`` is
            the run's working time.
        budget: number of evaluations after which they are compared; ``None`` is as many as every
            run has.
        target: value to reach, in the metric's unit; ``None`` is the mean of the group that is
            last.

    Raises:
        StorageError: a run is missing or cannot be read.
        SettingsError: runs that do not compare, fewer than two, or one twice; a target that cannot
            be one.
        UnknownNameError: no such metric.
        ObjectiveError: a direction that nobody tells.
        BudgetError: more evaluations than a run has, or none.
        ArgumentError: runs that are no runs.

    Example:
        >>> import archrank as ar
        >>> space = ar.spaces.NASBench201()
        >>> def search(seed: int, batch: int) -> ar.Study:
        ...     strategy = ar.strategies.Random(batch)
        ...     return ar.Study(space, ar.evaluators.Cost(), strategy, seed=seed).run(12)
        >>> studies = [search(seed, batch) for batch in (2, 3) for seed in (0, 1)]
        >>> [group.name for group in compare(studies).groups]
        ['random, batch size 2', 'random, batch size 3']
    """
    found = read_runs(runs)
    measure = measure_of(found, metric)
    groups = grouped(found, None if metric is None else measure.metric.name)
    ordered = [run for group in groups for run in group.runs]
    for run in ordered:
        if not run.results.ok.any():
            raise SettingsError(
                f"{run.name} has no evaluation that succeeded: leave it out, or search on"
            )
    lengths = [len(run.results.records) for run in ordered]
    after = _budget(ordered, lengths, budget)
    best, costs = best_so_far(ordered, measure), spent(ordered, cost)
    sizes = [len(group.runs) for group in groups]
    nested, nested_costs = _nested(best, sizes), _nested(costs, sizes)
    return Comparison(
        groups,
        measure,
        nested,
        nested_costs,
        "working time (s)" if cost is None else cost,
        after,
        _target(groups, nested, measure, after, target),
        (
            *_unfinished(ordered, lengths, after, budget),
            *_nothing(ordered, best, after),
            *_uncounted(groups),
            *changes(ordered),
        ),
    )


def _nested(arrays: Sequence[Floats], sizes: Sequence[int]) -> tuple[tuple[Floats, ...], ...]:
    """Divide arrays of runs into groups of ``sizes``."""
    left = iter(arrays)
    return tuple(tuple(next(left) for _ in range(size)) for size in sizes)


def _budget(runs: Sequence[Compared], lengths: Sequence[int], budget: int | None) -> int:
    """Return the number of evaluations after which runs are compared.

    Raises:
        BudgetError: more than a run has, or less than 1.
    """
    if budget is None:
        return min(lengths)
    budget = whole(budget, "compare: budget", at_least=1, error=BudgetError)
    short = [(run.name, n) for run, n in zip(runs, lengths, strict=True) if n < budget]
    if short:
        named = ", ".join(f"{name} has {n}" for name, n in short[:3])
        more = f" and {len(short) - 3} more have fewer, too" if len(short) > 3 else ""
        raise BudgetError(
            f"budget {budget}: {named}{more}; leave runs out, or compare after --budget "
            f"{min(lengths)}"
        )
    return budget


def _target(
    groups: Sequence[Group],
    best: Sequence[Sequence[Floats]],
    measure: Measure,
    after: int,
    typed: float | None,
) -> Target | None:
    """Return the value to reach.

    Raises:
        SettingsError: a share that is more than 1.
    """
    sign, name = measure.objective.sign, measure.metric.name
    if typed is not None:
        value = number(typed, "compare: target")
        if measure.metric.unit == "fraction" and abs(value) > 1:
            raise SettingsError(
                f"target {value:g}: {name} is a fraction, from 0 to 1; write {value / 100:g} for "
                f"{value:g} %"
            )
        return Target(sign * value, "as asked for")
    ends = [np.array([run[after - 1] for run in runs]) for runs in best]
    means = [end[np.isfinite(end)].mean() if np.isfinite(end).any() else math.nan for end in ends]
    if not np.isfinite(means).any():
        return None
    last = int(np.nanargmin(means))
    reason = f"the mean of {groups[last].name}"
    return Target(means[last], reason if len(groups) == 1 else f"{reason}, which is last")


def _unfinished(
    runs: Sequence[Compared], lengths: Sequence[int], after: int, budget: int | None
) -> Iterator[str]:
    for run, n in zip(runs, lengths, strict=True):
        if run.searching:
            yield f"{run.name} is still searching: {n} evaluations so far"
    most = max(lengths)
    short = [f"{run.name} ({n})" for run, n in zip(runs, lengths, strict=True) if n < most]
    if short:
        listed = ", ".join(short[:5]) + (f" and {len(short) - 5} more" if len(short) > 5 else "")
        after_what = "" if budget is not None else f", so all are compared after {after}"
        yield f"not all runs have {most} evaluations: {listed}{after_what}"


def _nothing(runs: Sequence[Compared], best: Sequence[Floats], after: int) -> Iterator[str]:
    """Say which runs had nothing feasible by then, which means leave out."""
    for run, values in zip(runs, best, strict=True):
        if not math.isfinite(values[after - 1]):
            yield (
                f"{run.name} had found nothing after {after} evaluations that keeps "
                f"{', '.join(map(str, run.results.constraints))}; means leave it out"
            )


def _uncounted(groups: Sequence[Group]) -> Iterator[str]:
    """Say which groups have trained more than their evaluations."""
    for group in groups:
        results = group.runs[0].results
        if results.description.identity["strategy"].get("strategy") == SHORT:
            yield f"{group.name} made short trainings first, which are not counted here"
        if any(run.results.repetitions for run in group.runs):
            yield f"{group.name} trained some architectures again (--confirm): not counted here"
