"""Data types of a study of supernets: its rows, its criteria, and what a part is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from archrank import criteria
from archrank.assess.judging import Measure
from archrank.assess.supernets.plan import Plan, Scoring
from archrank.assess.supernets.problem import StudyProblem
from archrank.assess.supernets.score_tables import ScoreTables
from archrank.criteria import Criterion
from archrank.errors import LabelError
from archrank.journal import Journal
from archrank.types import Floats

MEASURES = (
    Measure("tau", "tau"),
    Measure("spearman", "Spearman"),
    Measure("pearson", "Pearson"),
    Measure("tau_top_half", "tau, top half"),
    Measure("p_at_5", "P@5 %", "%", 1),
    Measure("p_at_50", "P@50 %", "%", 1),
    Measure("br_at_1", "BR@1 %", "%"),
    Measure("br_at_5", "BR@5 %", "%"),
    Measure("br_at_one", "BR@1", "%"),
)
"""Criteria of the Surgery (section 3), and tau among the truly better half."""

FURTHER = (
    Measure("score", "std of scores, %", "%"),
    Measure("overall", "std over all, %", "%", 1),
    Measure("rank", "std of ranks, % of all", "%", 2),
    Measure("level", "mean score, %", "%", 1),
    Measure("simplest", "cheapest tenth over-est., %", "%", 1),
    Measure("forwards", "forwards per example", decimals=0),
    Measure("macs", "mean MACs", decimals=0),
    Measure("group_tau", "tau in the group"),
    Measure("group_difference", "rank difference, % of all", "%", 1),
    Measure("p_at_01", "P@0.1 %", "%", 1),
)
"""Other numbers of parts."""

FORMATS = {measure.name: measure for measure in (*MEASURES, *FURTHER)}


@dataclass(frozen=True)
class Row:
    """One number of a study, of each seed.

    Attributes:
        part: Part of the study.
        subject: Name of the thing that was measured, such as a sampling.
        criterion: Name of one of :data:`FORMATS`.
        values: One per seed; one alone where seeds make no difference.
        at: Place on the horizontal axis, such as an epoch; NaN if there is none.
        paper: The number that the Surgery prints, in the same unit; ``None`` if it prints none.
        where: Setting of the paper's number, such as its epoch.
    """

    part: str
    subject: str
    criterion: str
    values: tuple[float, ...]
    at: float = math.nan
    paper: float | None = None
    where: str = ""

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(np.mean(self.values))

    @property
    def sd(self) -> float:
        """Standard deviation over seeds; NaN of one alone."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan


@dataclass(frozen=True, eq=False)
class Results:
    """Finished scores of a study, as its parts read them.

    Attributes:
        plan: The study's trainings and scorings.
        tables: Finished tables of scores.
        journal: Finished fits of predictors.
    """

    plan: Plan
    tables: ScoreTables
    journal: FitJournal

    @property
    def problem(self) -> StudyProblem:
        """Architectures and truth."""
        return self.plan.problem

    @property
    def accuracy(self) -> str:
        """Name of the first score: the task's metric, or the loss if it has none."""
        return self.tables.signals[0]

    def scores(self, scorings: Iterable[Scoring], name: str | None = None) -> list[Floats]:
        """Return the scores of several supernets, higher is better."""
        name = self.accuracy if name is None else name
        return [self.tables.read(scoring, name) for scoring in scorings]

    def judged(
        self,
        part: str,
        subject: str,
        scores: Iterable[Floats],
        *,
        truth: Floats | None = None,
        at: float = math.nan,
        paper: Mapping[str, float] | None = None,
        where: str = "",
    ) -> Iterator[Row]:
        """Yield a row per criterion of the scores of several seeds, against the truth."""
        truth = self.problem.truth if truth is None else truth
        found = [judge(values, truth) for values in scores]
        return rows_of(part, subject, found, at=at, paper=paper, where=where)


class FitJournal:
    """Finished fits of predictors, by name; each is on disk before the next begins.

    Args:
        path: file of the journal.
        progress: called after every fit that was not known.
    """

    def __init__(self, path: Path, progress: Callable[[], object] = lambda: None) -> None:
        self._journal, self._progress = Journal(path), progress
        self._known: dict[str, Any] = {}
        for number, entry in self._journal.read():
            try:
                self._known[entry["fit"]] = entry["found"]
            except (KeyError, TypeError) as error:  # noqa: PERF203  # says which line
                raise self._journal.damaged(number, error) from None

    def found(self, name: str, fit: Callable[[], Any]) -> Any:
        """Return what ``fit`` returns, JSON values, from the file if it is there."""
        if name not in self._known:
            self._known[name] = fit()
            self._journal.append({"fit": name, "found": self._known[name]})
            self._progress()
        return self._known[name]


class Part(ABC):
    """One table or figure of the study."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    axis: ClassVar[str] = ""
    """Name of the horizontal axis, if rows have a place there."""

    @abstractmethod
    def scorings(self, plan: Plan) -> Iterable[Scoring]:
        """Return the scores that the part needs."""

    @abstractmethod
    def rows(self, results: Results) -> Iterable[Row]:
        """Return the part's numbers."""

    def needs_more(self, plan: Plan) -> str:
        """Return why the part has nothing to measure here; empty if it has."""
        return ""


def rows_of(
    part: str,
    subject: str,
    found: Sequence[Mapping[str, float]],
    *,
    at: float = math.nan,
    paper: Mapping[str, float] | None = None,
    where: str = "",
) -> Iterator[Row]:
    """Yield a row per criterion that ``found``, one mapping per seed, holds."""
    for name in FORMATS:
        if name in found[0]:
            values = tuple(one[name] for one in found)
            yield Row(part, subject, name, values, at, (paper or {}).get(name), where)


def judge(scores: Floats, truth: Floats) -> dict[str, float]:
    """Compute every criterion of ``scores: (n,)`` against ``truth: (n,)``, higher is better.

    Ties are broken in all ways and averaged. A criterion that is not defined, such as any of
    constant scores, is NaN.
    """
    return {name: _or_nan(measured, scores, truth) for name, measured in _criteria(len(truth))}


def _criteria(n: int) -> Iterator[tuple[str, Criterion]]:
    yield "tau", criteria.kendall_tau
    yield "spearman", criteria.spearman
    yield "pearson", criteria.pearson
    yield "tau_top_half", _tau_of_better_half
    for name, criterion in (("p_at", criteria.precision_at), ("br_at", criteria.best_ranking_at)):
        for percent in (1, 5, 50):
            k = max(1, n * percent // 100)
            if f"{name}_{percent}" in _NAMES:
                yield f"{name}_{percent}", partial(criterion, k=k)
    yield "br_at_one", partial(criteria.best_ranking_at, k=1)


_NAMES = {measure.name for measure in MEASURES}


def _tau_of_better_half(scores: Floats, truth: Floats) -> float:
    """Compute Kendall's tau among the truly better half."""
    better = truth >= np.median(truth)
    return criteria.kendall_tau(scores[better], truth[better])


def _or_nan(measured: Callable[[Floats, Floats], float], scores: Floats, truth: Floats) -> float:
    try:
        return measured(scores, truth)
    except LabelError:
        return math.nan
