"""Reading a run from its folder.

Records carry all that their reader needs, so a run can be read from anywhere, without write
permission, without its table, and without importing the user's code that its settings name. Parts
of a report need the space, the strategy or the table; these are made from the settings where that
imports nothing but archrank and installed packages.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archrank.errors import ArchrankError, StorageError
from archrank.evaluators.base import Evaluator
from archrank.runs.compose import make_strategy
from archrank.runs.evaluators import make_evaluator
from archrank.runs.folder import DATABASE, load_place, load_settings
from archrank.runs.named import make_space
from archrank.runs.settings import SearchSettings
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.study.record import Description
from archrank.study.results import Results
from archrank.study.storage import STUDY_NAME, TrialStore


def load(folder: Path) -> Results:
    """Read the results of the run in ``folder``; changes nothing there.

    Raises:
        StorageError: there is no run in this folder, or it cannot be read.
    """
    load_settings(folder)  # refuses damaged ones
    place = load_place(folder)
    if place.study is None and not (folder / DATABASE).exists():
        raise StorageError(f"run folder {folder} has lost its {DATABASE}; search again")
    store = TrialStore(place.url, place.study or STUDY_NAME)
    return Results(store.description, store.records())


def with_parts(results: Results, settings: SearchSettings, *, own_code: bool = False) -> Results:
    """Return ``results`` with the space, the strategy and the table, where they are at hand.

    Args:
        results: of a finished run.
        settings: the run's settings.
        own_code: whether to import the user's files and modules that the settings name.
    """
    absent: dict[str, str] = {}
    space: Space | None = None
    strategy: Strategy | None = None
    evaluator: Evaluator | None = None
    named = {
        "space": (settings.space,),
        "strategy": (settings.strategy, settings.ranker),
        "evaluator": (settings.task, *settings.evaluate),
    }
    for part, names in named.items():
        users = [name for name in names if ":" in name]
        if users and not own_code:
            absent[part] = f"it needs your own code, {' and '.join(users)}; use --own-code"
    try:
        if "space" not in absent:
            space = _space(settings, results.description)
    except ArchrankError as error:
        absent["space"] = _sentence(error)
    if space is None:
        return replace(results, absent=absent)
    try:
        if "strategy" not in absent:
            strategy = _strategy(settings, space, results.description)
    except ArchrankError as error:
        absent["strategy"] = _sentence(error)
    try:
        if settings.table is not None and "evaluator" not in absent:
            evaluator = _table(settings, space, results.description)
    except ArchrankError as error:
        absent["evaluator"] = _sentence(error)
    return replace(results, space=space, strategy=strategy, evaluator=evaluator, absent=absent)


def _space(settings: SearchSettings, description: Description) -> Space:
    space = make_space(settings.space)
    if {c.name: tuple(c.options) for c in space.choices} != description.decisions:
        raise ArchrankError(f"space {settings.space!r} has other decisions than the run's")
    return space


def _strategy(settings: SearchSettings, space: Space, description: Description) -> Strategy:
    strategy = make_strategy(settings, space)
    if strategy.describe() != description.identity["strategy"]:
        raise ArchrankError(f"strategy {settings.strategy!r} has other settings than the run's")
    return strategy


def _table(settings: SearchSettings, space: Space, description: Description) -> Evaluator:
    seed = description.identity["seed"]
    evaluator = make_evaluator(settings, space).bind(space, seed=seed)
    if evaluator.describe() != description.identity["evaluator"]:
        raise ArchrankError(f"table {settings.table} has changed since the run")
    return evaluator


def _sentence(error: ArchrankError) -> str:
    return str(error).rstrip(".")
