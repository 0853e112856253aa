"""Curves of runs: the best so far after each evaluation, and over time or another cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archrank.comparison.runs import Compared
from archrank.comparison.statistics import half_width
from archrank.errors import SettingsError
from archrank.metrics import Metric, find_metric, find_objective
from archrank.report.volumes import running_volumes, scaled_losses
from archrank.study.objectives import Goals, Objective
from archrank.study.results import Results
from archrank.types import Floats

POINTS = 400  # of a curve at most
VOLUME = Metric("hypervolume", "maximize", "fraction")
"""Share of the front of all runs together that a run's front dominates."""


@dataclass(frozen=True)
class Measure:
    """Quantity that runs are compared in.

    Attributes:
        metric: its name and unit.
        objective: its direction.
        meaning: sentence that says what a curve shows.
    """

    metric: Metric
    objective: Objective
    meaning: str


def measure_of(runs: Sequence[Compared], typed: str | None) -> Measure:
    """Return what runs are compared in.

    Args:
        runs: of the comparison.
        typed: a metric, its direction after a colon where its name does not tell; ``None`` is the
            runs' objective, of several the hypervolume.

    Raises:
        UnknownNameError: no such metric.
        ObjectiveError: a direction that nobody tells.
        SettingsError: a run has not measured it.
    """
    goals = runs[0].results.goals
    if typed is None and len(goals.objectives) > 1:
        meaning = (
            "Hypervolume of the front of feasible evaluations so far, as a share of that of all "
            "runs together; objectives are scaled to the range of all runs, and the reference "
            "point is 10 % beyond their worst"
        )
        return Measure(VOLUME, Objective(VOLUME.name), meaning)
    asked = str(goals.objectives[0]) if typed is None else _directed(typed, goals)
    metric, direction = find_objective(asked, runs[0].results.description.metrics)
    for run in runs:
        if metric.name not in run.results.metrics:
            raise SettingsError(
                f"{run.name} has not measured {metric.name}, which {runs[0].name} has; name a "
                "metric of both with --metric"
            )
    if all(metric.name in {o.metric for o in run.results.objectives} for run in runs):
        meaning = f"Best {metric.name} of feasible evaluations so far"
    else:
        meaning = f"{metric.name} of what is best so far by the objective of the run"
    return Measure(metric, Objective(metric.name, direction), meaning)


def _directed(typed: str, goals: Goals) -> str:
    """Return what was typed, with the direction of the objective of this name if there is one."""
    known = {o.metric: str(o) for o in goals.objectives}
    return known.get(typed, typed)


def best_so_far(runs: Sequence[Compared], measure: Measure) -> list[Floats]:
    """Return what each run had reached after each evaluation: ``(n,)``, higher is better.

    NaN before its first feasible evaluation.
    """
    if measure.metric is VOLUME:  # a metric of the user's may be called so
        return _volumes([run.results for run in runs])
    return [_best(run.results, measure.objective) for run in runs]


def _best(results: Results, objective: Objective) -> Floats:
    values = objective.sign * results.column(objective.metric)
    leads = values if objective in results.objectives else results.matrix[:, 0]
    leads = np.where(results.feasible, leads, -np.inf)
    top = np.maximum.accumulate(leads)
    is_new = top > np.concatenate([[-np.inf], top[:-1]])
    row = np.maximum.accumulate(np.where(is_new, np.arange(len(top)), -1))  # of the best so far
    return np.where(row >= 0, values[row], np.nan)


def _volumes(found: Sequence[Results]) -> list[Floats]:
    """Return the hypervolumes of fronts so far, as shares of that of all runs together."""
    points = np.concatenate([results.matrix for results in found])
    feasible = np.concatenate([results.feasible for results in found])
    ok = np.concatenate([results.ok for results in found])
    ends = np.cumsum([len(results.matrix) for results in found])[:-1]
    losses = scaled_losses(points, ok)
    whole = running_volumes(losses, feasible)[-1] or 1.0
    parts = zip(np.split(losses, ends), np.split(feasible, ends), strict=True)
    return [running_volumes(part, usable) / whole for part, usable in parts]


def spent(runs: Sequence[Compared], cost: str | None) -> list[Floats]:
    """Return what each run had spent after each evaluation: ``(n,)``, in proposal order.

    Args:
        runs: of the comparison.
        cost: a metric that is added up over evaluations, failed ones without it being free;
            ``None`` is the run's working time in seconds.

    Raises:
        SettingsError: a run has not measured it, or it is negative.
    """
    if cost is None:
        ends = [np.array([r.elapsed for r in run.results.records]) for run in runs]
        return [np.maximum.accumulate(end) for end in ends]  # workers finish in any order
    totals = []
    for run in runs:
        metric = find_metric(cost, run.results.description.metrics)
        values = np.nan_to_num(run.results.column(metric.name), nan=0.0)
        if (values < 0).any():
            raise SettingsError(
                f"--cost {cost}: {run.name} has {values.min():g}, and no cost is below 0; name a "
                "metric such as cpu_seconds"
            )
        totals.append(np.cumsum(values))
    return totals


@dataclass(frozen=True)
class Curve:
    """Mean of a group's runs along an axis, with the interval of the mean; all ``(k,)``.

    Attributes:
        x: places, ascending.
        mean: of the runs.
        low: lower end of the interval; NaN of a single run.
        high: upper end.
    """

    x: Floats
    mean: Floats
    low: Floats
    high: Floats


def mean_curve(xs: Sequence[Floats], ys: Sequence[Floats], *, whole: bool = False) -> Curve:
    """Average the steps of runs, from where all have a value to where the first run ends.

    Args:
        xs: ``(n_i,)`` what each run had spent after each evaluation, ascending.
        ys: ``(n_i,)`` what it had reached by then, higher is better; NaN where that is nothing.
        whole: evaluate at whole numbers only.
    """
    runs = list(zip(xs, ys, strict=True))
    firsts = [x[np.isfinite(y)] for x, y in runs]
    start = max((x[0] if len(x) else np.inf) for x in firsts)
    end = min(x[-1] for x, _ in runs)
    if not start <= end:
        return Curve(*(np.empty(0) for _ in range(4)))
    grid = np.unique(np.concatenate(xs))
    grid = grid[(grid >= start) & (grid <= end)]
    if len(grid) > POINTS:
        grid = np.linspace(start, end, POINTS)
        grid = np.unique(np.round(grid)) if whole else grid
    values = np.stack([y[np.searchsorted(x, grid, side="right") - 1] for x, y in runs])  # (runs, k)
    half = np.array([half_width(column) for column in values.T])
    mean = values.mean(axis=0)
    return Curve(grid, mean, mean - half, mean + half)
