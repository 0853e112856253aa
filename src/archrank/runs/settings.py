"""A search as plain settings: what the command line takes, and a run folder keeps."""

from __future__ import annotations

import inspect
import os
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from archrank.errors import ArchrankError, SettingsError, StorageError
from archrank.registry import Registry
from archrank.spaces import SPACES
from archrank.strategies import STRATEGIES
from archrank.tasks import TASKS

if TYPE_CHECKING:
    from archrank.evaluators.base import Evaluator
    from archrank.spaces.base import Space
    from archrank.strategies.base import Strategy
    from archrank.study.study import Study
    from archrank.tasks.base import Task


@dataclass(frozen=True)
class SearchSettings:
    """Everything that decides what a search does, as names and numbers."""

    space: str = "nasbench201"
    """What can be built: a name, or your own as file.py:name or package.module:name."""
    task: str = "digits"
    """What networks are trained on: digits, glyphs, cifar10, ..., or file.py:name, module:name."""
    table: str | None = None
    """Look results up instead of training: digits201, glyphs201, ..., or a CSV or Parquet file."""
    metric: tuple[str, ...] = ()
    """What to optimise, e.g. c10_val or latency_ms:minimize; give it again for a Pareto front."""
    constraint: tuple[str, ...] = ()
    """A bound such as 'macs<=1e8'; give it again for more."""
    strategy: str = "guided"
    """What to evaluate next: guided, evolution, random, or file.py:name, module:name."""
    ranker: str = "default"
    """What guides a guided search: default, gaussian_process, gates, ..., or file.py:name, ..."""
    weak: tuple[str, ...] = ()
    """A weak label for the ranker, FILE:COLUMN, macs or params; give it again for more."""
    initial: int | None = None
    """Guided: random architectures before the first fit."""
    batch: int | None = None
    """Architectures proposed per round."""
    seed: int = 0
    """Decides every random choice; the same seed gives the same search."""
    data: Path | None = None
    """Where data sets and tables lie; else the environment variable ARCHRANK_DATA."""

    def default_run(self) -> Path:
        """The run folder of a search for which none is named."""
        what = Path(self.table).name.split(".")[0] if self.table else self.task
        how = self.strategy if self.ranker == "default" else self.ranker
        parts = [self.space, what, *(m.split(":")[0] for m in self.metric), how, f"seed{self.seed}"]
        return Path("runs") / "-".join(p.rpartition(":")[2] for p in parts)


def make_space(settings: SearchSettings) -> Space:
    """The space that ``settings.space`` names."""
    from archrank.spaces.base import Space

    space: Space = instance_of(SPACES, settings.space, Space)
    return space


def make_evaluator(settings: SearchSettings, space: Space) -> Evaluator:
    """Table look-up if a table is named, else training on the task and counting costs.

    Raises:
        TableError: a metric to optimise that is text, NaN somewhere or the same everywhere.
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
    """The task called ``name``; its files, if it needs any, lie in the data folder."""
    from archrank.tasks.base import Task

    folder = data_folder(data)
    offered = {} if folder is None else {"root": str(folder)}
    task: Task = instance_of(TASKS, name, Task, **offered)
    return task


def make_strategy(settings: SearchSettings, space: Space) -> Strategy:
    """The strategy, with its ranker where it is guided by one."""
    from archrank.rankers import RANKERS
    from archrank.rankers.base import Ranker
    from archrank.runs.weak import pretrain
    from archrank.strategies.base import Strategy
    from archrank.strategies.guided import Guided

    kind = STRATEGIES.get(settings.strategy)
    options = {"initial": settings.initial, "batch_size": settings.batch}
    given = {k: v for k, v in options.items() if v is not None}
    if kind is not Guided and settings.weak:
        raise SettingsError(
            f"weak labels {', '.join(settings.weak)} have no use: strategy {settings.strategy!r} "
            "is not guided by a ranker; leave one of the two out"
        )
    if kind is not Guided and settings.ranker != "default":
        raise SettingsError(
            f"ranker {settings.ranker!r} has no use: strategy {settings.strategy!r} is not guided "
            "by a ranker; leave one of the two out"
        )
    if kind is not Guided and settings.initial is not None:
        raise SettingsError(
            f"initial {settings.initial} has no use: strategy {settings.strategy!r} does not "
            "start from random architectures; leave one of the two out"
        )
    if kind is not Guided:
        strategy: Strategy = instance_of(STRATEGIES, settings.strategy, Strategy, **given)
        return strategy
    ranker: Any = None
    if settings.ranker != "default" or settings.weak:
        ranker = instance_of(RANKERS, settings.ranker, Ranker, space=space)
    if settings.weak:
        ranker = pretrain(ranker, settings.weak, settings.data)
    return Guided(ranker, **given)  # type: ignore[arg-type]


def make_study(
    settings: SearchSettings,
    *,
    storage: str | None = None,
    name: str | None = None,
    executor: Executor | None = None,
) -> Study:
    """The study that ``settings`` describe, with what its storage already holds.

    Raises:
        ArchrankError: any of the names, files or numbers cannot be used; the message says which.
    """
    from archrank.study.study import Study

    space = make_space(settings)
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


def data_folder(given: Path | None) -> Path | None:
    """The folder of data sets: ``given``, else the environment variable ``ARCHRANK_DATA``."""
    if given is not None:
        return given
    folder = os.environ.get("ARCHRANK_DATA")
    return Path(folder) if folder else None


def find_data(name: str, given: Path | None) -> Path:
    """A file as it is named, or, if there is none, the one of that name in the data folder."""
    path = Path(name).expanduser()
    folder = data_folder(given)
    if not path.exists() and not path.is_absolute() and folder is not None:
        return folder / path if (folder / path).exists() else path
    return path


def to_json(settings: SearchSettings) -> dict[str, Any]:
    """Settings as JSON values."""
    return dict(TypeAdapter(SearchSettings).dump_python(settings, mode="json"))


def from_json(values: Any, where: str) -> SearchSettings:
    """Settings out of JSON values.

    Raises:
        StorageError: not settings of a search; ``where`` names the file.
    """
    try:
        return TypeAdapter(SearchSettings).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise StorageError(f"{where}: {place}: {first['msg']}, got {first['input']!r}") from None


def instance_of(registry: Registry, name: str, kind: type[Any], **offered: Any) -> Any:
    """What a name stands for, made: a class or function is called with the arguments it takes.

    Raises:
        UnknownNameError: no such name.
        ArchrankError: it is, or returns, something else than a ``kind``.
    """
    found = registry.get(name)
    if callable(found) and not isinstance(found, kind):
        try:
            takes = inspect.signature(found).parameters
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
