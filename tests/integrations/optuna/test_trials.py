"""Labels of trials, worked out by hand."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from archrank.integrations.optuna.trials import (
    KEY,
    LONGEST,
    propose,
    proposed,
    values_of,
    violations_of,
)

MINIMIZE, MAXIMIZE = StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE


def trial(*values: float, **more: Any) -> FrozenTrial:
    return create_trial(values=list(values), **more)


def pruned(reported: dict[int, float]) -> FrozenTrial:
    return create_trial(state=TrialState.PRUNED, intermediate_values=reported)


RUNNING = create_trial(state=TrialState.RUNNING)
FAILED = create_trial(state=TrialState.FAIL)


def test_higher_is_better_whatever_the_direction() -> None:
    trials = [trial(1.0, 5.0), trial(3.0, 2.0)]
    assert values_of(trials, [MINIMIZE, MAXIMIZE]).tolist() == [[-1, 5], [-3, 2]]


def test_infinite_values_are_as_bad_as_the_worst() -> None:
    trials = [trial(1.0), trial(math.inf), trial(-math.inf), trial(7.0)]
    assert values_of(trials, [MINIMIZE])[:, 0].tolist() == [-1, -7, -1, -7]


def test_what_runs_counts_as_the_median_and_what_failed_not_at_all() -> None:
    trials = [trial(1.0), trial(2.0), trial(9.0), FAILED, RUNNING]
    found = values_of(trials, [MINIMIZE])[:, 0]
    assert found[4] == -2
    assert np.isnan(found[3])


def test_what_was_pruned_is_no_better_than_the_median() -> None:
    best, worst = pruned({0: 8.0, 3: 0.5}), pruned({0: 1.0, 3: 6.0})
    trials = [trial(1.0), trial(2.0), trial(9.0), best, worst, pruned({}), pruned({1: math.nan})]
    assert values_of(trials, [MINIMIZE])[3:, 0].tolist() == [-2, -6, -2, -2]
    assert values_of(trials, [MAXIMIZE])[3:, 0].tolist() == [0.5, 2, 2, 2]


def test_without_any_result_nothing_can_be_said() -> None:
    assert np.isnan(values_of([RUNNING, FAILED, pruned({0: 1.0})], [MINIMIZE])).all()


def test_constraints_count_by_their_spread() -> None:
    """Milliseconds and bytes weigh the same; what is kept is 0, and what is missing, too."""

    def limited(ms: float, size: float) -> FrozenTrial:
        found = trial(1.0)
        found.set_constraint("ms", ms)
        found.set_constraint("size", size)
        return found

    trials = [limited(1, -1e6), limited(-1, 1e6), limited(-1, -1e6), limited(1, 1e6), trial(0.0)]
    found = violations_of(trials)
    assert found[0] == pytest.approx(found[1])
    assert found[3] == pytest.approx(2 * found[0])
    assert found[[2, 4]].tolist() == [0, 0]
    assert found[0] > 0


def test_constraints_as_optuna_4_keeps_them() -> None:
    trials = [trial(1.0, system_attrs={"constraints": [v, -1.0]}) for v in (-1.0, 0.0, 2.0)]
    found = violations_of(trials)
    assert found[:2].tolist() == [0, 0]
    assert found[2] > 0


def test_who_has_not_told_constraints_yet_counts_as_the_median() -> None:
    """Else what runs would look feasible beside trials none of which is."""

    def with_limit(value: float) -> FrozenTrial:
        found = trial(1.0)
        found.set_constraint("limit", value)
        return found

    told = create_trial(state=TrialState.RUNNING)
    told.set_constraint("limit", 9.0)
    trials = [with_limit(1.0), with_limit(2.0), with_limit(6.0), RUNNING, pruned({}), told]
    found = violations_of(trials)
    assert found[3] == found[4] == found[1] > 0
    assert found[5] > found[2]


def test_proposals_are_told_in_pieces_that_databases_take() -> None:
    study = optuna.create_study()
    study.ask()
    numbers = {f"parameter {k}\n": k / 7 for k in range(200)}
    propose(study, study.trials[0], numbers)
    told = study.trials[0]
    assert proposed(told) == numbers
    pieces = [v for k, v in told.system_attrs.items() if k.startswith(KEY)]
    assert len(pieces) > 3
    assert max(map(len, pieces)) <= LONGEST
    assert json.loads("".join(pieces)) == numbers
    study.ask()
    study._storage.set_trial_system_attr(study.trials[1]._trial_id, f"{KEY}:0", pieces[0])
    assert proposed(study.trials[1]) == {}  # another process has just begun to write it
