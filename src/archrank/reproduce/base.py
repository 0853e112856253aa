"""Data types of reproductions: rows with the paper's figure and ours, claims, extent of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from archrank.formatting import whole_duration
from archrank.jobs import run_jobs
from archrank.types import ProgressCallback

if TYPE_CHECKING:
    from pathlib import Path

    from archrank.rankers.base import Ranker
    from archrank.report.figures import Figure
    from archrank.reproduce.bench import Bench
    from archrank.reproduce.journal import RunJournal

Found: TypeAlias = dict[str, Any]
"""Results of one run as JSON values by name, including ``seconds``."""

Announce: TypeAlias = Callable[[str], object]
"""Called with a line about what begins or has ended; workers call it, too."""

PICTURE = "the paper prints a picture only"
"""Reason of rows without a figure of the paper's, see :attr:`Row.why`."""
NOTHING = "the paper does not tell"
"""Reason of rows that the paper has nothing about."""

J = TypeVar("J")


def nobody(line: str) -> None:
    """Tell nobody."""


@contextmanager
def announced(announce: Announce, doing: str) -> Iterator[None]:
    """Tell that something long begins, and how long it took once it has ended."""
    start = time.monotonic()
    announce(f"{doing}: begins")
    yield
    announce(f"{doing}: done in {whole_duration(time.monotonic() - start)}")


@dataclass(frozen=True)
class Row:
    """One number of the paper, and ours.

    Attributes:
        what: Description of the number.
        ours: Mean (or another statistic, if ``what`` names one) over runs.
        paper: The printed number; ``None`` if the paper has only a picture or nothing.
        spread: Standard deviation of ours over runs; NaN for a single run.
        seeds: Number of runs.
        seconds: Time for fitting and scoring in seconds, summed over runs; only of the row's own
            round or stage if a run has several.
        why: One line that explains a difference.
        decimals: Number of decimals to print.
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
        """Difference of the printed numbers, ours minus the paper's."""
        if self.paper is None or not math.isfinite(self.ours):
            return None
        return round(self.ours, self.decimals) - self.paper


@dataclass(frozen=True)
class Claim:
    """Statement of the paper, or aim of archrank, and our measurement of it.

    Attributes:
        text: The statement.
        holds: Whether it is true of what was measured.
        measured: The numbers.
        published: It is the paper's; otherwise an aim of archrank.
    """

    text: str
    holds: bool
    measured: str = ""
    published: bool = True


@dataclass(frozen=True)
class Comparison:
    """Result of a reproduction: rows, claims and notes, and charts for a page, if any."""

    rows: list[Row]
    claims: list[Claim] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Extent of a reproduction, and the means to run it.

    Attributes:
        quick: Do fewer runs and a shorter pretraining, which takes minutes on two cores.
        seeds: Number of repetitions; random choices of repetition ``r`` depend on ``r`` alone.
        epochs: Epochs of every training instead of the published number; for tests.
        executor: Executor of the runs; ``None`` runs them in this process.
        progress: Called after each run with the number of finished runs and of all runs.
        announce: Called where something that takes minutes begins, and where it ends.
        journal: Storage of finished runs.
        published: Measurements are the paper's, so trainings take its settings where archrank's own
            are faster.
        data: Folder of the measurements; ``None``: what ``ARCHRANK_DATA`` names.
    """

    quick: bool = False
    seeds: int = 3
    epochs: int | None = None
    executor: Executor | None = None
    progress: ProgressCallback | None = None
    announce: Announce = nobody
    journal: RunJournal | None = None
    published: bool = True
    data: Path | None = None

    def shortened(self, ranker: Ranker) -> Ranker:
        """Limit the training of ``ranker`` to :attr:`epochs`, if that is set."""
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
        found = run_jobs(_single_threaded, ((run, job) for _, job in left), self.executor)
        with closing(found):
            for place, result in found:
                index = left[place][0]
                known[index] = result
                if self.journal is not None:
                    self.journal.add(call, index, result)
                if self.progress is not None:
                    self.progress(len(known), len(waiting))
        return [known[index] for index in range(len(waiting))]

    def _begin(self) -> tuple[int, dict[int, Found]]:
        """Return the number of this call of :meth:`map`, and its runs stored in the journal."""
        if self.journal is None:
            return 0, {}
        self.journal.calls += 1
        call = self.journal.calls
        return call, {i: found for (c, i), found in self.journal.known.items() if c == call}


def _single_threaded(run: Callable[[J], Found], job: J) -> Found:
    """Run a job on one thread, so that sums have the same order in any process."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return run(job)


@dataclass(frozen=True)
class Reproduction:
    """One published table or figure that can be reproduced.

    Attributes:
        name: Name of the reproduction, as typed by users.
        source: The paper, and the place in it.
        title: Title of the table or figure.
        files: Files of measurements to read.
        columns: Columns to read from the first file.
        protocol: ``module:function`` in this package that runs it; loaded on first use.
        seeds: Number of repetitions in the paper, or ours if the paper gives none.
        quick_seeds: Number of repetitions with ``quick``.
        more: Further columns of the first file, read if it has all of them.
        alone: True if one data set is enough; of the built-in tables it gets all rows of the first.
        trains: True if it trains networks on the tasks of the built-in tables, and so runs on
            those alone.
        own_task: True if it trains networks on a task that needs no files, and reads no table.
        reads_itself: True if it reads its files itself, of another space than NAS-Bench-201.
    """

    name: str
    source: str
    title: str
    files: tuple[str, ...]
    columns: tuple[str, ...]
    protocol: str
    seeds: int = 3
    quick_seeds: int = 1
    more: tuple[str, ...] = ()
    alone: bool = False
    trains: bool = False
    own_task: bool = False
    reads_itself: bool = False

    def run(self, bench: Bench | None, plan: Plan) -> Comparison:
        """Run the protocol on ``bench``; ``None`` if it reads no table, or its own."""
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
    """Make a row: mean (or median) and sd of ``key`` over runs, multiplied by ``scale``."""
    values = scale * np.array([run[key] for run in found], dtype=np.float64)
    centre = float(np.median(values) if median else values.mean())
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    seconds = float(sum(run["seconds"] for run in found))
    return Row(what, centre, paper, spread, len(values), seconds, why, decimals)
