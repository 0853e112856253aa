"""Results of a search in a supernet: finalists, their front, and the winner within each limit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from archrank.errors import InfeasibleError, StorageError
from archrank.files import read_json
from archrank.formatting import format_value
from archrank.metrics import Direction, Metric
from archrank.runs.supernet_search.settings import COSTS, STRATEGIES, Bound
from archrank.strategies.evaluated import Evaluated
from archrank.tables.base import BenchTable, load_table

if TYPE_CHECKING:
    from archrank.spaces.base import Space

RESULTS, SAMPLED = "results.json", "sampled.parquet"


@dataclass(frozen=True)
class Finalist:
    """Architecture that the supernet measured with batch norms calibrated for it.

    Attributes:
        architecture: as a string.
        score: under which the evolution found it, higher is better.
        metrics: the task's first metric on held-out data, and costs.
    """

    architecture: str
    score: float
    metrics: dict[str, float | None]

    def value(self, metric: str) -> float:
        """Return a metric, NaN where it is not known."""
        found = self.metrics.get(metric)
        return math.nan if found is None else found


@dataclass(frozen=True)
class SubnetSearch:
    """Results of a search in a supernet.

    Attributes:
        space: its name.
        task: its name.
        metric: that finalists are compared by, on validation data, such as ``valid_accuracy``.
        direction: of the metric.
        unit: of the metric.
        cost: metric of the limits, and of the front.
        limits: largest costs by the text of the limit, ascending; none: the front alone.
        finalists: in the order in which the evolution met them.
        evaluations: architectures that the evolution scored.
        ranker: labels that it learnt from, and tau with the scores of others, beside that of MACs.
        seconds: that the last command took.
        others: limits of other costs, which all that is on the front or best keeps.
        strategy: that searched.
        calibrated: whether finalists have batch norms, which were calibrated for each.
        importance: of decisions to the rankers, by kind, where the space was pruned by it.
        fixed: decisions that pruning has fixed, and their options.
        latency: of limits of latencies: how good held-out predictions were, beside baselines.
        notes: about finalists that did not keep a limit when they were measured again, and about a
            machine that is slower than when the first latencies were measured.
    """

    space: str
    task: str
    metric: str
    direction: Direction
    unit: str
    cost: str
    limits: dict[str, float]
    finalists: tuple[Finalist, ...]
    evaluations: int
    ranker: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    others: tuple[Bound, ...] = ()
    strategy: str = STRATEGIES[0]
    calibrated: bool = True
    importance: dict[str, float] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    latency: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Metric]:
        """All that is known about every finalist, by name."""
        names = list(self.finalists[0].metrics) if self.finalists else [self.metric, self.cost]
        units = {name: self.unit for name in names if name.startswith(("valid_", "test_"))}
        units |= {metric.name: metric.unit for metric in COSTS}
        return {name: Metric(name, unit=units.get(name, "")) for name in names}

    def text(self, finalist: Finalist, name: str) -> str:
        """Return a metric of a finalist for people."""
        return format_value(finalist.value(name), self.metrics[name])

    def keeps(self, finalist: Finalist, limit: str = "") -> bool:
        """Tell whether a finalist keeps one of the limits, and those of other costs."""
        most = self.limits.get(limit, math.inf)
        return finalist.value(self.cost) <= most and self.keeps_others(finalist)

    def keeps_others(self, finalist: Finalist) -> bool:
        """Tell whether a finalist keeps the limits of other costs."""
        return all(finalist.value(bound.cost) <= bound.most for bound in self.others)

    def _measured(self) -> Evaluated:
        """Return the finalists' numbers; their architectures are not needed."""
        sign = -1.0 if self.direction == "minimize" else 1.0
        scores = [
            sign * f.value(self.metric) if self.keeps_others(f) else math.nan
            for f in self.finalists
        ]
        return Evaluated(
            np.zeros((len(self.finalists), 0), dtype=np.uint8),
            np.array(scores),
            np.array([f.value(self.cost) for f in self.finalists]),
        )

    @property
    def front(self) -> tuple[Finalist, ...]:
        """Finalists that none dominates, by rising cost."""
        return tuple(self.finalists[i] for i in self._measured().front())

    @property
    def winners(self) -> dict[str, Finalist | None]:
        """The best finalist within each limit, ``None`` where no one is; ``""``: of all."""
        return {limit: self._within(limit) for limit in self.limits or ("",)}

    def _within(self, limit: str) -> Finalist | None:
        found = self._measured().best(1, self.limits.get(limit, math.inf)).tolist()
        return self.finalists[found[0]] if found else None

    def best(self) -> Finalist:
        """Return the best finalist within the largest limit.

        Raises:
            InfeasibleError: none is within it, as may be with measured latencies.
        """
        limit, found = list(self.winners.items())[-1]
        if found is None:
            bound = self.limits.get(limit, math.inf)
            limits = {self.cost: bound} | {each.cost: each.most for each in self.others}

            def excess(finalist: Finalist) -> float:
                return sum(max(finalist.value(k) / most - 1, 0) for k, most in limits.items())

            nearest = min(self.finalists, key=excess)
            shown = ", ".join(f"{name} {self.text(nearest, name)}" for name in limits)
            texts = [each for each in (limit, *(bound.text for bound in self.others)) if each]
            raise InfeasibleError(
                f"no finalist keeps {' and '.join(texts)}; the nearest, {nearest.architecture}, "
                f"has {shown}. Name one to export, or search again with more --finalists"
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, NaN as null."""
        plain = asdict(self)
        for finalist in plain["finalists"]:
            finalist["metrics"] = _plain(finalist["metrics"])
        return {**plain, "ranker": _plain(self.ranker)}


def _plain(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {k: v if v is not None and math.isfinite(v) else None for k, v in values.items()}


def read_search(folder: Path) -> SubnetSearch:
    """Read the results of a finished search.

    Args:
        folder: of the search.

    Raises:
        StorageError: there are none, or they are damaged.
    """
    path = folder / RESULTS
    if not path.exists():
        raise StorageError(
            f"no finished search in {folder} (there is no {RESULTS}): archrank supernet search "
            "writes one"
        )
    values = read_json(path, "the results of a search")
    values["ranker"] = {
        k: math.nan if v is None else v for k, v in values.get("ranker", {}).items()
    }
    try:
        return TypeAdapter(SubnetSearch).validate_python(values)
    except (ValidationError, AttributeError) as error:
        raise StorageError(f"{path} holds no results of a search: {error}") from None


def read_sampled(folder: Path, space: Space) -> BenchTable:
    """Read the random architectures that a finished search has scored: their scores and costs.

    Args:
        folder: of the search.
        space: of the architectures.

    Raises:
        ArchrankError: there are none, or the table is damaged.
    """
    path = folder / SAMPLED
    if not path.exists():
        raise StorageError(f"no finished search in {folder} (there is no {SAMPLED}): repeat it")
    return load_table(path, space)
