"""The evaluator of a search, from its settings: a table, named evaluators, or training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archrank.checks import whole
from archrank.errors import ArchrankError, SettingsError, UnknownNameError
from archrank.evaluators import EVALUATORS, BlockCosts, Combined, Evaluator, Metric, Told, Training
from archrank.metrics import find_metric, split_direction
from archrank.runs.named import instance_of, make_task, parameters
from archrank.runs.own_functions import TrainingOptions, kind_of
from archrank.runs.settings import SearchSettings
from archrank.runs.table import search_table
from archrank.study.objectives import named_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from archrank.evaluators import Latency, PredictedLatency
    from archrank.spaces.base import Space
    from archrank.tables.base import BenchTable
    from archrank.tasks.base import Task

DEFAULT = ("training", "cost")
"""Evaluators of a search that names neither evaluators nor a table."""

TOLD = "told"
"""Evaluator of a search whose evaluations are made elsewhere: archrank ask, archrank tell."""

ELSEWHERE = {
    "block_costs": "name the file: --block-costs FILE",
    "command_latency": "name the command: --latency-command './bench.sh {onnx}'",
    "combined": "repeat --evaluate to combine several evaluators",
    "function": "name your own function: --evaluate path/to/file.py:function",
    "one_shot": "score with archrank supernet score, then use --table FILE or --weak FILE:COLUMN",
    "predicted_latency": "name the table of latencies: --latency-table FILE",
    "table": "name the file: --table FILE",
}
"""Evaluators of the registry that ``--evaluate`` cannot make, and how to get them instead."""


@dataclass(frozen=True)
class Composition:
    """The evaluator of a search.

    Attributes:
        evaluator: not bound to a space yet.
        added: ``{metric: name}`` of evaluators that nobody named and a metric needs.
    """

    evaluator: Evaluator
    added: dict[str, str] = field(default_factory=dict)


def make_evaluator(settings: SearchSettings, space: Space) -> Evaluator:
    """Return the evaluator that ``settings`` describe; see :func:`compose_evaluator`."""
    return compose_evaluator(settings, space).evaluator


def compose_evaluator(settings: SearchSettings, space: Space) -> Composition:
    """Return the evaluator of a search, which measures every metric that the search asks for.

    It combines the table and the evaluators that are named; without any it trains networks and
    counts their costs. A metric that none of them measures adds the evaluator that does, unless
    results come from a table: nothing tells whether the table's networks are those of the task.

    Raises:
        TableError: the table cannot be read, or an objective's column is text, has empty cells, or
            is the same everywhere.
        UnknownNameError: no such evaluator, task or metric.
        SettingsError: an evaluator that the command line cannot make.
        EvaluationError: two evaluators that measure the same and cannot be told apart.
    """
    return _Composer(settings, space).compose()


def wanted_metrics(settings: SearchSettings, columns: Collection[str] = ()) -> dict[str, Metric]:
    """Return the metrics that objectives and constraints name, as far as these tell about them.

    Args:
        settings: of the search.
        columns: of its table, whose names may have colons.

    Raises:
        ObjectiveError: a constraint that cannot be read.
    """
    return named_metrics(settings.metric, settings.constraint, columns)


class _Composer:
    """Makes evaluators by name for one search."""

    def __init__(self, settings: SearchSettings, space: Space) -> None:
        self.settings = settings
        self.space = space

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The table's metrics; none without a table."""
        from archrank.evaluators import Table

        if self.settings.table is None:
            return ()
        return tuple(m.name for m in Table(self.source).metrics)

    @cached_property
    def source(self) -> Path | BenchTable:
        """The file of the table, or the table itself where it has to be read in another way."""
        return search_table(self.settings, self.space)

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """Names of the metrics that objectives ask for."""
        return tuple(split_direction(text, self.columns)[0] for text in self.settings.metric)

    @cached_property
    def wanted(self) -> dict[str, Metric]:
        """Metrics that objectives and constraints name."""
        return wanted_metrics(self.settings, self.columns)

    @cached_property
    def task(self) -> Task:
        return make_task(self.settings.task, self.settings.data)

    @cached_property
    def options(self) -> TrainingOptions:
        """Options of trainings that were typed, and which of them nothing has taken yet."""
        return TrainingOptions.of(self.settings)

    def compose(self) -> Composition:
        settings = self.settings
        whole(settings.latency_batch, "--latency-batch", at_least=1, error=SettingsError)
        names = settings.evaluate or (DEFAULT if settings.table is None else ())
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(f"evaluator {twice!r} is named twice: leave one of the two out")
        if settings.table is None:
            _ = self.task  # a name that cannot be used is told, also where nothing trains
        found = {name: EVALUATORS.get(name) for name in names}
        vague = [n for n, fn in found.items() if n == TOLD or _is_vague(fn)]
        parts = {name: self.make(name) for name in names if name not in vague}
        costs = [] if settings.block_costs is None else [BlockCosts(settings.block_costs)]
        others = [*parts.values(), *costs]
        tables = [] if settings.table is None else [self.table(others, bool(vague))]
        for name in vague:
            parts[name] = self.function(name, [*tables, *parts.values(), *costs], vague)
        ordered = [*tables, *(parts[name] for name in names)]
        if self.latencies is not None:
            ordered = [*ordered, self.latencies[0]]
        ordered += [*self.timed("latency" in names), *costs]
        combined = ordered[0] if len(ordered) == 1 else Combined(*ordered)
        added = self.missing(combined)
        extra = [self.make(name) for name in dict.fromkeys(added.values())]
        self.options.refuse_ignored()
        self._refuse_idle_batch([combined, *extra])
        return Composition(Combined(combined, *extra) if extra else combined, added)

    def _refuse_idle_batch(self, evaluators: Sequence[Evaluator]) -> None:
        """Refuse a batch where nothing measures latency."""
        from archrank.evaluators.timed import TimedNetworks

        batch = self.settings.latency_batch
        parts = [part.unscoped for evaluator in evaluators for part in evaluator.parts()]
        if batch != 1 and not any(isinstance(part, TimedNetworks) for part in parts):
            raise SettingsError(
                f"--latency-batch {batch}: nothing that this search evaluates with measures "
                "latency; remove it, or add --latency cpu or --constraint 'latency_ms<=1'"
            )

    def timed(self, named: bool) -> list[Evaluator]:
        """Return what measures latencies, as ``--latency`` and ``--latency-command`` ask for.

        Args:
            named: whether ``--evaluate latency`` has made that of ``--latency`` already.
        """
        from archrank.runs.latency_limits import command_latency

        if self.settings.latency_command is not None:
            command = command_latency(self.settings, self.task)
            return [command, *([self.make("latency")] if self.settings.latency else [])]
        return [self.make("latency")] if self.settings.latency and not named else []

    @cached_property
    def latencies(self) -> tuple[PredictedLatency, Latency] | None:
        """Evaluators that predict and that measure latencies, where there is a table of them."""
        from archrank.runs.latency_limits import latency_evaluators

        if self.settings.latency_table is None:
            return None
        return latency_evaluators(self.settings, self.space, self.task)

    def make(self, name: str) -> Evaluator:
        """Return the evaluator called ``name``, for the task of the search where it takes one."""
        if name == "latency":
            from archrank.runs.latency_limits import measured_latency

            return measured_latency(self.settings, self.task, self.latencies)
        if name in ELSEWHERE:
            raise SettingsError(f"--evaluate {name}: {ELSEWHERE[name]}")
        found = EVALUATORS.get(name)
        if (kind := kind_of(found)) is not None:
            return self.options.evaluator(found, kind, self.task, None)
        takes = parameters(found, Evaluator)
        offered: dict[str, Any] = {"space": self.space} if "space" in takes else {}
        offered |= self.options.offered(takes)
        if "task" in takes:
            offered["task"] = self.options.task(self.task, trains=found is Training)
        evaluator: Evaluator = instance_of(EVALUATORS, name, Evaluator, **offered)
        return evaluator

    def function(self, name: str, others: Sequence[Evaluator], vague: Sequence[str]) -> Evaluator:
        """Return an evaluator of the function ``name``, for metrics that nothing else measures.

        Args:
            name: a function that declares no metrics, or ``told``, whose values a user tells.
            others: the other evaluators.
            vague: names of all functions that declare no metrics.

        Raises:
            SettingsError: several such functions, so that nothing tells which one measures what.
        """
        fn = EVALUATORS.get(name)
        known = [m for evaluator in others for m in evaluator.metrics]
        left = [m for m in self.wanted.values() if not _has(known, m.name)]
        own = [m for m in left if m.name in self.objectives or m.name not in self.offers]
        if name == TOLD and not own:
            raise SettingsError("name what you will tell: --metric accuracy")
        if own and len(vague) > 1:
            raise SettingsError(
                f"functions {', '.join(vague)}: say which of them measures what, by a line such "
                f"as {name.rpartition(':')[2]}.metrics = [{own[0].name!r}] in the file"
            )
        if name == TOLD:
            return Told(*own)
        kind = kind_of(fn)
        assert kind is not None
        return self.options.evaluator(fn, kind, self.task, own or None)

    def table(self, others: Sequence[Evaluator], vague: bool) -> Evaluator:
        """Return the table; checks the columns of objectives that ``others`` do not measure.

        An objective that is no column is an error, unless a function measures it (``vague``).
        """
        from archrank.evaluators import Table

        assert self.settings.table is not None
        known = [m for evaluator in others for m in evaluator.metrics]
        names = [name for name in self.objectives if not _has(known, name)]
        names = [name for name in names if name in self.columns or not vague]
        first = names[0] if names else next(iter(self.columns), None)
        if self.settings.choices:  # rows without a value have failed
            return Table(self.source, first, complete=False)
        table = Table(self.source, first)
        for name in names[1:]:  # the first is checked by the evaluator itself
            table.bind(self.space).table.objective(name)
        return table

    def missing(self, evaluator: Evaluator) -> dict[str, str]:
        """Return ``{metric: name}`` of the evaluators that are needed beside ``evaluator``.

        Raises:
            UnknownNameError: no evaluator measures a metric that is asked for.
            ObjectiveError: a metric that one measures, followed by something else than a direction.
        """
        added = {}
        for name in self.wanted:
            if _has(evaluator.metrics, name):
                continue
            measured = {m.name for m in evaluator.metrics}
            source = self.offers.get(name)
            if self.settings.table is not None and source is not None:
                raise UnknownNameError(
                    "metric",
                    name,
                    measured,
                    f"To measure it on networks for task {self.settings.task!r}, add "
                    f"--evaluate {source}",
                )
            split_direction(name, measured | {*self.offers})  # refuses what is no direction
            if source is None:
                known = measured if self.settings.table is not None else measured | {*self.offers}
                raise UnknownNameError("metric", name, known)
            added[name] = source
        return added

    @cached_property
    def offers(self) -> dict[str, str]:
        """Metrics of all registered evaluators: ``{metric: name}``."""
        found: dict[str, str] = {}
        for name in EVALUATORS.names():
            if name in ELSEWHERE or name == TOLD:
                continue
            try:
                evaluator = self.make(name)
            except (ArchrankError, ImportError):  # not usable here; nobody has asked for it
                continue
            for metric in evaluator.metrics:
                found.setdefault(metric.name, name)
        return found


def _is_vague(found: Any) -> bool:
    """Return True for a function that does not declare its metrics."""
    return kind_of(found) is not None and not hasattr(found, "metrics")


def _has(metrics: Sequence[Metric], name: str) -> bool:
    """Return True if ``name`` means one of ``metrics``, or several of different scopes."""
    try:
        find_metric(name, metrics)
    except UnknownNameError:
        return False
    except ArchrankError:  # ambiguous; the study says so
        return True
    return True
