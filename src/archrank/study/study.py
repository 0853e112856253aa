"""A study: one durable, resumable, parallel search."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.checks import instance, quoted, whole
from archrank.errors import (
    ArgumentError,
    BudgetWarning,
    ChangedRunWarning,
    SettingsError,
)
from archrank.evaluators.base import Evaluator
from archrank.evaluators.told import Told
from archrank.files import user_path
from archrank.locking import locked_database, make_folder
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.strategies.guided import Guided
from archrank.strategies.history import History
from archrank.study.address import Address
from archrank.study.ask_and_tell import AskAndTell
from archrank.study.attempts import Attempts, note_path
from archrank.study.callbacks import Followers, Watcher
from archrank.study.circumstances import circumstances
from archrank.study.engine import Engine
from archrank.study.objectives import Constraint, Goals, Objective, named_metrics
from archrank.study.record import Description, Record
from archrank.study.results import Results
from archrank.study.running import Running, check_budget
from archrank.study.sharing import Sharing
from archrank.study.storage import DATABASE, STUDY_NAME, Storage, TrialStore

if TYPE_CHECKING:
    import pandas as pd

MOST_AHEAD = 1000  # rounds


class Study(AskAndTell):
    """Search a space for the architectures that are best by an evaluator.

    Every evaluation is stored before the next round is proposed. Round ``r`` is proposed with
    randomness from ``SeedSequence([seed, r])`` and the results of the rounds before it, in proposal
    order, so the same settings give the same proposals: after a resume, and with any number of
    workers. The storage is opened, and created if need be, when it is first used, not here.

    A round begins when the one before it is complete, so workers wait for its slowest evaluation.
    With ``ahead`` more rounds may begin before that; each is then proposed as if nothing were known
    yet of the ``ahead`` rounds before it, whether that is so or not, so that the proposals still do
    not depend on who was faster.

    Args:
        space: the architectures to search.
        evaluator: measures architectures; the study binds it to the space. ``None``: you do, and
            tell the metrics that objectives and constraints name (:meth:`ask`, :meth:`tell`).
        strategy: chooses what to evaluate next; guided search with the default ranker if
            ``None``.
        objectives: metrics to optimise, ``"name"`` or ``"name:minimize"``; the evaluator's first
            metric if empty.
        constraints: such as ``"macs<=1e8"`` or, strictly, ``"macs<1e8"``; feasible architectures
            come first.
        run: folder that keeps everything, which the command line reads, too (``archrank best DIR``,
            ``report``, ``export``, ``runs``); one process at a time works in it.
        storage: in place of ``run``, path of an SQLite file (:class:`~pathlib.Path`), or SQLAlchemy
            URL of a database; ``None`` for both keeps everything in memory. A password may stand in
            the environment variable ``ARCHRANK_STORAGE``, in the database's URL. Several processes
            may run one study in a database server, and divide its evaluations; one at a time
            in a file.
        name: name of the study, in a storage that holds several; ``"archrank"`` if ``None``.
        executor: runs evaluations; ``None`` is this process.
        ahead: rounds that may begin before the ones before them are complete; results come so many
            rounds later to the strategy's knowledge.
        seed: decides every random choice, those of training included; 0 or more.
        accept_changes: whether to go on with a stored run although the code that measures, the
            table's columns or torch have changed since, so that its evaluations may not compare.

    Attributes:
        folder: the run folder; ``None`` without one.
        address: of the database; ``None`` is memory.
        name: of the study in the database.
        shortfall: how many evaluations the last :meth:`run` ended with, of how many, and why;
            ``None`` if it reached its budget.
        confirmations: sentences about what the last :meth:`run` measured once more at its end.
        made: evaluations that the last :meth:`run` made itself, not others who work on the study.

    Raises:
        StorageError: a storage that is no path or URL, or a database in memory.
        UnknownNameError: no such metric.
        ObjectiveError: an objective or constraint that cannot be read, or an objective twice.

    Example:
        >>> import archrank as ar
        >>> space = ar.spaces.NASBench201()
        >>> n_convs = lambda config: list(config.values()).count("nor_conv_3x3")
        >>> study = ar.Study(space, ar.evaluators.Function(n_convs), ar.strategies.Random())
        >>> len(study.run(budget=20).records)
        20
    """

    def __init__(
        self,
        space: Space,
        evaluator: Evaluator | None = None,
        strategy: Strategy | None = None,
        *,
        objectives: str | Sequence[str] = (),
        constraints: str | Sequence[str] = (),
        run: str | PathLike[str] | None = None,
        storage: Storage | None = None,
        name: str | None = None,
        executor: Executor | None = None,
        ahead: int = 0,
        seed: int = 0,
        accept_changes: bool = False,
    ) -> None:
        seed = whole(seed, "Study: seed")
        if seed < 0:
            raise SettingsError(f"seed {quoted(seed)}: a seed is 0 or more")
        instance(space, Space, "Study: space")
        if evaluator is None:
            named = named_metrics(objectives, constraints)
            if not named:
                raise SettingsError(
                    "Study: give an evaluator; or, to tell what came out, objectives='accuracy'"
                )
            evaluator = Told(*named.values())
        instance(evaluator, Evaluator, "Study: evaluator", "your own function is Function(measure)")
        if strategy is not None:
            instance(strategy, Strategy, "Study: strategy", "such as strategies.Random()")
        if executor is not None and not callable(getattr(executor, "submit", None)):
            raise ArgumentError(
                f"Study: executor is {quoted(executor)}, expected a concurrent.futures.Executor"
            )
        if name is not None:
            instance(name, str, "Study: name")
        self.evaluator = evaluator.bind(space, seed=seed)
        self.space = self.evaluator.space
        self.strategy = strategy if strategy is not None else Guided()
        self.seed = seed
        self.executor = executor
        self.ahead = whole(ahead, "Study: ahead", at_least=0, at_most=MOST_AHEAD)
        self.goals = Goals.parse(objectives, constraints, self.evaluator.metrics)
        self.accept_changes = accept_changes
        self.folder = None if run is None else _folder(run, storage)
        storage = storage if self.folder is None else self.folder / DATABASE
        self.address = None if storage is None else Address.of(storage)
        self.name = name or STUDY_NAME
        self._results: Results | None = None
        self._read = 0  # records of these results
        self.shortfall: str | None = None
        self.confirmations: tuple[str, ...] = ()
        self.made = 0

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """Metrics to optimise."""
        return self.goals.objectives

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Bounds on metrics."""
        return self.goals.constraints

    @cached_property
    def description(self) -> Description:
        """Description of the run in JSON values; stored beside the records."""
        identity = {
            "space": self.space.fingerprint(),
            "evaluator": self.evaluator.describe(),
            "strategy": self.strategy.describe(),
            "objectives": [str(o) for o in self.objectives],
            "constraints": [str(c) for c in self.constraints],
            "seed": self.seed,
        }
        if self.ahead:
            identity["ahead"] = self.ahead
        decisions = {c.name: tuple(c.options) for c in self.space.choices}
        metrics = self.evaluator.metrics
        found = circumstances(self.space, self.evaluator, self.strategy)
        return Description(self.space.name, decisions, metrics, self.goals, identity, found)

    @property
    def is_shared(self) -> bool:
        """True where several processes may run this study at a time: in a database server."""
        return self.address is not None and self.address.is_server

    # ---- storage -------------------------------------------------------------------------------

    def open(self) -> Study:
        """Open the storage now, and create it if need be; it is opened on first use otherwise.

        Raises:
            ResumeError: the storage holds another run, or this one has changed; says what differs.
            StorageError: the storage cannot be used.
        """
        self.records  # noqa: B018
        return self

    @cached_property
    def _store(self) -> TrialStore:
        if self.folder is not None:
            make_folder(self.folder)
        store = TrialStore(
            self.address, self.name, create=self.description, accept_changes=self.accept_changes
        )
        if store.changes:
            warnings.warn(
                f"since this run was begun, {'; '.join(store.changes)}",
                ChangedRunWarning,
                stacklevel=2,
            )
        return store

    @property
    def changes(self) -> tuple[str, ...]:
        """Sentences about what has changed since the stored run was last opened."""
        return self._store.changes

    @property
    def records(self) -> list[Record]:
        """All evaluations so far, in proposal order once a run has ended.

        The first access opens the storage.

        Raises:
            ResumeError: the storage holds another run, or this one has changed; says what differs.
            StorageError: the storage cannot be used.
        """
        return self._ledger.records

    # ---- running -------------------------------------------------------------------------------

    def run(
        self,
        budget: int | None = None,
        *,
        minutes: float | None = None,
        confirm: int = 0,
        watcher: Watcher | None = None,
        callbacks: Sequence[object] = (),
    ) -> Study:
        """Evaluate until the run holds ``budget`` evaluations or has worked ``minutes``.

        Both include what earlier sessions of the same run did, so repeating a call that was
        interrupted finishes it, and a larger budget extends it. Failed evaluations count; an
        architecture that breaks a limit before it is trained does not, and 100 of these in a row
        end the run. At the end what is best is measured once more, where that tells more, as of
        latencies (:mod:`archrank.study.confirming`), and where scores are noisy, it is decided
        what is recommended (:attr:`.Results.recommended`).

        Args:
            budget: number of evaluations, in total.
            minutes: run time in minutes, in total; repetitions are made after them.
            confirm: number of evaluations of the budget, in total, that train what may be best
                again, with other seeds (:mod:`archrank.study.repeating`).
            watcher: is told of the beginning, every evaluation and the end.
            callbacks: are told the same, such as trackers (:mod:`archrank.integrations.tracking`):
                objects with some of a watcher's methods, whose errors do not end the run.

        Raises:
            BudgetError: neither is given, a budget below 1 or above the number of architectures,
                or minutes that are not positive; or a budget that ``confirm`` leaves nothing of.
            SettingsError: ``confirm`` where nothing can be trained again.
            EvaluationError: the first evaluations all failed, or the executor broke.
            InfeasibleError: nothing that keeps the constraints was found before anything was
                evaluated to the end; says how many were drawn or measured, and names the nearest.
            ResumeError: the storage holds another run, or this one has changed; says what differs.
            StorageError: the storage cannot be used.

        Warns:
            BudgetWarning: the run ended before the budget; not where a watcher can tell it.
            CallbackWarning: a callback failed, and is left out from then on.
        """
        self.check_budget(budget, minutes, confirm)
        followers = Followers(watcher, callbacks)
        with self._alone(), self._sharing() as sharing:
            self._run(budget, minutes, confirm, followers, sharing)
        if self.shortfall is not None and watcher is None:
            warnings.warn(self.shortfall, BudgetWarning, stacklevel=2)
        return self

    @contextmanager
    def _sharing(self) -> Iterator[Sharing | None]:
        """Be known to other processes that work on this study, or be the only one in a file."""
        file = None if self.folder is not None or self.address is None else self.address.path
        with nullcontext() if file is None else locked_database(file, self.name):
            found = self._store.sharing(itself=self.executor is None)
            with nullcontext() if found is None else found:
                yield found

    def _run(
        self,
        budget: int | None,
        minutes: float | None,
        confirm: int,
        followers: Followers,
        sharing: Sharing | None,
    ) -> None:
        def tell(what: str, *more: object) -> None:
            followers.tell(what, self, *more)

        def results() -> Results:
            self._results = None
            return self.results

        self._refresh()
        attempts = Attempts(self._note)
        running = Running(
            self._engine,
            self._store,
            self._ledger,
            self.description,
            attempts,
            results,
            tell,
            sharing,
        )
        rounds = running.without_repetitions(budget, confirm)
        tell("started", rounds, minutes)
        self.shortfall, self.confirmations, self.made = None, (), 0
        try:
            running.run(budget, rounds, minutes, confirm)
        finally:
            self.shortfall, self.confirmations = running.shortfall, running.confirmations
            self.made = running.made
            attempts.close()
            self.records.sort(key=lambda r: r.key)
            self._results = None
            tell("ended")

    def check_budget(self, budget: int | None, minutes: float | None, confirm: int = 0) -> None:
        """Refuse a budget that cannot be spent.

        Raises:
            BudgetError: neither is given, a budget below 1 or above the number of architectures,
                or minutes that are not positive; or one that ``confirm`` leaves nothing of.
            SettingsError: ``confirm`` where nothing can be trained again.
        """
        check_budget(self.evaluator, self.goals, budget, minutes, confirm)

    @property
    def _note(self) -> Path | None:
        """Place of the note of what is evaluated here: beside the file of the storage, if any."""
        file = None if self.address is None else self.address.path
        return None if file is None else note_path(file, self.name)

    @cached_property
    def _engine(self) -> Engine:
        return Engine(
            self.space,
            self.evaluator,
            self.strategy,
            self.goals,
            self.seed,
            self.executor,
            self.ahead,
        )

    # ---- results -------------------------------------------------------------------------------

    @property
    def results(self) -> Results:
        """Everything evaluated so far, as columns and as a report needs it."""
        if self._results is None or self._read != len(self.records):
            description = replace(self.description, changes=self._store.noted)
            in_order = sorted(self.records, key=lambda r: r.key)  # of ties, the first counts
            found = self._store.results(in_order, description)
            self._results = replace(
                found, space=self.space, evaluator=self.evaluator, strategy=self.strategy
            )
            self._read = len(self.records)
        return self._results

    @property
    def history(self) -> History:
        """Everything evaluated so far, as strategies see it."""
        return self._engine.history(self.records)

    @property
    def best(self) -> Record:
        """The best feasible evaluation by the objective (of several: by the first).

        Raises:
            InfeasibleError: no evaluated architecture keeps every constraint; names the nearest.
            EvaluationError: nothing was evaluated successfully yet.
        """
        return self.results.best

    @property
    def recommended(self) -> Record:
        """The feasible evaluation to go on with; see :attr:`.Results.recommended`."""
        return self.results.recommended

    @property
    def nearest(self) -> Record:
        """The best feasible evaluation, or, if there is none, that of the least violation.

        Raises:
            EvaluationError: nothing was evaluated successfully yet.
        """
        return self.results.nearest

    @property
    def front(self) -> list[Record]:
        """Feasible evaluations that none dominates, best of the first objective first.

        Empty where nothing is feasible.
        """
        return self.results.front

    def feasible(self, record: Record) -> bool:
        """Tell whether an evaluation succeeded and keeps every constraint."""
        return self.results.is_feasible(instance(record, Record, "feasible: record"))

    def table(self) -> pd.DataFrame:
        """Return all evaluations as a data frame: architecture, metrics, seconds and failure."""
        return self.results.table()


def _folder(run: str | PathLike[str], storage: Storage | None) -> Path:
    """Return the run folder.

    Raises:
        SettingsError: a storage beside it.
        ArgumentError: it is no path.
    """
    if storage is not None:
        raise SettingsError(
            f"Study: a run folder keeps its evaluations itself: leave out storage={quoted(storage)}"
        )
    if not isinstance(run, str | PathLike) or not str(run):
        raise ArgumentError(f"Study: run is {quoted(run)}, expected the path of a folder")
    return user_path(run)
