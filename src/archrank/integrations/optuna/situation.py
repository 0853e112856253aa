"""A study as a strategy sees it: the space of its parameters, and the history of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archrank.integrations.optuna.axes import Axis, present
from archrank.integrations.optuna.learned import depths, learn
from archrank.integrations.optuna.space import ParameterSpace
from archrank.integrations.optuna.trials import fits, numbers_of, values_of, violations_of
from archrank.rows import is_new
from archrank.spaces.conditions import Condition, existing
from archrank.spaces.restricted import RestrictedSpace
from archrank.strategies.history import History, scores_of
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
        contradicting: whether some trial has other parameters than the learnt conditions say.
    """

    space: ParameterSpace
    history: History
    contradicting: bool

    def within(self, last: Situation) -> Situation:
        """Return this situation in the space of another, which is equal."""
        kept = (
            self.history.region if self.contradicting or last.contradicting else last.history.region
        )
        h = self.history
        history = History(last.space, h.archs, h.objectives, h.violation, kept)
        return Situation(last.space, history, self.contradicting)

    def with_fixed(self, values: Mapping[str, object]) -> History:
        """Return the history in the part of the space where some parameters have settled values."""
        space, h = self.space, self.history
        settled = {}
        for j, (axis, grid) in enumerate(zip(space.axes, space.grids, strict=True)):
            number = axis.number(values[axis.name]) if axis.name in values else np.nan
            if number == number:
                at = int(axis.nearest(np.array([number]), grid)[0])
                settled[axis.name] = [space.choices[j].options[at]]
        if not settled:
            return h
        part = Inside(space, cast(RestrictedSpace, space.restrict(settled)))
        return History(part, h.archs, h.objectives, h.violation, Region.of(h.allowed))


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
    complete = np.array([t.state == TrialState.COMPLETE for t in trials], dtype=bool)

    done = np.array([t.state.is_finished() for t in trials], dtype=bool)
    rules = learn(axes, numbers[done], complete[done])
    order = np.argsort(depths(rules), kind="stable")  # parents first
    axes, numbers = [axes[j] for j in order], numbers[:, order]
    rules = learn(axes, numbers[done], complete[done])
    objectives, violation = values_of(trials, directions), violations_of(trials)
    grids = _grids(axes, numbers, scores_of(objectives, violation), fixed, exact, seed)
    conditions = [
        Condition(rule.parent, rule.on(axes[rule.parent], grids[rule.parent])) if rule else None
        for rule in rules
    ]
    space = ParameterSpace(axes, grids, conditions)

    rows, has = space.rows(numbers), present(numbers)
    exists = existing(rows, space.conditions)
    whole = ~(exists & ~has).any(axis=1)
    other = complete & (exists != has).any(axis=1)
    region = _new(rows[complete], has[complete]) if other.any() else Region()
    used = whole | complete
    history = History(space, rows[used], objectives[used], violation[used], region)
    return Situation(space, history, bool(other.any()))


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


def _new(rows: Archs, has: Bools) -> Region:
    """Return the region of what differs from every trial in a parameter that the trial had.

    What agrees with a trial in all of these takes the same way through the objective, so it is the
    same, whatever else it says.

    Args:
        rows: ``(n, d)`` complete trials.
        has: ``(n, d)`` the parameters that they had.
    """
    patterns, group = np.unique(has, axis=0, return_inverse=True)

    def allowed(archs: Archs) -> Bools:
        found = np.ones(len(archs), dtype=bool)
        for k, pattern in enumerate(patterns):
            found &= is_new(archs[:, pattern], rows[group.reshape(-1) == k][:, pattern])
        return found

    return Region.of(allowed)
