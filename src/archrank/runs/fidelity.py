"""Short trainings before full ones: what ``--fidelity`` means for a search."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from archrank.errors import BudgetError, SettingsError
from archrank.metrics import split_direction
from archrank.runs.evaluators import DEFAULT, TOLD
from archrank.runs.named import make_task
from archrank.runs.settings import SearchSettings

FOLDER = "short"  # in the run folder: a run of its own, which every command reads


@dataclass(frozen=True)
class Fidelity:
    """Short trainings of a search.

    Attributes:
        settings: of the search that makes them.
        share: cost of one, in full trainings.
        meaning: what they are, for people.
    """

    settings: SearchSettings
    share: float
    meaning: str

    @property
    def each(self) -> int:
        """Short trainings for every full one: about as many as cost the same."""
        return max(1, round(1 / self.share))

    def full(self, budget: int, confirm: int = 0) -> int:
        """Return how many full trainings a budget, in full trainings, leaves beside short ones.

        Args:
            budget: what all trainings cost together.
            confirm: full trainings of it that repeat others, and so choose among no short ones.

        Raises:
            BudgetError: none but these.
        """
        cost = 1 + self.each * self.share
        found = math.floor((budget - confirm) / cost + 1e-9)
        if found < 1:
            repeated = f"{confirm} repetitions, " if confirm else ""
            raise BudgetError(
                f"budget {budget}: {repeated}one full training and the {self.each} short ones that "
                f"it chooses among cost {cost + confirm:.3g} full trainings; give at least "
                f"{math.ceil(cost) + confirm}"
            )
        return found + confirm


def fidelity_of(settings: SearchSettings) -> Fidelity | None:
    """Return the short trainings that a search asks for; ``None`` if it asks for none.

    Raises:
        SettingsError: it cannot have any, or not such ones.
        ArchrankError: its task cannot be used.
    """
    if settings.fidelity is None:
        return None
    typed = f"--fidelity {settings.fidelity}"
    if settings.strategy != "guided":
        raise SettingsError(
            f"{typed}: guided search alone begins with short trainings: remove it, or --strategy "
            f"{settings.strategy}"
        )
    if settings.prune is not None:
        raise SettingsError(f"{typed} goes without --prune {settings.prune}: remove one of them")
    if len(settings.metric) > 1:
        raise SettingsError(
            f"{typed} takes one metric: remove it, or leave one of --metric "
            f"{' '.join(settings.metric)}"
        )
    if TOLD in settings.evaluate:
        raise SettingsError(
            f"{typed}: evaluations that are made elsewhere have no short trainings; remove it, or "
            f"--evaluate {TOLD}"
        )
    short = _of_table if settings.table is not None else _of_epochs
    return short(settings, typed)


def _of_table(settings: SearchSettings, typed: str) -> Fidelity:
    """Read ``COLUMN=SHARE``."""
    column, _, text = str(settings.fidelity).rpartition("=")
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not column or not 0 < share < 1:
        raise SettingsError(
            f"{typed}: of a table, write COLUMN=SHARE, the column with results of short trainings "
            "and the cost of one as a share of a full one, such as c10_val_e12=0.06"
        )
    if not settings.metric:
        raise SettingsError(f"{typed}: name the column of full trainings, too: --metric c10_val")
    way = settings.metric[0].removeprefix(split_direction(settings.metric[0], ())[0])
    found = replace(settings, metric=(f"{column}{way}",), fidelity=None)
    return Fidelity(found, share, f"looking up {column}")


def _of_epochs(settings: SearchSettings, typed: str) -> Fidelity:
    """Read a number of epochs."""
    try:
        epochs = int(str(settings.fidelity))
    except ValueError:
        epochs = 0
    if epochs < 1:
        raise SettingsError(f"{typed}: write the epochs of a short training, such as 3")
    full = settings.epochs
    if "training" in (settings.evaluate or DEFAULT):
        recipe = make_task(settings.task, settings.data).recipe
        if recipe.updates is not None:
            raise SettingsError(
                f"{typed}: trainings of task {settings.task!r} are as long as the "
                f"{recipe.updates:,} updates of its recipe, not so many epochs; remove it"
            )
        full = full or recipe.epochs
    if full is None:
        raise SettingsError(
            f"{typed}: nothing tells how many epochs a full training has. Add --epochs, if what "
            "this search evaluates with takes epochs; otherwise remove --fidelity"
        )
    if epochs >= full:
        raise SettingsError(
            f"{typed}: a full training has {full} epochs, so a short one has {full - 1} at most"
            if full > 1
            else f"{typed}: a full training has 1 epoch, and there is none shorter: remove it"
        )
    found = replace(settings, epochs=epochs, fidelity=None)
    named = f"training for {epochs} of {full} epochs"
    return Fidelity(found, epochs / full, named)


def refuse_asking(settings: SearchSettings) -> None:
    """Refuse short trainings in a run whose evaluations are made elsewhere.

    Raises:
        SettingsError: the settings ask for some.
    """
    if settings.fidelity is not None:
        raise SettingsError(
            f"--fidelity {settings.fidelity}: its short trainings are made by archrank search, not "
            "asked for; remove it"
        )
