"""Conditions of parameters, learnt from trials: a study does not declare which depend on which.

A parameter that some trials lack exists on a condition. It is looked for among all other
parameters: one that every trial with it has, and whose value tells which trials have it. For a
range that is a threshold, such as a number of layers; for choices, some of them. The simplest such
condition is believed until a trial contradicts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archrank.integrations.optuna.axes import Axis, present
from archrank.types import Bools, Floats

PER_CHOICE = 0.1  # cost of a choice beyond two, against that of one more threshold


@dataclass(frozen=True)
class Rule:
    """A parameter exists where another one does and has one of some values.

    Attributes:
        parent: column of the other one.
        numbers: ``(k,)`` its numbers in trials, ascending.
        allows: ``(k,)`` whether the parameter existed with them.
    """

    parent: int
    numbers: Floats
    allows: Bools

    def on(self, axis: Axis, grid: Floats) -> Bools:
        """Tell with which numbers on the grid of the other one the parameter exists: ``(k,)``.

        Of a range, as with the nearest number in a trial; choices that no trial had do not count.
        """
        if axis.ordered:
            return np.asarray(self.allows[axis.nearest(grid, self.numbers)])
        return np.isin(grid, self.numbers[self.allows])


def learn(axes: Sequence[Axis], numbers: Floats, whole: Bools) -> list[Rule | None]:
    """Return the condition of every parameter; ``None`` if it always exists, or none was found.

    Args:
        axes: the parameters.
        numbers: ``(n, d)`` of trials, NaN where they have not asked for a parameter.
        whole: ``(n,)`` whether a trial has asked for all it needs, so that what it lacks does not
            exist.
    """
    has = present(numbers)
    return [_rule(j, axes, numbers, has, whole) for j in range(len(axes))]


def _rule(
    child: int, axes: Sequence[Axis], numbers: Floats, has: Bools, whole: Bools
) -> Rule | None:
    lacks = whole & ~has[:, child]
    if not lacks.any():
        return None
    found: list[tuple[float, int, int, Rule]] = []
    for parent, axis in enumerate(axes):
        without = has[:, child] & ~has[:, parent]  # a parent is asked for first
        if parent == child or without.any() or not (lacks & has[:, parent]).any():
            continue
        known = has[:, parent] & (whole | has[:, child])
        values, group = np.unique(numbers[known, parent], return_inverse=True)
        share = np.bincount(group, has[known, child]) / np.bincount(group)
        if ((share > 0) & (share < 1)).any():
            continue
        allows: Bools = share > 0
        cost = float(np.diff(allows).sum()) if axis.ordered else 1 + PER_CHOICE * (len(values) - 2)
        if axis.fine and cost > 1:
            continue  # thresholds between single values explain everything
        found.append((cost, -int(has[:, parent].sum()), parent, Rule(parent, values, allows)))
    return min(found, key=lambda one: one[:3])[3] if found else None


def depths(rules: Sequence[Rule | None]) -> list[int]:
    """Return how many conditions each parameter depends on, one after the other."""
    found = []
    for rule in rules:
        depth = 0
        while rule is not None:
            rule, depth = rules[rule.parent], depth + 1
        found.append(depth)
    return found
