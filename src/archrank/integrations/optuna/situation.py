"""A study as a strategy sees it: the space of its parameters, and the history of its trials."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archrank.integrations.optuna.axes import Axis, present
from archrank.integrations.optuna.learned import Rule, depths, learn
from archrank.integrations.optuna.ranges import Memory, Span, depending
from archrank.integrations.optuna.space import ParameterSpace
from archrank.integrations.optuna.trials import (
    asked_for,
    fits,
    numbers_of,
    proposed,
    values_of,
    violations_of,
)
from archrank.rows import is_new
from archrank.spaces.base import Space
from archrank.spaces.conditions import Condition, existing
from archrank.spaces.restricted import RestrictedSpace
from archrank.strategies.history import History, feasible_first, scores_of, succeeded
from archrank.strategies.inside import Inside
from archrank.strategies.region import Region
from archrank.strategies.shortlist import last_fit
from archrank.types import Archs, Bools, Floats


@dataclass(frozen=True)
class Situation:
    """All that is known before a trial.

    Attributes:
        space: of the parameters.
        history: of the trials that lie in it, without those that lack what they should have.
        plain: whether conditions explain all trials, and no range depends on other parameters, so
            that everything in the space may be proposed that is not in the history.
        careful: the region without what running trials may turn out to be, too; ``None`` if it is
            known what they are.
    """

    space: ParameterSpace
    history: History
    plain: bool
    careful: Region | None

    def within(self, last: Situation) -> Situation:
        """Return this situation in the space of another, which is equal."""
        h = self.history
        region = last.history.region if self.plain and last.plain else h.region
        history = History(last.space, h.archs, h.objectives, h.violation, region)
        return Situation(last.space, history, self.plain, self.careful)

    def histories(self, values: Mapping[str, object]) -> list[History]:
        """Return the history under each region to propose from, the narrower first.

        Args:
            values: of parameters that are settled: the part of the space that has them.
        """
        space, h = self.space, self.history
        settled = {}
        for j, (axis, grid) in enumerate(zip(space.axes, space.grids, strict=True)):
            number = axis.number(values[axis.name]) if axis.name in values else np.nan
            if not np.isnan(number):
                at = int(axis.nearest(np.array([number]), grid)[0])
                settled[space.choices[j].name] = [space.choices[j].options[at]]
        regions = [self.careful, h.region] if self.careful else [h.region]
        part: Space = space
        if settled:
            part = Inside(space, cast(RestrictedSpace, space.restrict(settled)))
            regions = [Region.of(region.allowed) for region in regions]
        return [History(part, h.archs, h.objectives, h.violation, r) for r in regions]


def situation(
    trials: Sequence[FrozenTrial],
    ranges: Mapping[str, BaseDistribution],
    directions: Sequence[StudyDirection],
    *,
    fixed: Mapping[str, object],
    exact: int,
    seed: int,
) -> Situation:
    """Describe a study by its trials.

    Args:
        trials: finished ones first, as they finished.
        ranges: the parameters to choose.
        directions: of the objectives.
        fixed: values of parameters that are settled, which have to be on the grids.
        exact: trials up to which grids are made anew for every trial; see :class:`.Guided`.
        seed: of the grids.
    """
    axes = [Axis(name, found) for name, found in ranges.items()]
    numbers = numbers_of(trials, axes)
    inside = [fits(t, row, axes) for t, row in zip(trials, numbers, strict=True)]
    trials = [t for t, yes in zip(trials, inside, strict=True) if yes]
    numbers = numbers[np.array(inside, dtype=bool)]
    whole = _whole(trials, numbers)
    asked = np.where(asked_for(trials, axes), numbers, np.nan)
    order = np.argsort(depths(learn(axes, asked, whole)), kind="stable")  # parents first
    axes, numbers, asked = [axes[j] for j in order], numbers[:, order], asked[:, order]
    rules = learn(axes, asked, whole)
    objectives, violation = values_of(trials, directions), violations_of(trials)
    grids = _grids(axes, numbers, scores_of(objectives, violation), fixed, exact, seed)
    conditions = [
        Condition(rule.parent, rule.on(axes[rule.parent], grids[rule.parent])) if rule else None
        for rule in rules
    ]
    space = ParameterSpace(axes, grids, conditions)

    rows, has = space.rows(numbers), present(numbers)
    exists = existing(rows, space.conditions)
    explained = not (whole & (exists != has).any(axis=1)).any()
    told = [] if explained else [_new(rows[whole], has[whole])]
    if limits := depending(axes, trials, asked, rows):
        told.append(_within(space, limits))
    region = _all(told) if told else Region()
    used = whole | ~(exists & ~has).any(axis=1)
    history = History(
        space, rows[used], _varying(objectives[used], violation[used]), violation[used], region
    )

    running = np.array([not t.state.is_finished() for t in trials], dtype=bool) & ~whole
    began = present(asked)
    sure = np.where(began.any(axis=1, keepdims=True), began, exists & _known(space, rows, rules))
    open_ = running & (exists != sure).any(axis=1) & sure.any(axis=1)
    careful = None
    if open_.any():
        careful = _all([*told, _new(rows[open_], sure[open_])])
    return Situation(space, history, not told, careful)


def _whole(trials: Sequence[FrozenTrial], numbers: Floats) -> Bools:
    """Mark the trials that have asked for all the parameters they need: ``(n,)``.

    One that was pruned, has failed or is running may not have come as far, which shows where
    another one has the same values and more. A running one for which something was proposed is not
    marked, since that is more than it asks for.
    """
    has = present(numbers)
    found = np.array([t.state == TrialState.COMPLETE for t in trials], dtype=bool)
    asked = [
        t.state in (TrialState.PRUNED, TrialState.FAIL)
        or (t.state == TrialState.RUNNING and not proposed(t))
        for t in trials
    ]
    doubted = np.flatnonzero(np.array(asked, dtype=bool) & has.any(axis=1))
    patterns, group = np.unique(has[doubted], axis=0, return_inverse=True)
    for k, pattern in enumerate(patterns):
        same = doubted[group.reshape(-1) == k]
        longer = has[:, pattern].all(axis=1) & has[:, ~pattern].any(axis=1)
        columns = numbers[:, pattern] + 0.0  # -0.0 becomes 0.0
        found[same] = is_new(columns[same], columns[longer])
    return found & has.any(axis=1)


def _known(space: ParameterSpace, rows: Archs, rules: Sequence[Rule | None]) -> Bools:
    """Mark decisions that are known to exist as they do in some trial: ``(n, d)`` of rows."""
    found = np.ones(rows.shape, dtype=bool)
    for j, rule in enumerate(rules):
        if rule is not None:
            numbers = space.grids[rule.parent][rows[:, rule.parent]]
            seen = np.isin(numbers, rule.numbers[rule.allows])
            found[:, j] = found[:, rule.parent] & seen
    return found


def _grids(
    axes: Sequence[Axis],
    numbers: Floats,
    scores: Floats,
    fixed: Mapping[str, object],
    exact: int,
    seed: int,
) -> list[Floats]:
    """Return the grid of every parameter, made of the trials up to the last fit of a long run."""
    n = len(numbers) if len(numbers) < exact else last_fit(len(numbers), exact)
    best = np.argsort(-scores[:n], kind="stable")  # NaN comes last
    rng = np.random.default_rng([seed, n])
    grids = []
    for axis, column in zip(axes, numbers.T, strict=True):
        tried = column[:n][best]
        kept = [axis.number(fixed[axis.name])] if axis.name in fixed else []
        grids.append(axis.grid(tried[present(tried)], np.array([k for k in kept if k == k]), rng))
    return grids


def _varying(objectives: Floats, violation: Floats) -> Floats:
    """Return the objectives that trials differ in, if there are any: ``(n, m) -> (n, k)``."""
    known = succeeded(objectives, violation)
    labels = [feasible_first(column, violation[known]) for column in objectives[known].T]
    varies = [j for j, one in enumerate(labels) if len(one) and np.ptp(one) > 0]
    return objectives[:, varies] if varies else objectives


Allowed = Callable[[Archs], Bools]


def _all(told: Sequence[Allowed]) -> Region:
    """Return the region of what all of several functions allow."""
    return Region.of(lambda archs: np.all([allowed(archs) for allowed in told], axis=0))


def _within(space: ParameterSpace, limits: Sequence[Span | Memory]) -> Allowed:
    """Return the function that allows what lies in ranges that depend on other parameters."""

    def allowed(archs: Archs) -> Bools:
        exists = existing(archs, space.conditions)
        each = [one.allows(space.grids, archs, exists) for one in limits]
        found: Bools = np.all(each, axis=0)
        return found

    return allowed


def _new(rows: Archs, has: Bools) -> Allowed:
    """Return the function that allows what differs from every trial in a parameter of the trial.

    What agrees with a trial in all of these takes the same way through the objective, so it is the
    same, whatever else it says.

    Args:
        rows: ``(n, d)`` complete trials.
        has: ``(n, d)`` the parameters that they had.
    """
    patterns, group = np.unique(has, axis=0, return_inverse=True)  # some of each are True

    def allowed(archs: Archs) -> Bools:
        found = np.ones(len(archs), dtype=bool)
        for k, pattern in enumerate(patterns):
            found &= is_new(archs[:, pattern], rows[group.reshape(-1) == k][:, pattern])
        return found

    return allowed
