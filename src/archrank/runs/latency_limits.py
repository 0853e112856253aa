"""Limits of a search on latencies that a table of measured ones lets it predict.

What is predicted, with its margin, not to keep a limit is not evaluated. What is evaluated is
measured by the full protocol, and that number decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archrank.errors import SettingsError
from archrank.evaluators import CommandLatency, Latency, PredictedLatency
from archrank.evaluators.latency import SHORT
from archrank.formatting import significant
from archrank.hardware.command import LatencyCommand
from archrank.hardware.measured import LATENCY, MeasuredLatencies
from archrank.hardware.protocol import LatencyProtocol
from archrank.study.objectives import Constraint

if TYPE_CHECKING:
    from archrank.runs.settings import SearchSettings
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

FULL = LatencyProtocol().repeats


def predicted_limits(settings: SearchSettings) -> tuple[str, ...]:
    """Return limits on predicted latencies for those that were typed; none without a table."""
    if settings.latency_table is None:
        return ()
    predicted = PredictedLatency.metrics[0].name
    return tuple(f"{predicted}{relation}{bound}" for relation, bound in _limits(settings))


def latency_evaluators(
    settings: SearchSettings, space: Space, task: Task
) -> tuple[PredictedLatency, Latency]:
    """Return what predicts latencies from the table, and what measures them as the table says.

    Raises:
        SettingsError: there is no upper limit on ``latency_ms``, or one below the fastest
            architecture of the table; or latencies come from another table, too.
        TableError: the table cannot be read, or cannot be measured again here.
    """
    path = settings.latency_table
    assert path is not None
    if settings.table is not None:
        raise SettingsError(
            f"--latency-table {path} serves networks that are built and measured, and --table "
            f"{settings.table} looks results up: leave one of them out"
        )
    limits = _limits(settings)
    if not limits:
        raise SettingsError(
            f"--latency-table {path} serves a limit of latency_ms, and there is none: add "
            "--constraint 'latency_ms<=...', or leave the table out"
        )
    known = MeasuredLatencies.read(path, space)
    known.require_here(task)
    fastest = int(known.ms.argmin())
    for relation, bound in limits:
        if float(bound) < known.ms[fastest]:
            name = space.format(known.archs[fastest : fastest + 1])[0]
            raise SettingsError(
                f"constraint {LATENCY}{relation}{bound}: the fastest of {len(known.ms):,} "
                f"measured architectures of {space.name}, {name}, has "
                f"{significant(float(known.ms[fastest]))} ms; allow a little more"
            )
    protocol = replace(known.protocol, repeats=max(FULL, known.protocol.repeats))
    return PredictedLatency(path), Latency(task, protocol, known.device)


def measured_latency(
    settings: SearchSettings,
    task: Task,
    from_table: tuple[PredictedLatency, Latency] | None,
) -> Latency:
    """Return what measures latencies: as the table says, or on the device of ``--latency``.

    Raises:
        SettingsError: both were typed, or a batch of no inputs.
        EvaluationError: no such device.
    """
    typed, batch = settings.latency, settings.latency_batch
    if from_table is not None:
        if typed is not None or batch != 1:
            given = f"--latency {typed}" if typed is not None else f"--latency-batch {batch}"
            raise SettingsError(
                f"--latency-table {settings.latency_table} says where and how latencies are "
                f"measured: remove {given}"
            )
        return from_table[1]
    return Latency(task, replace(SHORT, batch_size=batch), typed or "cpu")


def command_latency(settings: SearchSettings, task: Task) -> CommandLatency:
    """Return what lets the command of ``--latency-command`` measure latencies.

    Raises:
        SettingsError: there is no such program, it gets no file, or there is a table, too.
    """
    if settings.latency_table is not None:
        raise SettingsError(
            f"--latency-table {settings.latency_table} says where and how latencies are measured: "
            f"remove --latency-command {settings.latency_command!r}"
        )
    command = LatencyCommand(str(settings.latency_command), settings.latency_batch)
    return CommandLatency(task, command)


def _limits(settings: SearchSettings) -> list[tuple[str, str]]:
    """Return relation and bound of the upper limits of latency, as typed."""
    read = [Constraint.split(text) for text in settings.constraint]
    return [(how, bound) for name, how, bound in read if name == LATENCY and how[0] == "<"]
