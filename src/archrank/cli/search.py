"""Command ``archrank search``, the main command."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from archrank.cli.names import names_of
from archrank.cli.output import (
    confirm,
    progress_console,
    say,
    say_own_code,
    show_recommended,
    warnings_as_lines,
)
from archrank.cli.workers import INTERRUPTED, cores, running
from archrank.errors import SettingsError
from archrank.formatting import whole_duration
from archrank.runs.settings import SearchSettings

if TYPE_CHECKING:
    from archrank.integrations.tracking import Tracker
    from archrank.runs.fidelity import Fidelity
    from archrank.study.study import Study


@dataclass
class Search:
    """Search a space for its best architectures.

    Without options, it trains NAS-Bench-201 cells on handwritten digits. Repeat the same command
    to continue a search that was stopped, by Ctrl-C or kill -9; give a larger budget to extend it.
    --run DIR alone repeats the settings of the search in that folder.
    """

    settings: SearchSettings = field(default_factory=SearchSettings)
    budget: int | None = None
    """Total evaluations, failed ones included (default: 60, strategy acenas 110, ranknas 3; no
    limit with --minutes). With --fidelity, what all cost together, in full trainings."""
    confirm: int = 0
    """Evaluations of the budget, in total, that train what may be best again, with other seeds."""
    minutes: float | None = None
    """Total run time in minutes, over all restarts (default: no limit)."""
    workers: int | None = None
    """Worker processes that evaluate (default: one per core, none for a table alone)."""
    cluster: Annotated[str | None, "ADDRESS"] = None
    """Evaluate on a Dask cluster, tcp://host:8786, instead of this machine; local starts one here,
    with --workers of them."""
    resources: tuple[str, ...] = ()
    """Resources that each evaluation needs on the cluster, NAME=NUMBER as its workers were started
    with, such as GPU=1."""
    retries: int | None = None
    """Number of times that a call which a worker cannot make is made again (default: 2)."""
    run: Annotated[Path | None, "DIR"] = None
    """Run folder, in which everything is kept (default: runs/NAME, NAME after the search)."""
    storage: Annotated[str | None, "URL"] = None
    """Keep evaluations in this database (SQLAlchemy URL), under the run folder's name (default: a
    file in the run folder). In PostgreSQL several processes, on any hosts, share one search."""
    track: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ()
    """Also write every evaluation to these trackers; what an earlier run lacks there, too."""
    accept_changes: bool = False
    """Continue a run although code, table or torch have changed since it was begun."""

    @staticmethod
    def names_in_help() -> list[str]:
        """Return the names that options take, for the help page."""
        return [
            *names_of("spaces", "tasks", "tables", "evaluators", "strategies", "rankers"),
            "archrank list says in one line what each is.",
        ]

    def __call__(self) -> int:
        """Search, write the report, show the best; return the exit status."""
        from archrank.runs.folder import repeated
        from archrank.runs.plan import planned
        from archrank.runs.table import with_published_space

        self.settings = with_published_space(self.settings)
        folder = self.run if self.run is not None else self.settings.default_run()
        typed, self.settings = self.settings, repeated(folder, self.settings)
        if self.settings != typed:  # somebody else may have chosen the code that they name
            say_own_code(self.settings.code, folder, allowed=False)
        self.settings, budget = planned(self.settings, folder, self.budget, self.minutes)
        try:
            return self._search(folder, budget)
        except KeyboardInterrupt:  # before the first evaluation
            say(f"stopped; what is finished is kept in {folder}, repeat the command to go on")
            return INTERRUPTED

    def _search(self, folder: Path, budget: int | None) -> int:
        from archrank.display.search import watcher
        from archrank.display.steps import Steps
        from archrank.parallel.processes import Processes, is_sendable
        from archrank.runs.folder import open_run

        start = time.monotonic()
        trackers = self._trackers(folder)
        short = self._fidelity()
        if short is not None and budget is not None:
            budget = short.full(budget, max(self.confirm, 0))
        usual = self.budget is None and self.minutes is None  # cut below to what there is
        with (
            running(
                self._workers(),
                self.cluster,
                apart=not self._looks_up,
                resources=self.resources,
                retries=self.retries,
            ) as executor,
            progress_console().status("starting") as starting,
            Steps(progress_console(), starting.stop) as steps,
            open_run(
                folder,
                self.settings,
                budget=1 + max(self.confirm, 0) if usual else budget,
                minutes=self.minutes,
                confirm=self.confirm,
                storage=self.storage,
                executor=executor,
                accept_changes=self.accept_changes,
                ask=confirm,
                watch=steps,
                tell=say,
            ) as study,
        ):
            steps.end()
            starting.stop()
            budget = min(budget or 0, study.evaluator.capacity) if usual else budget
            if isinstance(executor, Processes) and executor.workers == 1:
                study.executor = executor if is_sendable(study.evaluator) else None
            if short is not None:
                self._make_shorts(study, short, folder, max((budget or 1) - self.confirm, 1))
            say(f"{study.space.name}, {study.space.size:,} architectures; run folder {folder}")
            say("; ".join(study.goals.labels))
            for change in study.changes:
                say(f"since this run was begun, {change}")
            self._tell_added(study)
            self._tell_waiting(study)
            self._tell_idle(study)
            before = len(study.results.records)
            stopped = False
            console = progress_console()
            try:
                with warnings_as_lines(console):
                    study.run(
                        budget,
                        minutes=self.minutes,
                        confirm=self.confirm,
                        watcher=watcher(console),
                        callbacks=trackers,
                    )
            except KeyboardInterrupt:
                stopped = True
            done = len(study.results.records) - before
            spent = whole_duration(time.monotonic() - start)
            counted = f"{done} evaluation{'s' * (done != 1)} in {spent}"
            if study.made < done:
                counted += f", {study.made} of them by this process"
            say(", ".join(filter(None, [counted, study.results.rejected_note])))
            for sentence in study.confirmations:
                say(sentence)
            if study.shortfall is not None:
                say(f"the budget was not reached: {study.shortfall}")
            self._finish(study, folder, stopped, budget)
        return INTERRUPTED if stopped else 0

    def _fidelity(self) -> Fidelity | None:
        """Return the short trainings that the search begins with, if any.

        Raises:
            SettingsError: it has none such, or is limited by time.
        """
        from archrank.runs.fidelity import fidelity_of

        found = fidelity_of(self.settings)
        if found is not None and self.minutes is not None:
            raise SettingsError(
                f"--fidelity {self.settings.fidelity} divides a number of trainings: give "
                f"--budget in place of --minutes {self.minutes:g}"
            )
        return found

    def _make_shorts(self, study: Study, short: Fidelity, folder: Path, budget: int) -> None:
        """Make the short trainings that ``budget`` full ones choose among."""
        from archrank.display.steps import Steps
        from archrank.runs.fidelity import FOLDER
        from archrank.runs.shorts import make_shorts
        from archrank.strategies import Promoted

        assert isinstance(study.strategy, Promoted)
        with Steps(progress_console(), lambda: None) as steps:
            make_shorts(
                study.strategy,
                short,
                folder,
                budget,
                beside=study,
                executor=study.executor,
                accept_changes=self.accept_changes,
                ask=confirm,
                watch=steps,
            )
        made = len(study.strategy.shorts.archs) if study.strategy.shorts is not None else 0
        say(
            f"{short.meaning}: {made:,} evaluations, in {folder / FOLDER}; the best of them go on, "
            f"{budget:,} in full"
        )

    def _trackers(self, folder: Path) -> list[Tracker]:
        """Make the trackers that were named."""
        from archrank.integrations.tracking import make_trackers
        from archrank.runs.settings import given

        return make_trackers(self.track, given(self.settings), folder) if self.track else []

    def _workers(self) -> int | None:
        if self.cluster is None and (self.resources or self.retries is not None):
            option = "--resources" if self.resources else "--retries"
            raise SettingsError(
                f"{option} is for evaluations on a cluster: add --cluster ADDRESS, or --cluster "
                "local"
            )
        if self.cluster == "local":
            return self.workers
        if self.workers is not None and self.cluster is not None:
            raise SettingsError(
                f"cluster {self.cluster} has its own workers: remove --workers {self.workers}, or "
                f"remove --cluster to use {self.workers} of this machine"
            )
        if self.workers is not None:
            return self.workers
        return 1 if self._looks_up else cores()

    @property
    def _looks_up(self) -> bool:
        """True if a table alone evaluates, which ends no process."""
        return self.settings.table is not None and not self.settings.evaluate

    def _tell_added(self, study: Study) -> None:
        """Say which evaluators a metric has added to those that were named."""
        from archrank.runs.evaluators import compose_evaluator

        for metric, name in compose_evaluator(self.settings, study.space).added.items():
            say(f"{metric} needs evaluator {name}, which was added (as by --evaluate {name})")

    def _tell_waiting(self, study: Study) -> None:
        """Say that others have to end before latencies are measured, if any run here."""
        from archrank.evaluators import CommandLatency, Latency
        from archrank.isolation import WAITING, in_use

        parts = study.evaluator.parts()
        if any(isinstance(each.unscoped, Latency | CommandLatency) for each in parts) and in_use():
            say(f"{WAITING}, before latencies are measured")

    def _tell_idle(self, study: Study) -> None:
        """Say how a new search keeps all workers busy, if its rounds are too small for that."""
        from archrank.study.evaluating import capacity

        each = getattr(study.strategy, "batch_size", None)
        workers = 1 if study.executor is None else capacity(study.executor)
        busy = (each or workers) * (1 + study.ahead)
        if busy < workers and self.settings.batch is None and not study.records:
            say(
                f"{workers} workers, of which rounds of {each} keep {busy} busy: --batch {workers} "
                f"--ahead 1 keeps all busy, and learns a little less from each evaluation"
            )

    def _tell_subnets(self, study: Study, folder: Path) -> None:
        """Write the report of the search in a supernet, where there was one, and say where."""
        from archrank.report.supernet_search import write_search_report
        from archrank.runs.ranknas import SEARCH
        from archrank.runs.supernet_search.results import read_sampled, read_search
        from archrank.strategies import RankNASSearch

        if not isinstance(study.strategy, RankNASSearch):
            return
        inside = folder / SEARCH
        found, sampled = read_search(inside), read_sampled(inside, study.space)
        path = write_search_report(found, inside / "report.html", sampled=sampled)
        say(f"search in the supernet  {path}")
        for note in found.notes:
            say(note)

    def _tell_pruned(self, study: Study) -> None:
        """Say what the search fixed, if it pruned the space."""
        from archrank.strategies import Pruned

        strategy = study.strategy
        if not isinstance(strategy, Pruned) or len(study.history) < strategy.after:
            return
        pruning = strategy.pruning(study.history)
        if pruning is None:
            say(f"not pruned: no importance of {strategy.threshold:g} or more, or too few results")
            return
        fixed = ", ".join(pruning.names) or "nothing"
        say(
            f"pruned after {strategy.after} evaluations: searched {', '.join(pruning.kept)}; fixed "
            f"{fixed} ({study.space.size:.3g} architectures -> {pruning.space.size:.3g})"
        )

    def _finish(self, study: Study, folder: Path, stopped: bool, budget: int | None) -> None:
        from archrank.report import write_report
        from archrank.runs.settings import given

        self._tell_pruned(study)
        results = study.results
        if results.feasible.any():
            show_recommended(results)
        if not stopped:
            settings = given(self.settings)
            report = write_report(study, folder / "report.html", settings=settings)
            say(f"report  {report}")
            self._tell_subnets(study, folder)
            results.best  # noqa: B018  # refuses to name any where none is feasible
        elif results.ok.any() and not results.feasible.any():
            say(results.infeasible_note())
        if stopped:
            of = "" if budget is None else f" of {budget}"
            say(
                f"stopped after {len(results.records)}{of} evaluations, all kept in {folder}; "
                "repeat the command to go on"
            )
