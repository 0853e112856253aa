"""Groups of runs, their names, and what does not compare."""

from __future__ import annotations

from typing import Any

import pytest

import archrank as ar
from archrank.comparison.groups import Group, grouped
from archrank.comparison.runs import read_runs
from archrank.errors import ArchrankError, ArgumentError, SettingsError
from archrank.spaces import CustomSpace
from archrank.strategies import Guided, RegularizedEvolution
from tests.comparison.conftest import METRICS, OPTIONS, SPACE, Make, measure, no_network


def groups_of(*studies: ar.Study, metric: str | None = None) -> tuple[Group, ...]:
    return grouped(read_runs(studies), metric)


def test_runs_that_differ_in_their_seed_are_a_group(make: Make) -> None:
    studies = [make(2), make(0, 3), make(1), make(0), make(1, 3)]
    found = groups_of(*studies)
    assert [group.name for group in found] == ["random, batch size 2", "random, batch size 3"]
    assert [[run.seed for run in group.runs] for group in found] == [[0, 1, 2], [0, 1]]
    assert [[run.name for run in g.runs] for g in found] == [
        ["run 4", "run 3", "run 1"],
        ["run 2", "run 5"],
    ]


def test_names_say_what_differs_within_a_strategy(make: Make) -> None:
    evaluator = ar.evaluators.Function(measure, METRICS)

    def search(strategy: Any) -> ar.Study:
        return ar.Study(SPACE, evaluator, strategy, objectives="accuracy").run(4)

    found = groups_of(
        make(),
        search(Guided(ar.rankers.RandomForest(SPACE), initial=4)),
        search(Guided(ar.rankers.RandomForest(SPACE, trees=7), initial=4)),
        search(RegularizedEvolution(population=3)),
    )
    names = [group.name for group in found]
    assert names[0] == "random"
    assert names[2] == "guided, ranker.trees 7"
    assert names[3] == "regularized_evolution"


def test_all_that_differs_is_refused(make: Make) -> None:
    other = CustomSpace({**OPTIONS, "kernel": [3, 5]}, build=no_network, name="nets")  # type: ignore[arg-type]
    named = CustomSpace({"x": [1, 2]}, build=no_network, name="cells")  # type: ignore[arg-type]

    def shorter(config: dict[str, Any]) -> dict[str, float]:
        return measure(config)

    cases = {
        "its space nets differs .*kernel: 3, 5, 7 -> 3, 5": make(1, space=other),
        "it searches cells, that one nets": ar.Study(named, objectives="accuracy"),
        "objective is loss .minimize., that of the other accuracy": make(1, objectives="loss"),
        "its limits are latency_ms<=200, those of the other none": make(
            1, constraints="latency_ms<=200"
        ),
        "it was measured in another way": make(1, measure=shorter),
        "the same search, with seed 0": make(0),
    }
    for message, study in cases.items():
        with pytest.raises(SettingsError, match=message):
            groups_of(make(), study)


def test_runs_with_other_objectives_compare_in_a_metric(make: Make) -> None:
    found = groups_of(make(), make(objectives="loss"), metric="latency_ms")
    assert [group.name for group in found] == [
        "random, for accuracy:maximize",
        "random, for loss:minimize",
    ]


def test_too_few_runs_are_refused(make: Make) -> None:
    study = make()
    for given, message in (((), "got none"), ((study,), "got only run 1")):
        with pytest.raises(SettingsError, match=message):
            read_runs(given)
    with pytest.raises(ArgumentError, match="got 3"):
        read_runs([study, 3])  # type: ignore[list-item]
    with pytest.raises(ArchrankError, match="no run in"):
        read_runs(["nowhere", study])
