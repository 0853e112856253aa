"""``archrank search``: the main job."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import tyro

from archrank.cli.output import progress_console, say, show_record
from archrank.study.settings import SearchSettings

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from archrank.study.study import Study

DEFAULT_BUDGET = 60
INTERRUPTED = 130  # the shell's exit status for a program stopped by Ctrl-C


@dataclass
class Search:
    """Search a space for its best architectures.

    Without arguments: NAS-Bench-201 cells, trained on handwritten digits. A search that was
    stopped, by Ctrl-C or kill -9, goes on when the same command is repeated; a larger budget
    extends it.
    """

    settings: Annotated[SearchSettings, tyro.conf.arg(name="")] = field(
        default_factory=SearchSettings
    )
    budget: int | None = None
    """Evaluations in all, failed ones included (60 if neither this nor minutes is given)."""
    minutes: float | None = None
    """Working time in all."""
    workers: int | None = None
    """Processes that evaluate; by default one per core for training, none for a table."""
    cluster: str | None = None
    """Evaluate on a Dask cluster, tcp://host:port."""
    run: Path | None = None
    """The run folder; named after the search if left out."""
    storage: str | None = None
    """Keep evaluations in this database (SQLAlchemy URL) instead of the run folder."""

    def __call__(self) -> int:
        """Search, write the report, show the best; the exit status."""
        from archrank.study.progress import watcher
        from archrank.study.run import open_run

        folder = self.run if self.run is not None else self.settings.default_run()
        budget = self.budget
        if budget is None and self.minutes is None:
            budget = DEFAULT_BUDGET
        start = time.monotonic()
        with (
            self._executor() as executor,
            open_run(
                folder,
                self.settings,
                budget=budget,
                minutes=self.minutes,
                storage=self.storage,
                executor=executor,
            ) as study,
        ):
            say(f"{study.space.name}, {study.space.size:,} architectures; run folder {folder}")
            before = len(study.records)
            stopped = False
            try:
                study.run(budget, minutes=self.minutes, watcher=watcher(progress_console()))
            except KeyboardInterrupt:
                stopped = True
            done = len(study.records) - before
            say(f"{done} evaluations in {time.monotonic() - start:.0f} s")
            self._finish(study, folder, stopped)
        return INTERRUPTED if stopped else 0

    def _finish(self, study: Study, folder: Path, stopped: bool) -> None:
        from archrank.report import write_report
        from archrank.study.settings import to_json

        if not stopped or any(record.reason is None for record in study.records):
            show_record(study, study.best)
            if not stopped:
                settings = to_json(self.settings)
                report = write_report(study, folder / "report.html", settings=settings)
                say(f"report  {report}")
        if stopped:
            say(
                f"stopped after {len(study.records)} evaluations, all kept in {folder}; "
                "repeat the command to go on"
            )

    @contextmanager
    def _executor(self) -> Iterator[Executor | None]:
        from archrank.study.worker import dask_cluster, process_pool

        default = 1 if self.settings.table is not None else _cores()
        executor = (
            dask_cluster(self.cluster)
            if self.cluster is not None
            else process_pool(default if self.workers is None else self.workers)
        )
        previous = signal.signal(signal.SIGTERM, _interrupt)  # a scheduler's stop is a clean stop
        try:
            yield executor
        finally:
            signal.signal(signal.SIGTERM, previous)
            if executor is not None:
                executor.shutdown(wait=False, cancel_futures=True)
                for child in multiprocessing.active_children():
                    child.terminate()  # what it evaluates now would not be kept anyway


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
