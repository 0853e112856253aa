"""Settings of a search in a supernet, as the command line takes them, and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np

from archrank.errors import ObjectiveError, SettingsError, UnknownNameError
from archrank.formatting import format_value
from archrank.metrics import Metric
from archrank.runs.supernet_search.pruning import Prune
from archrank.study.objectives import Constraint

if TYPE_CHECKING:
    from archrank.tasks.base import Task

STRATEGIES = ("attentivenas", "ranknas", "ranknas-random")
ARCHS, RANKNAS_ARCHS = 1024, 400  # labels for the ranker and to judge it
COSTS = (
    Metric("macs", "minimize"),
    Metric("params", "minimize"),
    Metric("latency_ms", "minimize", "ms"),
)


@dataclass(frozen=True)
class SubnetSettings:
    """All settings that change what a search in a supernet does."""

    strategy: Literal["attentivenas", "ranknas", "ranknas-random"] = "attentivenas"
    """Search under the scores: attentivenas, an evolution of the front of all sizes; ranknas, the
    evolution of HAT and RankNAS within each limit; ranknas-random, random architectures until the
    best has not changed for 3 batches of 125."""
    limit: Annotated[tuple[str, ...], "BOUND"] = ()
    """Largest cost of an architecture, e.g. 'macs<=1e6', 'params<=2e5' or 'latency_ms<=3'. Several
    of one cost give the best architecture within each; those of other costs hold for all (default:
    none: attentivenas looks for the whole front by macs, the others for the best of all sizes)."""
    metric: Annotated[str, "NAME"] = ""
    """Metric of the task on held-out data that architectures are compared by, or loss (default: the
    task's first; loss for ranknas)."""
    score_by: Literal["ranker", "supernet"] = "ranker"
    """Scores of the search: a ranker's, fitted to some of the supernet's scores, or the supernet's
    own, thousands of them (default: ranker)."""
    ranker: Annotated[str, "NAME"] = "default"
    """Ranker of these scores (default: the default one; ranknas for ranknas)."""
    archs: int | None = None
    """Number of architectures that the supernet scores for the ranker, which learns from half of
    them and is judged by the others (default: 1,024; 400 for ranknas)."""
    examples: int = 512
    """Number of held-out examples of these scores; 0: all. Finalists are measured on all."""
    statistics: Literal["batch", "recalibrated"] = "batch"
    """Statistics of batch norms in these scores; finalists have recalibrated ones."""
    finalists: int = 8
    """Number of architectures per limit that the supernet measures at the end, beside the front."""
    timed: int = 128
    """Number of architectures whose latency is measured, to predict that of all others."""
    repeats: int = 50
    """Number of timed calls per architecture; the best are timed 300 times in the end."""
    latency_table: Annotated[Path | None, "FILE"] = None
    """Table of measured latencies to predict from, as archrank tables latency writes it (default:
    the search measures --timed architectures)."""
    prune: Annotated[str | None, "N:THRESHOLD"] = None
    """Fix the decisions whose importance to the ranker, measured with N architectures, and to the
    latency is below THRESHOLD (RankNAS: 200:1.15 with limits of latency, 300:1.25 without)."""
    seed: int = 0
    """Seed of every random choice."""

    @property
    def as_ranknas(self) -> bool:
        """Tell whether RankNAS searches, by evolution or at random."""
        return self.strategy != "attentivenas"

    @property
    def pruning(self) -> Prune | None:
        """Rule that prunes the space, if there is one.

        Raises:
            SettingsError: it cannot be read.
        """
        return None if self.prune is None else Prune.parse(self.prune)

    @property
    def labels(self) -> int:
        """Architectures that the supernet scores for the ranker."""
        usual = RANKNAS_ARCHS if self.as_ranknas else ARCHS
        return usual if self.archs is None else self.archs

    def metric_of(self, task: Task) -> Metric:
        """Return the metric that architectures are compared by.

        Raises:
            UnknownNameError: the task has no such metric.
        """
        loss = Metric("loss", "minimize")
        known = {metric.name: metric for metric in (*task.metrics, loss)}
        usual = loss.name if self.as_ranknas else next(iter(known))
        name = self.metric or usual
        if name not in known:
            raise UnknownNameError(f"metric of task {task.name}", name, known)
        return known[name]

    def check(self) -> None:
        """Refuse numbers that leave nothing to do.

        Raises:
            SettingsError: a number is too small, or no search has that name.
        """
        if self.strategy not in STRATEGIES:
            raise UnknownNameError("search of a supernet", str(self.strategy), STRATEGIES)
        least = {"archs": 4, "examples": 0, "finalists": 1, "timed": 10, "repeats": 1, "seed": 0}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value is not None and value < smallest:
                raise SettingsError(f"--{name} {value}: at least {smallest} is needed")
        if self.pruning is None:
            return
        if self.score_by == "supernet":
            raise SettingsError(
                f"--prune {self.prune} needs a ranker: leave out --score-by supernet"
            )
        self.pruning.require_labels(self.labels, "--archs")


@dataclass(frozen=True)
class Bound:
    """Upper bound of a cost.

    Attributes:
        cost: name of its metric.
        text: as typed.
        most: largest value that is allowed.
    """

    cost: str
    text: str
    most: float

    @property
    def metric(self) -> Metric:
        """Metric of the cost."""
        return next(metric for metric in COSTS if metric.name == self.cost)

    def require_reachable(
        self, ends: tuple[float, float], names: list[str], space: str, *, loose: bool = False
    ) -> None:
        """Refuse a bound outside of what the space has.

        Args:
            ends: costs of the smallest and the largest network; latencies of the fastest and the
                slowest that are measured.
            names: strings of both.
            space: its name.
            loose: accept a bound that all architectures keep.

        Raises:
            SettingsError: no architecture keeps the bound, or all do.
        """
        smallest, largest = (format_value(value, self.metric) for value in ends)
        measured = self.metric.unit == "ms"
        low, high = ("fastest found", "slowest found") if measured else ("smallest", "largest")
        if self.most < ends[0]:
            raise SettingsError(
                f"limit {self.text}: no architecture of {space} keeps it; the {low}, "
                f"{names[0]}, has {smallest}, the {high} {largest}"
            )
        if self.most > ends[1] and not loose:
            raise SettingsError(
                f"limit {self.text}: every architecture of {space} keeps it; the {high}, "
                f"{names[1]}, has {largest}, the {low} {smallest}"
            )


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one cost, ascending, and of others.

    Attributes:
        cost: name of the cost that the front is about.
        each: its bounds; the best architecture within each is looked for.
        others: of other costs, one each; all architectures keep them.
    """

    cost: str = COSTS[0].name
    each: tuple[Bound, ...] = ()
    others: tuple[Bound, ...] = ()

    @property
    def all(self) -> tuple[Bound, ...]:
        """All bounds."""
        return (*self.each, *self.others)

    @property
    def costs(self) -> tuple[str, ...]:
        """Names of all costs."""
        return (self.cost, *(bound.cost for bound in self.others))

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Limits:
        """Read bounds such as ``macs<=1e6``; ``macs<1e6`` leaves out the bound itself.

        Raises:
            UnknownNameError: another metric than macs, params and latency_ms.
            ObjectiveError: a text that cannot be read, a lower bound, or several bounds of two
                costs.
        """
        found: dict[str, list[Bound]] = {}
        for text in dict.fromkeys(texts):
            read = Constraint.parse(text, COSTS)
            if not read.is_upper:
                raise ObjectiveError(f"limit {text!r} is a lower bound; write {read.metric}<=...")
            found.setdefault(read.metric, []).append(Bound(read.metric, str(read), _largest(read)))
        several = [cost for cost, bounds in found.items() if len(bounds) > 1]
        if len(several) > 1:
            raise ObjectiveError(
                f"limits of {several[0]} and of {several[1]}: several limits of one cost give the "
                "best architecture within each, and one of another cost holds for all of them; "
                f"leave one limit of {several[1]}, and search again with --out DIR for another"
            )
        if not found:
            return cls()
        first = several[0] if several else next(iter(found))
        others = tuple(bounds[0] for cost, bounds in found.items() if cost != first)
        return cls(first, tuple(sorted(found[first], key=lambda bound: bound.most)), others)


def _largest(bound: Constraint) -> float:
    """Return the largest number that keeps a bound."""
    strict = bound.relation == "<"
    return float(np.nextafter(bound.bound, -np.inf)) if strict else bound.bound
