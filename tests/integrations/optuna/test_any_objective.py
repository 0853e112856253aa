"""Random objectives with parameters below parameters: each configuration once, as counted here.

Some parameters exist under conditions, and the ranges of some depend on what is above them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from archrank.integrations.optuna import RankSampler

KINDS: dict[str, tuple[Any, ...]] = {
    "word": ("a", None, 2.5),
    "whole": (0, 1, 2),
    "step": (0.0, 0.5),
    "log": (1, 2, 3),
}


@dataclass
class Parameter:
    """A parameter, and those that exist with some of its values, by the place of the value.

    One that grows is asked for with every value, from 0 to the place of the value.
    """

    name: str
    kind: str
    below: dict[int, list[Parameter]] = field(default_factory=dict)
    grows: str | None = None

    def size(self) -> int:
        return sum(
            product(self.below.get(k, [])) * (k + 1 if self.grows else 1)
            for k in range(len(KINDS[self.kind]))
        )

    def ask(self, trial: optuna.Trial) -> None:
        values = KINDS[self.kind]
        if self.kind == "word":
            value = trial.suggest_categorical(self.name, values)
        elif self.kind == "step":
            value = trial.suggest_float(self.name, values[0], values[-1], step=0.5)
        else:
            value = trial.suggest_int(self.name, values[0], values[-1], log=self.kind == "log")
        if self.grows:
            trial.suggest_int(self.grows, 0, values.index(value))
        for one in self.below.get(values.index(value), []):
            one.ask(trial)


def product(parameters: list[Parameter]) -> int:
    total = 1
    for one in parameters:
        total *= one.size()
    return total


def tree(random: Random, names: list[str], depth: int = 0) -> list[Parameter]:
    found = []
    for _ in range(random.randint(1, 3 - min(depth, 1))):
        one = Parameter(names.pop(), random.choice(list(KINDS)))
        found.append(one)
        if random.random() < 0.25:
            one.grows = names.pop()
        if depth < 2:
            for k in range(len(KINDS[one.kind])):
                if random.random() < 0.35:
                    one.below[k] = tree(random, names, depth + 1)
    return found


def problem(seed: int) -> tuple[Random, list[Parameter], int]:
    """Return a tree of 8 to 40 configurations."""
    random = Random(seed)
    while True:
        found = tree(random, [f"p{k}" for k in range(200)])
        if 8 <= product(found) <= 40:
            return random, found, product(found)


def tried(study: optuna.Study) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted((k, str(v)) for k, v in t.params.items())) for t in study.trials}


@pytest.mark.parametrize("seed", range(12))
def test_each_once_though_some_fail_or_are_pruned(seed: int) -> None:
    random, parameters, size = problem(seed)

    def objective(trial: optuna.Trial) -> float:
        for one in parameters:
            one.ask(trial)
        luck = random.random()
        if luck < 0.1:
            raise ValueError
        if luck < 0.2:
            raise optuna.TrialPruned
        return luck

    study = optuna.create_study(sampler=RankSampler(seed=seed, n_startup_trials=2))
    study.optimize(objective, size, catch=ValueError)
    assert len(tried(study)) == size


@pytest.mark.parametrize("seed", range(100, 112))
def test_each_once_though_three_run_at_a_time(seed: int) -> None:
    random, parameters, size = problem(seed)
    study = optuna.create_study(sampler=RankSampler(seed=seed, n_startup_trials=2))
    while len(study.trials) < size:
        running = [study.ask() for _ in range(min(3, size - len(study.trials)))]
        for trial in running:
            for one in parameters:
                one.ask(trial)
        for trial in running:
            study.tell(trial, random.random())
    assert len(tried(study)) == size
    assert {t.state for t in study.trials} == {TrialState.COMPLETE}
