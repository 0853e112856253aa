"""Evaluations, and what was asked for, as trials of Optuna, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from archrank.study.asked import Asked
from archrank.study.record import Description, Record

MARK = "archrank"
"""Attribute of a study with the identity of a run, and of a trial with its place in the run;
studies and trials of others have none."""

FORGOTTEN = "forgotten"
"""Attribute of a trial that was asked for and given up."""


def to_trial(
    record: Record, description: Description, distributions: dict[str, CategoricalDistribution]
) -> FrozenTrial:
    """Return an evaluation as a finished trial."""
    goals = description.goals
    objectives = goals.objectives
    failed = bool(goals.missing(record.values))
    unfinished = TrialState.PRUNED if goals.rejects(record.values) else TrialState.FAIL
    finished = datetime.now()
    trial = create_trial(
        state=unfinished if failed else TrialState.COMPLETE,
        values=None if failed else [record.values[o.metric] for o in objectives],
        params=(params := _parameters(record, description)),
        distributions={name: distributions[name] for name in params},
        user_attrs={
            **_limited(record, description),
            **_proposal(record, elapsed=record.elapsed),
            "failure": record.reason,
            "seconds": record.seconds,
            "cpu_seconds": record.cpu_seconds if math.isfinite(record.cpu_seconds) else None,
            "metrics": {k: v if math.isfinite(v) else None for k, v in record.values.items()},
        },
    )
    if not failed:
        _set_constraints(trial, goals.excess(record.values))
    trial.datetime_start = finished - timedelta(seconds=record.seconds)
    trial.datetime_complete = finished
    return trial


def to_running(
    asked: Asked, description: Description, distributions: dict[str, CategoricalDistribution]
) -> FrozenTrial:
    """Return what was asked for as a running trial."""
    trial = create_trial(
        state=TrialState.RUNNING,
        params=(params := _parameters(asked, description)),
        distributions={name: distributions[name] for name in params},
        user_attrs=_proposal(asked, since=asked.since.isoformat()),
    )
    trial.datetime_start = asked.since
    return trial


def _parameters(found: Record | Asked, description: Description) -> dict[str, Any]:
    """Return the options of the decisions that exist.

    All are returned if configurations of the space are no options by the names of decisions.
    """
    options, config = description.options(found.arch), found.config
    known = {*options, *(name.partition(".")[0] for name in options)}
    if config and known >= config.keys():
        return {name: option for name, option in options.items() if _exists(name, config)}
    return dict(options)


def _exists(decision: str, config: Mapping[str, Any]) -> bool:
    """Tell whether a configuration has a decision.

    ``blocks.0.width`` is one of a repeated block, ``layers.7`` a member of a set.
    """
    if decision in config:
        return True
    name, _, rest = decision.partition(".")
    if not rest or name not in config:
        return False
    copy, _, inner = rest.partition(".")
    blocks = config[name]
    if not inner or not copy.isdigit() or not all(isinstance(b, Mapping) for b in blocks):
        return True  # a member
    return int(copy) < len(blocks) and _exists(inner, blocks[int(copy)])


def _limited(record: Record, description: Description) -> dict[str, float]:
    """Return finite values of the metrics that have limits and are no objectives, to be drawn."""
    goals = description.goals
    names = {c.metric for c in goals.constraints} - {o.metric for o in goals.objectives}
    return {name: v for name in sorted(names) if math.isfinite(v := record.values[name])}


def to_asked(attrs: dict[str, Any], run: Description) -> Asked:
    """Read what was asked for.

    Raises:
        ValueError: an architecture that the run's decisions do not have.
        Exception: ``KeyError`` and the like, where something is missing or is of another type.
    """
    since = datetime.fromisoformat(attrs[MARK]["since"])
    return Asked(**_read_proposal(attrs, run), since=since)


def _set_constraints(trial: FrozenTrial, excess: Mapping[str, float]) -> None:
    """Tell Optuna which constraints a trial keeps: those whose value is 0 or less.

    Optuna 5 knows them by name, Optuna 4 and optuna-dashboard by their order.
    """
    if hasattr(trial, "set_constraint"):
        for name, value in excess.items():
            trial.set_constraint(name, value)
    if excess:
        trial.system_attrs["constraints"] = list(excess.values())


def to_record(attrs: dict[str, Any], run: Description) -> Record:
    """Read an evaluation; a metric that was not measured then is NaN.

    Raises:
        ValueError: an architecture that the run's decisions do not have.
        Exception: ``KeyError`` and the like, where something is missing or is of another type.
    """
    known = {k: math.nan if v is None else float(v) for k, v in attrs["metrics"].items()}
    return Record(
        **_read_proposal(attrs, run),
        values={**dict.fromkeys((m.name for m in run.metrics), math.nan), **known},
        reason=attrs["failure"],
        seconds=attrs["seconds"],
        elapsed=attrs[MARK]["elapsed"],
        cpu_seconds=math.nan if (cpu := attrs.get("cpu_seconds")) is None else cpu,
    )


def _proposal(found: Record | Asked, **more: Any) -> dict[str, Any]:
    """Return the architecture and its place in the run, and ``more`` about the place."""
    return {
        "arch": found.string,
        "canonical": found.canonical,
        "config": found.config,
        MARK: {
            "choices": found.arch.tolist(),
            "round": found.round,
            "slot": found.slot,
            "round_size": found.round_size,
            **more,
        },
    }


def _read_proposal(attrs: dict[str, Any], run: Description) -> dict[str, Any]:
    """Read what :func:`_proposal` wrote, as arguments of a record.

    Raises:
        ValueError: an architecture that the run's decisions do not have.
    """
    place = attrs[MARK]
    arch = np.array(place["choices"], dtype=np.uint8)
    run.check(arch)
    return {
        "round": place["round"],
        "slot": place["slot"],
        "round_size": place["round_size"],
        "arch": arch,
        "string": attrs["arch"],
        "canonical": attrs["canonical"],
        "config": attrs["config"],
    }
