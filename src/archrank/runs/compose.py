"""Objects made from a search's plain settings."""

from __future__ import annotations

import inspect
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.data import data_folder, find_data
from archrank.errors import ArchrankError, SettingsError
from archrank.registry import Registry
from archrank.runs.settings import SearchSettings
from archrank.spaces import SPACES
from archrank.strategies import STRATEGIES
from archrank.strategies.base import Strategy
from archrank.tasks import TASKS

if TYPE_CHECKING:
    from archrank.evaluators.base import Evaluator
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.study.study import Study
    from archrank.tasks.base import Task


def make_space(name: str) -> Space:
    """Return the space called ``name``.

    Raises:
        UnknownNameError: no such space.
        ArchrankError: the name stands for something else.
    """
    from archrank.spaces.base import Space

    space: Space = instance_of(SPACES, name, Space)
    return space


def make_evaluator(settings: SearchSettings, space: Space) -> Evaluator:
    """Return a table look-up if a table is named, else training on the task and counting costs.

    Raises:
        TableError: the table cannot be read, or an objective's column is text, has empty cells, or
            is the same everywhere.
        UnknownNameError: no such task or column.
    """
    from archrank.evaluators import Combined, Cost, Table, Training

    if settings.table is not None:
        names = [text.partition(":")[0] for text in settings.metric]
        path = find_data(settings.table, settings.data)
        first = names[0] if names else next((m.name for m in Table(path).metrics), None)
        table = Table(path, first)
        for name in names[1:]:  # the first is checked by the evaluator itself
            table.bind(space).table.objective(name)
        return table
    return Combined(Training(make_task(settings.task, settings.data)), Cost())


def make_task(name: str, data: Path | None = None) -> Task:
    """Return the task called ``name``; its files, if it needs any, lie in the data folder.

    Raises:
        UnknownNameError: no such task.
        ArchrankError: the name stands for something else.
    """
    from archrank.tasks.base import Task

    folder = data_folder(data)
    offered = {} if folder is None else {"root": str(folder)}
    task: Task = instance_of(TASKS, name, Task, **offered)
    return task


def make_strategy(settings: SearchSettings, space: Space) -> Strategy:
    """Return the strategy, with its ranker where it is guided by one.

    Raises:
        SettingsError: a setting that the strategy does not take; it would be ignored.
        UnknownNameError: no such strategy or ranker.
    """
    name = settings.strategy
    takes = _parameters(STRATEGIES.get(name), Strategy)
    asked = {  # option -> what is typed after it, the strategy's parameter, its name in English
        "--weak": (settings.weak, "ranker", "weak labels"),
        "--ranker": (settings.ranker.removeprefix("default"), "ranker", "ranker"),
        "--initial": (settings.initial, "initial", "initial random architectures"),
        "--batch": (settings.batch, "batch_size", "batch size"),
    }
    for option, (value, parameter, meaning) in asked.items():
        if value not in (None, "", ()) and parameter not in takes:
            values = value if isinstance(value, tuple) else (value,)
            typed = " ".join(f"{option} {each}" for each in values)
            raise SettingsError(
                f"strategy {name!r} uses no {meaning}: remove {typed}, or use --strategy guided"
            )
    given = {"initial": settings.initial, "batch_size": settings.batch}
    offered: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    if "ranker" in takes:
        offered["ranker"] = make_ranker(settings, space)
    strategy: Strategy = instance_of(STRATEGIES, name, Strategy, **offered)
    return strategy


def make_ranker(settings: SearchSettings, space: Space) -> Ranker | None:
    """Return the ranker, pretrained where there are weak labels; ``None`` means the default one.

    Raises:
        SettingsError: weak labels for a ranker that cannot use any.
        UnknownNameError: no such ranker.
    """
    from archrank.rankers import RANKERS
    from archrank.rankers.base import Ranker
    from archrank.runs.weak import pretrain

    if settings.ranker == "default" and not settings.weak:
        return None
    ranker: Ranker = instance_of(RANKERS, settings.ranker, Ranker, space=space)
    return pretrain(ranker, settings.weak, settings.data) if settings.weak else ranker


def make_study(
    settings: SearchSettings,
    *,
    storage: str | None = None,
    name: str | None = None,
    executor: Executor | None = None,
) -> Study:
    """Return the study that ``settings`` describe, to be kept in ``storage`` under ``name``.

    Raises:
        ArchrankError: any of the names, files or numbers cannot be used; the message says which.
    """
    from archrank.study.study import Study

    space = make_space(settings.space)
    return Study(
        space,
        make_evaluator(settings, space),
        make_strategy(settings, space),
        objectives=settings.metric,
        constraints=settings.constraint,
        storage=storage,
        name=name,
        executor=executor,
        seed=settings.seed,
    )


def instance_of(registry: Registry, name: str, kind: type[Any], **offered: Any) -> Any:
    """Return the ``kind`` that ``name`` stands for.

    A class or function is called with those of the ``offered`` arguments that it takes.

    Raises:
        UnknownNameError: no such name.
        ArchrankError: the call failed, or the result is not a ``kind``.
    """
    found = registry.get(name)
    if callable(found) and not isinstance(found, kind):
        try:
            takes = _parameters(found, kind)
            found = found(**{k: v for k, v in offered.items() if k in takes})
        except ArchrankError:
            raise
        except Exception as error:
            raise ArchrankError(
                f"{registry.kind} {name!r}: calling it failed: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(found, kind):
        raise ArchrankError(
            f"{registry.kind} {name!r} is a {type(found).__name__}, expected an archrank "
            f"{kind.__name__} (an instance, a class, or a function that returns one)"
        )
    return found


def _parameters(found: Any, kind: type[Any]) -> frozenset[str]:
    """Return the parameters of a class or function; an instance of ``kind`` takes none."""
    if not callable(found) or isinstance(found, kind):
        return frozenset()
    return frozenset(inspect.signature(found).parameters)
