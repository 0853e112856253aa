"""Ranges of parameters over the trials of a study: they may change, or depend on other parameters.

``suggest_int("heads", 1, layers)`` asks for another range in every trial. Such a parameter is
searched in all its ranges together, and which of its values are within them is learnt as conditions
are: by the value of another parameter that tells the range in all trials. Where none does, it is
known where a trial had the same values of all that were asked for before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from archrank.integrations.optuna.axes import Axis, present
from archrank.rows import LookUp, group_rows, row_codes
from archrank.types import Archs, Bools, Floats

Range = IntDistribution | FloatDistribution


@dataclass
class _Seen:
    """The ranges that a parameter had, one after the other, and the number of trials with it."""

    trials: int = 0
    turns: list[BaseDistribution] = field(default_factory=list)

    @property
    def depends(self) -> bool:
        """True if other parameters decide on the range.

        It has changed back then, or changes more often than not, as floats do.
        """
        if not isinstance(self.turns[-1], Range):
            return False
        different = {(type(one), *vars(one).values()) for one in self.turns}
        changes = len(self.turns) - 1
        return len(different) <= changes or (changes > 1 and 2 * changes >= self.trials)


def ranges(trials: Iterable[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the parameters of all trials, without those that always had a single value.

    Of a range that has changed, the latest; of one that depends on other parameters, or has a
    single value now, all of it together.
    """
    found = {name: _together(seen) for name, seen in sorted(_seen(trials).items())}
    return {name: one for name, one in found.items() if not one.single()}


def _seen(trials: Iterable[FrozenTrial]) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    for trial in sorted(trials, key=lambda t: t.number):
        for name, one in trial.distributions.items():
            seen = found.setdefault(name, _Seen())
            seen.trials += 1
            if not seen.turns or not _same(one, seen.turns[-1]):
                seen.turns.append(one)
    return found


def _same(one: BaseDistribution, other: BaseDistribution) -> bool:
    """Tell whether two ranges are equal, ten times as fast as Optuna does."""
    return type(one) is type(other) and vars(one) == vars(other)


def _together(seen: _Seen) -> BaseDistribution:
    """Return the range of a parameter, of its ranges in the order of trials."""
    last = seen.turns[-1]
    if not isinstance(last, Range) or not (seen.depends or last.single()):
        return last
    alike = [one for one in seen.turns if isinstance(one, Range) and _alike(one, last)]
    low, high = min(one.low for one in alike), max(one.high for one in alike)
    if isinstance(last, IntDistribution):
        return IntDistribution(int(low), int(high), log=last.log, step=last.step)
    return FloatDistribution(low, high, log=last.log, step=last.step)


def _alike(one: Range, last: Range) -> bool:
    """Tell whether two ranges consist of values of the same kind."""
    if type(one) is not type(last) or (one.log, one.step) != (last.log, last.step):
        return False
    if last.step is None:
        return True
    off = (one.low - last.low) / last.step
    return abs(off - round(off)) < 1e-6


@dataclass(frozen=True)
class Span:
    """The range of a parameter that depends on the value of another.

    Attributes:
        child: column of the parameter.
        parent: column of the other one.
        numbers: ``(k,)`` numbers of the other one in trials, ascending.
        low: ``(k,)`` the lowest number of the parameter with each of them.
        high: ``(k,)`` the highest.
        steady: whether both only rise, or only fall, with the other one; numbers between two of
            the trials then have ranges between theirs.
    """

    child: int
    parent: int
    numbers: Floats
    low: Floats
    high: Floats
    steady: bool

    def allows(self, grids: Sequence[Floats], archs: Archs, exists: Bools) -> Bools:
        """Mark which of ``archs: (n, d)`` have a number that is in the range: ``(n,)``.

        Args:
            grids: the numbers of each parameter that options stand for.
            archs: indices of options.
            exists: ``(n, d)`` which parameters exist.
        """
        known = grids[self.parent][archs[:, self.parent]]
        value = grids[self.child][archs[:, self.child]]
        after = np.searchsorted(self.numbers, known)
        at = np.minimum(after, len(self.numbers) - 1)
        same = self.numbers[at] == known
        before = np.where(same, at, np.maximum(after - 1, 0))
        low = np.minimum(self.low[before], self.low[at])
        high = np.maximum(self.high[before], self.high[at])
        told = same | (self.steady & (after > 0) & (after < len(self.numbers)))
        found: Bools = ((low <= value) & (value <= high)) | ~told | ~exists[:, self.child]
        return found


