"""Trials of a study as numbers: parameters, values that are higher-is-better, violations."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archrank.integrations.optuna.axes import Axis
from archrank.types import Bools, Floats

KEY = "archrank:numbers"  # system attribute: what the sampler has proposed for a running trial
FARTHEST = 1e6  # spreads by which a constraint counts as violated, at most
LONGEST = 2000  # characters of such an attribute; databases take 2,045


def known_trials(study: Study, current: FrozenTrial) -> list[FrozenTrial]:
    """Return all trials but one: finished ones as they finished, then the others.

    Finished trials keep their places while others are added, so what depends on the first of them
    does not change.
    """
    trials = [t for t in study.get_trials(deepcopy=False) if t.number != current.number]
    return sorted(trials, key=_place)


def _place(trial: FrozenTrial) -> tuple[bool, float, int]:
    done = trial.state.is_finished()
    at = trial.datetime_complete.timestamp() if done and trial.datetime_complete else 0.0
    return not done, at, trial.number


def ended(trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> FrozenTrial:
    """Return a trial as it will be stored when it has ended."""
    found = copy.copy(trial)
    found.state = state
    if state == TrialState.COMPLETE:
        found.values = values
    return found


def settled(trial: FrozenTrial) -> Mapping[str, Any]:
    """Return parameters whose values are settled before they are asked for, as of queued trials."""
    fixed: Mapping[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed


def proposed(trial: FrozenTrial) -> dict[str, float]:
    """Return the numbers that the sampler has proposed for a trial, by parameter."""
    parts: list[str] = []
    while part := trial.system_attrs.get(f"{KEY}:{len(parts)}"):
        parts.append(part)
    try:
        found: dict[str, float] = json.loads("".join(parts)) if parts else {}
    except json.JSONDecodeError:  # another process is writing it
        return {}
    return found


def propose(study: Study, trial: FrozenTrial, numbers: Mapping[str, float]) -> None:
    """Keep what is proposed for a trial, so that other workers know of it."""
    text = json.dumps(dict(numbers))
    for start in range(0, len(text), LONGEST):
        study._storage.set_trial_system_attr(
            trial._trial_id, f"{KEY}:{start // LONGEST}", text[start : start + LONGEST]
        )


def numbers_of(trials: Sequence[FrozenTrial], axes: Sequence[Axis]) -> Floats:
    """Return the parameters of trials as numbers, NaN where a trial lacks one: ``(n, d)``.

    Of a trial that has not finished, also what has been proposed for it.
    """
    found = np.full((len(trials), len(axes)), np.nan)
    for row, trial in zip(found, trials, strict=True):
        values: Mapping[str, Any] = trial.params
        ahead: Mapping[str, float] = {}
        if not trial.state.is_finished():
            values, ahead = {**settled(trial), **values}, proposed(trial)
        for j, axis in enumerate(axes):
            if axis.name in values:
                row[j] = axis.number(values[axis.name])
            elif axis.name in ahead:
                row[j] = axis.number(axis.value(ahead[axis.name]))
    return found


def asked_for(trials: Sequence[FrozenTrial], axes: Sequence[Axis]) -> Bools:
    """Mark the parameters that trials have asked for, whatever was proposed: ``(n, d)``."""
    found = [[axis.name in trial.params for axis in axes] for trial in trials]
    return np.array(found, dtype=bool).reshape(len(trials), len(axes))


def fits(trial: FrozenTrial, row: Floats, axes: Sequence[Axis]) -> bool:
    """Tell whether every value of a trial, ``row: (d,)``, lies in today's ranges."""
    return not any(
        axis.name in trial.params and np.isnan(n) for axis, n in zip(axes, row, strict=True)
    )


# ---- values ------------------------------------------------------------------------------------


def values_of(trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> Floats:
    """Return values as labels, higher is better: ``(n, m)``; NaN where there are none to learn.

    Infinite values are as bad, or as good, as the worst or best finite one. A trial without a
    result yet counts as the median of those with one (a constant liar), and a pruned one as that
    or its last intermediate value, whichever is worse.
    """
    signs = np.array([-1.0 if d == StudyDirection.MINIMIZE else 1.0 for d in directions])
    found = np.full((len(trials), len(signs)), np.nan)
    complete = np.array([t.state == TrialState.COMPLETE for t in trials], dtype=bool)
    for row, trial in zip(found, trials, strict=True):
        if trial.state == TrialState.COMPLETE:
            row[:] = signs * np.array(trial.values, dtype=np.float64)
    for column in found.T:
        finite = column[np.isfinite(column)]
        ends = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
        column[complete] = np.clip(column[complete], *ends)
    if not complete.any():
        return found
    middle = np.median(found[complete], axis=0)
    for row, trial in zip(found, trials, strict=True):
        if not trial.state.is_finished():
            row[:] = middle
        elif trial.state == TrialState.PRUNED:
            row[:] = middle
            if len(signs) == 1 and trial.last_step is not None:
                last = signs[0] * trial.intermediate_values[trial.last_step]
                row[:] = np.fmin(middle, last)
    return found


def violations_of(trials: Sequence[FrozenTrial]) -> Floats:
    """Return how far trials are outside their constraints: ``(n,)``, 0 is feasible.

    Each constraint counts by the spread of its values over all trials, so that units do not matter.
    A trial without a result that has not told them yet counts as the median of those with one.
    """
    given = [_constraints(trial) for trial in trials]
    names = sorted({name for one in given for name in one})
    total = np.zeros(len(trials))
    for name in names:
        values = np.array([one.get(name, 0.0) for one in given])
        finite = values[np.isfinite(values)]
        spread = float(finite.std()) if len(finite) else 0.0
        excess = np.where(np.isnan(values), spread or 1.0, np.maximum(values, 0.0))
        total += np.minimum(excess / (spread or 1.0), FARTHEST)
    complete = np.array([t.state == TrialState.COMPLETE for t in trials], dtype=bool)
    if complete.any():
        silent = np.array([not one for one in given], dtype=bool)
        total[silent & ~complete] = np.median(total[complete])
    return total


def _constraints(trial: FrozenTrial) -> dict[str, float]:
    """Return the constraints of a trial by name, as Optuna 5 and those before it keep them."""
    found = getattr(trial, "constraints", None)
    if found is None:
        found = dict(enumerate(trial.system_attrs.get("constraints") or ()))
    return {str(name): float(value) for name, value in found.items()}
