"""What a reproduction is: rows of paper and ours, claims of the paper, how much to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from archrank.errors import EvaluationError
from archrank.types import ProgressCallback

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.reproduce.bench import Bench
    from archrank.reproduce.journal import Journal

Found: TypeAlias = dict[str, Any]
"""What one run found: JSON values by name, ``seconds`` among them."""

J = TypeVar("J")


@dataclass(frozen=True)
class Row:
    """One figure: the paper's and ours.

    Attributes:
        what: which figure.
        ours: mean (or what ``what`` says) over runs.
        paper: the printed figure; ``None`` where the paper has a picture or nothing.
        spread: standard deviation of ours over runs; NaN for a single one.
        seeds: runs behind ours.
        seconds: time spent fitting and scoring for it, all runs together; of its own round or
            stage where a run has several.
        why: one line that explains a difference.
        decimals: how many are printed.
    """

    what: str
    ours: float
    paper: float | None = None
    spread: float = math.nan
    seeds: int = 1
    seconds: float = 0.0
    why: str = ""
    decimals: int = 3

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's, of the figures as printed."""
        if self.paper is None or not math.isfinite(self.ours):
            return None
        return round(self.ours, self.decimals) - self.paper


@dataclass(frozen=True)
class Claim:
    """A statement of the paper, and what we measured about it."""

    text: str
    holds: bool
    measured: str = ""


@dataclass(frozen=True)
class Comparison:
    """Everything one reproduction printed."""

    rows: list[Row]
    claims: list[Claim] = field(default_factory=list)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """How much to run.

    Attributes:
        quick: fewer runs and shorter pretraining: minutes on two cores.
        seeds: repetitions; what is drawn in repetition ``r`` depends on ``r`` alone.
        epochs: train every network this long instead of as published; for tests.
        executor: where runs go; this process if ``None``.
        progress: called after each run.
        journal: keeps finished runs.
    """

    quick: bool = False
    seeds: int = 3
    epochs: int | None = None
    executor: Executor | None = None
    progress: ProgressCallback | None = None
    journal: Journal | None = None

    def shortened(self, ranker: Ranker) -> Ranker:
        """``ranker``, or if :attr:`epochs` is set, one that trains only so long."""
        known = ranker.get_params(deep=False)
        lengths = [k for k in ("epochs", "pretrain_epochs", "steps") if k in known]
        if self.epochs is not None:
            ranker.set_params(**dict.fromkeys(lengths, self.epochs))
        return ranker

    def map(self, run: Callable[[J], Found], jobs: Iterable[J]) -> list[Found]:
        """``run`` on every job, in this process or in workers; results in the order of jobs.

        Raises:
            EvaluationError: a worker died.
        """
        waiting = list(jobs)
        call, known = self._begin()
        left = [(i, job) for i, job in enumerate(waiting) if i not in known]
        if self.executor is None:
            results = (_single_threaded(run, job) for _, job in left)
        else:
            futures = [self.executor.submit(_single_threaded, run, job) for _, job in left]
            results = (future.result() for future in futures)
        try:
            for (index, _), result in zip(left, results, strict=True):
                known[index] = result
                if self.journal is not None:
                    self.journal.add(call, index, result)
                if self.progress is not None:
                    self.progress(len(known), len(waiting))
        except BrokenExecutor:
            raise EvaluationError(
                "a worker process died, perhaps for lack of memory; repeat with fewer workers"
            ) from None
        return [known[index] for index in range(len(waiting))]

    def _begin(self) -> tuple[int, dict[int, Found]]:
        """The number of this call of :meth:`map`, and its runs that are known from before."""
        if self.journal is None:
            return 0, {}
        self.journal.calls += 1
        call = self.journal.calls
        return call, {i: found for (c, i), found in self.journal.known.items() if c == call}


def _single_threaded(run: Callable[[J], Found], job: J) -> Found:
    """The same sums in the same order, in a worker or not."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return run(job)


@dataclass(frozen=True)
class Reproduction:
    """One published table or figure.

    Attributes:
        name: how it is asked for.
        source: paper and place in it.
        title: what it shows.
        files: tables it reads.
        columns: columns of the first that it reads.
        protocol: ``module:function`` in this package that does it, loaded when it runs.
        seeds: repetitions of the paper, or ours where it does not say.
        quick_seeds: repetitions with ``quick``.
        offline: whether the built-in tables hold what it needs.
        more: columns of the first table that it reads too, if all of them are there.
    """

    name: str
    source: str
    title: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    protocol: str
    seeds: int = 3
    quick_seeds: int = 1
    offline: bool = True
    more: tuple[str, ...] = ()

    def run(self, bench: Bench, plan: Plan) -> Comparison:
        """Follow the protocol on these tables."""
        module, _, function = self.protocol.partition(":")
        comparison: Comparison = getattr(import_module(f"archrank.reproduce.{module}"), function)(
            bench, plan
        )
        return comparison


def summary(
    what: str,
    found: Sequence[Found],
    key: str,
    paper: float | None = None,
    *,
    why: str = "",
    decimals: int = 3,
    scale: float = 1.0,
    median: bool = False,
) -> Row:
    """A row: mean (or median) and standard deviation of ``key`` over runs, times ``scale``."""
    values = scale * np.array([run[key] for run in found], dtype=np.float64)
    centre = float(np.median(values) if median else values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    seconds = float(sum(run["seconds"] for run in found))
    return Row(what, centre, paper, spread, len(values), seconds, why, decimals)