@dataclass(frozen=True)
class Memory:
    """The ranges that a parameter had beside the same values of others.

    Attributes:
        child: column of the parameter.
        others: ``(d,)`` marks the others.
        rows: ``(k, d)`` indices of options of the trials.
        low: ``(k,)`` the lowest number of the parameter in each of them.
        high: ``(k,)`` the highest.
    """

    child: int
    others: Bools
    rows: Archs
    low: Floats
    high: Floats

    def allows(self, grids: Sequence[Floats], archs: Archs, exists: Bools) -> Bools:
        """Mark which of ``archs: (n, d)`` have a number that is in the range: ``(n,)``."""
        at = LookUp(row_codes(self.rows[:, self.others])).find(row_codes(archs[:, self.others]))
        value = grids[self.child][archs[:, self.child]]
        found: Bools = (at < 0) | ((self.low[at] <= value) & (value <= self.high[at]))
        return found | ~exists[:, self.child]


def depending(
    axes: Sequence[Axis], trials: Sequence[FrozenTrial], numbers: Floats, rows: Archs
) -> list[Span | Memory]:
    """Return what is known of ranges that are not the same in all trials.

    Args:
        axes: the parameters.
        trials: ``n`` of them.
        numbers: ``(n, d)`` what they have asked for, NaN where they have not.
        rows: ``(n, d)`` the same as indices of options.
    """
    has, seen = present(numbers), _seen(trials)
    found: list[Span | Memory] = []
    for child, axis in enumerate(axes):
        if axis.name not in seen or len(seen[axis.name].turns) < 2 or not axis.ordered:
            continue
        with_it = np.flatnonzero(has[:, child])[::-1]  # the latest first
        ends = np.array([_ends(axis, trials[i]) for i in with_it])
        by_one = seen[axis.name].depends  # else it may have changed for good
        span = _told(child, axes, numbers[with_it], ends) if by_one else None
        if span:
            found.append(span)
            continue
        before = np.array([_before(axis, axes, trials[i]) for i in with_it])
        memories = _remembered(child, before, rows[with_it], ends)
        if memories is None:  # not the order in which they were asked for, then
            others = has[with_it] & (np.arange(len(axes)) != child)
            memories = _remembered(child, others, rows[with_it], ends) or []
        found += memories
    return found


def _before(axis: Axis, axes: Sequence[Axis], trial: FrozenTrial) -> list[bool]:
    """Mark the parameters that a trial has asked for before one of them: ``d``."""
    names = list(trial.params)
    earlier = set(names[: names.index(axis.name)])
    return [other.name in earlier for other in axes]


def _ends(axis: Axis, trial: FrozenTrial) -> tuple[float, float]:
    """Return the ends of a parameter's range in a trial, as numbers within today's range."""
    asked: Any = trial.distributions[axis.name]
    low, high = axis.distribution.low, axis.distribution.high
    return axis.number(max(asked.low, low)), axis.number(min(asked.high, high))


def _told(child: int, axes: Sequence[Axis], numbers: Floats, ends: Floats) -> Span | None:
    """Return the span by the parameter with the fewest values that tells all ends; or ``None``.

    Args:
        child: column of the parameter.
        axes: all parameters.
        numbers: ``(k, d)`` of the trials that have it.
        ends: ``(k, 2)`` its lowest and highest number in each of them.
    """
    best: Span | None = None
    for parent, axis in enumerate(axes):
        if parent == child or not present(numbers[:, parent]).all():
            continue
        values, first, group = np.unique(numbers[:, parent], return_index=True, return_inverse=True)
        each = ends[first]  # by value of the other one
        steady = axis.ordered and all(_steady(column) for column in each.T)
        if axis.fine and not steady:
            continue  # single values explain everything
        if (each[group] == ends).all() and (best is None or len(values) < len(best.numbers)):
            low, high = each.T
            best = Span(child, parent, values, low, high, steady)
    return best


def _steady(numbers: Floats) -> bool:
    """Tell whether numbers only rise or only fall."""
    steps = np.diff(numbers)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _remembered(child: int, others: Bools, rows: Archs, ends: Floats) -> list[Memory] | None:
    """Return the ranges of a parameter beside others; ``None`` if these do not tell them.

    Args:
        child: column of the parameter.
        others: ``(k, d)`` marks the others of each trial.
        rows: ``(k, d)`` indices of options.
        ends: ``(k, 2)`` the lowest and highest number of the parameter.
    """
    patterns, group = np.unique(others, axis=0, return_inverse=True)
    found = []
    for k, pattern in enumerate(patterns):
        same = group.reshape(-1) == k
        first, of = group_rows(rows[same][:, pattern])
        if (ends[same][first][of] != ends[same]).any():
            return None
        if pattern.any():
            found.append(Memory(child, pattern, rows[same], *ends[same].T))
    return found
