"""Comparison of groups of runs: its numbers, and the files that they are written to."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from archrank.comparison.curves import Curve, Measure, mean_curve
from archrank.comparison.groups import Group
from archrank.comparison.statistics import Difference, half_width, holm, paired, unpaired
from archrank.comparison.text import group_rows, pair_rows, sentences, to_json
from archrank.comparison.writing import write_all
from archrank.formatting import Scale
from archrank.types import Floats


@dataclass(frozen=True)
class Target:
    """Value that runs are to reach.

    Attributes:
        score: the value, higher is better.
        reason: where it comes from.
    """

    score: float
    reason: str


@dataclass(frozen=True)
class Summary:
    """Numbers of a group after the comparison's number of evaluations.

    Attributes:
        group: its name.
        seeds: of its runs.
        values: ``(n,)`` what each run had reached, as measured; NaN where nothing was feasible.
        mean: of the runs that had reached something.
        half: half the width of the interval of the mean; NaN of a single run.
        cost: mean cost of a run.
        reached: ``(n,)`` evaluations until each run reached the target; infinite where it did not.
    """

    group: str
    seeds: tuple[int, ...]
    values: Floats
    mean: float
    half: float
    cost: float
    reached: Floats

    @property
    def found(self) -> int:
        """Number of runs that reached the target."""
        return int(np.isfinite(self.reached).sum())

    @property
    def median_reached(self) -> float:
        """Median number of evaluations to the target; infinite if half the runs did not get there.

        Of an even number of runs the upper of the two in the middle.
        """
        return float(np.sort(self.reached)[len(self.reached) // 2])


@dataclass(frozen=True)
class Pair:
    """Comparison of a group with the first one.

    Attributes:
        first: name of the first group.
        second: name of the other.
        difference: second less first, as measured.
        corrected: ``p`` corrected for the number of tests, by Holm.
        ahead: name of the group that is better; empty where the interval holds 0.
    """

    first: str
    second: str
    difference: Difference
    corrected: float
    ahead: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """Groups of runs, compared after the same number of evaluations.

    Attributes:
        groups: the runs; those of one group differ in their seed alone.
        measure: the quantity they are compared in.
        best: per group and run, ``(n,)`` the best so far, higher is better; NaN before the first.
        costs: per group and run, ``(n,)`` what had been spent by then.
        cost: name and unit of the cost.
        budget: number of evaluations after which runs are compared.
        target: that runs are to reach; ``None`` where nothing was feasible.
        notes: sentences about what a reader must know.
    """

    groups: tuple[Group, ...]
    measure: Measure
    best: tuple[tuple[Floats, ...], ...]
    costs: tuple[tuple[Floats, ...], ...]
    cost: str
    budget: int
    target: Target | None
    notes: tuple[str, ...] = ()

    # ---- numbers -------------------------------------------------------------------------------

    @property
    def sign(self) -> float:
        """+1 if the quantity is maximised, -1 if it is minimised."""
        return self.measure.objective.sign

    @cached_property
    def summaries(self) -> tuple[Summary, ...]:
        """Numbers of every group."""
        return tuple(self._summary(i) for i in range(len(self.groups)))

    def _summary(self, i: int) -> Summary:
        group, n = self.groups[i], self.budget
        values = self.sign * np.array([best[n - 1] for best in self.best[i]])
        known = values[np.isfinite(values)]
        return Summary(
            group.name,
            tuple(run.seed for run in group.runs),
            values,
            float(known.mean()) if len(known) else math.nan,
            half_width(known),
            float(np.mean([cost[n - 1] for cost in self.costs[i]])),
            np.array([self._reached(best[:n]) for best in self.best[i]]),
        )

    def _reached(self, best: Floats) -> float:
        """Return the number of evaluations until ``best: (n,)`` reached the target."""
        there = np.zeros(0) if self.target is None else np.flatnonzero(best >= self.target.score)
        return float(there[0]) + 1 if len(there) else math.inf

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Every group beside the first: over equal seeds, where two or more are equal."""
        first, *others = self.summaries
        found = [_difference(first, other) for other in others]
        corrected = holm([difference.p for difference in found])
        return tuple(
            Pair(first.group, other.group, difference, p, self._ahead(first, other, difference))
            for other, difference, p in zip(others, found, corrected, strict=True)
        )

    def _ahead(self, first: Summary, other: Summary, difference: Difference) -> str:
        ends = [self.sign * end for end in (difference.low, difference.high)]
        if min(ends) > 0:
            return other.group
        return first.group if max(ends) < 0 else ""

    def curves(self, *, over_cost: bool = False) -> list[Curve]:
        """Return the mean curve of every group, as measured, over evaluations or over the cost.

        A curve is empty where no place has a value of every run of its group.
        """
        curves = []
        for best, costs in zip(self.best, self.costs, strict=True):
            xs = costs if over_cost else tuple(np.arange(1.0, len(b) + 1) for b in best)
            curve = mean_curve(xs, best, whole=not over_cost)
            curves.append(curve if self.sign > 0 else _negated(curve))
        return curves

    @cached_property
    def scale(self) -> Scale:
        """Scale in which values are shown."""
        values = np.concatenate([b for group in self.best for b in group])
        known = np.abs(values[np.isfinite(values)])
        return Scale.of(self.measure.metric, float(known.max()) if len(known) else 1.0)

    # ---- files ---------------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, ...]]:
        """Write the groups as text, with a heading."""
        return group_rows(self)

    def pair_rows(self) -> list[tuple[str, ...]]:
        """Write the differences from the first group as text, with a heading; may be empty."""
        return pair_rows(self)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values; NaN and infinity are ``None``."""
        return to_json(self)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write ``comparison.html``, the figures as SVG, and all numbers as CSV.

        Args:
            folder: made where it is missing; files of an earlier comparison are replaced.

        Returns:
            The path of the page.

        Raises:
            StorageError: a file cannot be written.
        """
        return write_all(self, Path(folder))

    def described(self) -> Iterator[str]:
        """Yield sentences that say how the numbers were made."""
        return sentences(self)


def _difference(first: Summary, other: Summary) -> Difference:
    """Compare two groups by their equal seeds, or, where fewer than two are equal, without."""
    one = {s: v for s, v in zip(first.seeds, first.values, strict=True) if np.isfinite(v)}
    two = {s: v for s, v in zip(other.seeds, other.values, strict=True) if np.isfinite(v)}
    both = [seed for seed in one if seed in two]
    if len(both) > 1:
        return paired(np.array([one[s] for s in both]), np.array([two[s] for s in both]))
    if not one or not two:
        return Difference(math.nan, math.nan, math.nan, math.nan, "", 0)
    return unpaired(np.array(list(one.values())), np.array(list(two.values())))


def _negated(curve: Curve) -> Curve:
    return Curve(curve.x, -curve.mean, -curve.high, -curve.low)
