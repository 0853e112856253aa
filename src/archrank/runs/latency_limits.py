"""Limits of a search on latencies that a table of measured ones lets it predict.

What is predicted, with its margin, not to keep a limit is not evaluated. What is evaluated is
measured by the full protocol, and that number decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archrank.errors import SettingsError
from archrank.evaluators import Latency, PredictedLatency
from archrank.formatting import significant
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


def _limits(settings: SearchSettings) -> list[tuple[str, str]]:
    """Return relation and bound of the upper limits of latency, as typed."""
    read = [Constraint.split(text) for text in settings.constraint]
    return [(how, bound) for name, how, bound in read if name == LATENCY and how[0] == "<"]
