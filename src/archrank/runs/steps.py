"""Steps of a search before its first round, by the kind of its strategy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from archrank.runs.settings import SearchSettings
from archrank.runs.trained_supernet import Watch
from archrank.strategies import STRATEGIES

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.strategies.base import Strategy


class Steps(Protocol):
    """Steps that a strategy needs before its first round."""

    def check(self) -> None:
        """Refuse what cannot be used, before anything is trained or written."""

    def run(self, watch: Watch) -> None:
        """Do what is not finished; the strategy has what it needs then."""

    def load(self) -> None:
        """Give the strategy what is finished; train nothing."""


def steps_of(
    strategy: Strategy, settings: SearchSettings, space: Space, folder: Path
) -> Steps | None:
    """Return the steps of a strategy in the folder of its run; ``None``: it needs none."""
    from archrank.strategies import AceNASSearch, RankNASSearch

    if isinstance(strategy, AceNASSearch):
        from archrank.runs.pretraining import Pretraining

        return Pretraining(strategy, settings, space, folder)
    if isinstance(strategy, RankNASSearch):
        from archrank.runs.ranknas import RankNASSteps

        return RankNASSteps(strategy, settings, space, folder)
    return None


def pretrains(name: str) -> bool:
    """Tell whether the strategy called ``name`` has a ranker that learns weak labels first.

    Raises:
        UnknownNameError: no such strategy.
    """
    from archrank.strategies import AceNASSearch

    return issubclass(_kind(name), AceNASSearch)


def uses_supernet(name: str) -> bool:
    """Tell whether the strategy called ``name`` begins with a supernet.

    Raises:
        UnknownNameError: no such strategy.
    """
    from archrank.strategies import RankNASSearch

    return pretrains(name) or issubclass(_kind(name), RankNASSearch)


def _kind(name: str) -> type:
    found = STRATEGIES.get(name)
    return found if isinstance(found, type) else type(found)
