"""Settings of a search in a supernet, as the command line takes them, and its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from archrank.errors import ObjectiveError, SettingsError
from archrank.metrics import Metric
from archrank.study.objectives import Constraint

COSTS = (Metric("macs", "minimize"), Metric("latency_ms", "minimize", "ms"))


@dataclass(frozen=True)
class SubnetSettings:
    """All settings that change what a search in a supernet does."""

    limit: Annotated[tuple[str, ...], "BOUND"] = ()
    """Largest cost of an architecture, e.g. 'macs<=1e6' or 'latency_ms<=3'; several give the best
    architecture within each (default: none, the whole front by macs)."""
    score_by: Literal["ranker", "supernet"] = "ranker"
    """Scores of the evolution: a ranker's, fitted to some of the supernet's scores, or the
    supernet's own, 5,376 of them (default: ranker)."""
    ranker: Annotated[str, "NAME"] = "attentivenas"
    """Ranker of accuracies."""
    archs: int = 1024
    """Number of architectures that the supernet scores for the ranker, which learns from half of
    them and is judged by the others."""
    examples: int = 512
    """Number of held-out examples of these scores; 0: all. Finalists are measured on all."""
    statistics: Literal["batch", "recalibrated"] = "batch"
    """Statistics of batch norms in these scores; finalists have recalibrated ones."""
    finalists: int = 8
    """Number of architectures per limit that the supernet measures at the end, beside the front."""
    timed: int = 128
    """Number of architectures whose latency is measured, to predict that of all others."""
    repeats: int = 50
    """Number of timed calls per architecture."""
    seed: int = 0
    """Seed of every random choice."""

    def check(self) -> None:
        """Refuse numbers that leave nothing to do.

        Raises:
            SettingsError: a number is too small.
        """
        least = {"archs": 4, "examples": 0, "finalists": 1, "timed": 4, "repeats": 1, "seed": 0}
        for name, smallest in least.items():
            value = getattr(self, name)
            if value < smallest:
                raise SettingsError(f"--{name} {value}: at least {smallest} is needed")


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one cost, ascending.

    Attributes:
        metric: of the cost.
        texts: as typed, each once.
        bounds: largest values that are allowed.
    """

    metric: Metric = COSTS[0]
    texts: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Limits:
        """Read bounds such as ``macs<=1e6``; ``macs<1e6`` leaves out the bound itself.

        Raises:
            UnknownNameError: another metric than macs and latency_ms.
            ObjectiveError: a text that cannot be read, a lower bound, or bounds of two metrics.
        """
        read = [(Constraint.parse(text, COSTS), text) for text in dict.fromkeys(texts)]
        for found, text in read:
            if not found.is_upper:
                raise ObjectiveError(f"limit {text!r} is a lower bound; write {found.metric}<=...")
            if found.metric != read[0][0].metric:
                raise ObjectiveError(
                    f"limits {read[0][1]!r} and {text!r} are of two metrics; search once for each, "
                    "with --out DIR"
                )
        if not read:
            return cls()
        pairs = sorted((_largest(found), str(found)) for found, _ in read)
        metric = next(m for m in COSTS if m.name == read[0][0].metric)
        return cls(metric, tuple(text for _, text in pairs), tuple(bound for bound, _ in pairs))

    def require_reachable(
        self, smallest: float, largest: float, names: tuple[str, str], space: str
    ) -> None:
        """Refuse limits outside of what the space has.

        Args:
            smallest: cost of the smallest network.
            largest: cost of the largest network.
            names: strings of both.
            space: its name.

        Raises:
            SettingsError: a limit that no architecture keeps, or that all keep.
        """
        unit = f" {self.metric.unit}" if self.metric.unit else ""
        for text, bound in zip(self.texts, self.bounds, strict=True):
            if bound < smallest:
                raise SettingsError(
                    f"limit {text}: no architecture of {space} keeps it; the smallest, {names[0]}, "
                    f"has {smallest:.10g}{unit}, the largest {largest:.10g}{unit}"
                )
            if bound > largest:
                raise SettingsError(
                    f"limit {text}: every architecture of {space} keeps it; the largest, "
                    f"{names[1]}, has {largest:.10g}{unit}, the smallest {smallest:.10g}{unit}"
                )


def _largest(bound: Constraint) -> float:
    """Return the largest number that keeps a bound."""
    strict = bound.relation == "<"
    return float(np.nextafter(bound.bound, -np.inf)) if strict else bound.bound
