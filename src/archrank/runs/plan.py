"""The plan of a run: into how many evaluations a strategy divides its rounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from archrank.runs.folder import SETTINGS, load_settings
from archrank.runs.named import parameters
from archrank.runs.settings import SearchSettings
from archrank.strategies import STRATEGIES
from archrank.strategies.base import Strategy


def planned(
    settings: SearchSettings, folder: Path, budget: int | None, minutes: float | None
) -> tuple[SearchSettings, int | None]:
    """Return the settings with their plan, and the budget, of a run that begins or goes on.

    Rounds of a plan must stay what they are, whatever budget the run goes on to. So they follow
    from the budget of the first command, and are stored.

    Args:
        settings: of the search.
        folder: of the run.
        budget: evaluations in total, if that was given.
        minutes: working time in total, if that was given.

    Raises:
        UnknownNameError: no such strategy.
        StorageError: settings of the run are damaged.
    """
    found = STRATEGIES.get(settings.strategy)
    if budget is None and minutes is None:
        budget = int(getattr(found, "usual_budget", Strategy.usual_budget))
    if settings.plan is not None or "budget" not in parameters(found, Strategy):
        return settings, budget
    known = load_settings(folder).plan if (folder / SETTINGS).exists() else budget
    return replace(settings, plan=known), budget
