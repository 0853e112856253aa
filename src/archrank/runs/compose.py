"""Objects made from a search's plain settings."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from archrank.data import data_folder
from archrank.errors import SettingsError
from archrank.runs.evaluators import make_evaluator
from archrank.runs.fidelity import Fidelity, fidelity_of
from archrank.runs.latency_limits import predicted_limits
from archrank.runs.named import instance_of, make_space, parameters
from archrank.runs.settings import SearchSettings
from archrank.runs.steps import pretrains, uses_supernet
from archrank.runs.table import check_table, choice_table
from archrank.strategies import STRATEGIES
from archrank.strategies.base import Strategy

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space
    from archrank.study.storage import Storage
    from archrank.study.study import Study


def make_strategy(settings: SearchSettings, space: Space) -> Strategy:
    """Return the strategy, with its ranker where it is guided by one.

    Raises:
        SettingsError: a setting that the strategy does not take; it would be ignored.
        UnknownNameError: no such strategy or ranker.
    """
    if (short := fidelity_of(settings)) is not None:
        return _promoted(settings, short, space)
    name = settings.strategy
    found = STRATEGIES.get(name)
    takes = parameters(found, Strategy)
    _refuse_ignored(settings, takes)
    given = {"initial": settings.initial, "batch_size": settings.batch, "budget": settings.plan}
    offered: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    offered["space"] = space
    folder = data_folder(settings.data)
    if folder is not None:
        offered["root"] = str(folder)
    if "ranker" in takes:
        offered["ranker"] = make_ranker(settings, space)
    strategy: Strategy = instance_of(STRATEGIES, name, Strategy, **offered)
    prunes_itself = uses_supernet(name) and not pretrains(name)  # in the supernet
    if settings.prune is None or prunes_itself:
        return strategy
    return _pruned(settings, strategy, space)


def _promoted(settings: SearchSettings, short: Fidelity, space: Space) -> Strategy:
    """Return the strategy that evaluates the best of short trainings in full."""
    from archrank.strategies.promoted import BATCH, Promoted

    guide = make_strategy(short.settings, space)
    made_by = {"fidelity": settings.fidelity, "guide": guide.describe()}
    batch = BATCH if settings.batch is None else settings.batch
    return Promoted(each=short.each, batch_size=batch, made_by=made_by)


def _pruned(settings: SearchSettings, strategy: Strategy, space: Space) -> Strategy:
    """Return a strategy that prunes the space, as ``--prune N:THRESHOLD`` says.

    Raises:
        SettingsError: It is something else; or the strategy has steps of its own.
    """
    from archrank.strategies import Pruned

    typed = f"--prune {settings.prune}"
    if pretrains(settings.strategy):
        raise SettingsError(
            f"strategy {settings.strategy!r} has steps for the whole space: remove {typed}, or use "
            "--strategy guided"
        )
    after, _, threshold = str(settings.prune).partition(":")
    try:
        numbers = int(after), float(threshold)
    except ValueError:
        raise SettingsError(
            f"{typed}: write N:THRESHOLD, a number of evaluations and an importance, such as "
            "200:1.15"
        ) from None
    ranker = strategy.ranker
    if ranker is None and settings.ranker != "default":
        ranker = make_ranker(settings, space)
    return Pruned(strategy, *numbers, ranker=ranker if ranker is not strategy.ranker else None)


def _refuse_ignored(settings: SearchSettings, takes: frozenset[str]) -> None:
    """Raise ``SettingsError`` for a setting that a strategy of these parameters would ignore."""
    name = settings.strategy
    asked = {  # option -> what is typed after it, the strategy's parameter, its name in English
        "--weak": (settings.weak, "ranker", "weak labels"),
        "--ranker": (
            ""
            if settings.prune
            else settings.ranker.removeprefix("default"),  # it tells importance
            "ranker",
            "ranker",
        ),
        "--initial": (settings.initial, "initial", "initial random architectures"),
        "--batch": (settings.batch, "batch_size", "batch size"),
        "--plan": (settings.plan, "budget", "planned rounds"),
    }
    for option, (value, parameter, meaning) in asked.items():
        if value not in (None, "", ()) and parameter not in takes:
            values = value if isinstance(value, tuple) else (value,)
            typed = " ".join(f"{option} {each}" for each in values)
            other = "acenas" if option == "--plan" else "guided"
            raise SettingsError(
                f"strategy {name!r} uses no {meaning}: remove {typed}, or use --strategy {other}"
            )
    if settings.supernet is not None and not uses_supernet(name):
        raise SettingsError(
            f"strategy {name!r} uses no supernet: remove --supernet {settings.supernet}, or use "
            "--strategy acenas or ranknas"
        )


def make_ranker(settings: SearchSettings, space: Space) -> Ranker | None:
    """Return the ranker, pretrained where there are weak labels; ``None`` means the default one.

    That of a strategy that :func:`~archrank.runs.steps.pretrains` is left to
    :class:`~archrank.runs.pretraining.Pretraining`.

    Raises:
        SettingsError: weak labels for a ranker that cannot use any.
        UnknownNameError: no such ranker.
    """
    from archrank.rankers import RANKERS
    from archrank.rankers.base import Ranker
    from archrank.runs.weak import pretrain

    learns = bool(settings.weak) and not pretrains(settings.strategy)
    if settings.ranker == "default" and not learns:
        return None
    ranker: Ranker = instance_of(RANKERS, settings.ranker, Ranker, space=space)
    return pretrain(ranker, settings.weak, settings.data) if learns else ranker


def search_space(settings: SearchSettings) -> Space:
    """Return the space of a search: by its name, or the one that columns of its table span.

    Raises:
        SettingsError: columns or rows of no table.
        ArchrankError: the space or the table cannot be used.
    """
    check_table(settings)
    if not settings.choices:
        return make_space(settings.space)
    return choice_table(settings).space


def make_study(
    settings: SearchSettings,
    *,
    storage: Storage | None = None,
    name: str | None = None,
    executor: Executor | None = None,
    accept_changes: bool = False,
) -> Study:
    """Return the study that ``settings`` describe, to be kept in ``storage`` under ``name``.

    Raises:
        ArchrankError: any of the names, files or numbers cannot be used; the message says which.
    """
    from archrank.study.study import Study

    space = search_space(settings)
    return Study(
        space,
        make_evaluator(settings, space),
        make_strategy(settings, space),
        objectives=settings.metric,
        constraints=(*settings.constraint, *predicted_limits(settings)),
        storage=storage,
        name=name,
        executor=executor,
        ahead=settings.ahead,
        seed=settings.seed,
        accept_changes=accept_changes,
    )
