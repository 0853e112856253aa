"""The steps before a search by RankNAS: latencies, supernet, ranker and search; in its run folder.

Latencies of some architectures are measured first, where a limit is one, so that a limit that none
keeps is refused before anything is trained. Then a supernet is trained in ``supernet/``, and
searched in ``search/``. A command that is repeated takes up the first step that is not finished.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import StorageError
from archrank.files import read_json, write_json
from archrank.rows import distinct
from archrank.runs.settings import SearchSettings
from archrank.runs.supernet_search.pruning import Prune
from archrank.runs.supernet_search.results import SubnetSearch, read_search
from archrank.runs.supernet_search.settings import COSTS, SubnetSettings
from archrank.runs.trained_supernet import TrainedSupernet, Watch
from archrank.study.objectives import Constraint
from archrank.tables.base import load_table
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.strategies.ranknas import RankNASSearch

ASKED = "asked.json"  # settings of a search that is finished
SEARCH = "search"  # folder of the search in the supernet, in that of the run
MOST = 1_000  # winners, finalists included


class RankNASSteps:
    """Finds the winners of a search in a supernet, and gives them to the strategy of a run.

    Args:
        strategy: of the search.
        settings: of the search.
        space: of the search.
        folder: of the run.
    """

    def __init__(
        self, strategy: RankNASSearch, settings: SearchSettings, space: Space, folder: Path
    ) -> None:
        self.strategy, self.settings, self.space, self.folder = strategy, settings, space, folder
        recipe, settling = strategy.supernet_recipe, strategy.settling
        self.supernet = TrainedSupernet(settings, space, folder, recipe, settling)

    @property
    def subnets(self) -> SubnetSettings:
        """Settings of the search in the supernet."""
        from_strategy, prune = self.strategy, self.settings.prune
        least = 0 if prune is None else Prune.parse(prune).archs  # labels that importance needs
        return SubnetSettings(
            strategy="ranknas" if from_strategy.search == "evolution" else "ranknas-random",
            limit=limits_of(self.settings.constraint),
            metric=from_strategy.metric,
            archs=max(from_strategy.archs, least),
            examples=from_strategy.examples,
            timed=max(from_strategy.timed, least),
            repeats=from_strategy.repeats,
            latency_table=self.settings.latency_table,
            finalists=from_strategy.finalists,
            prune=prune,
            seed=self.settings.seed,
        )

    def check(self) -> None:
        """Refuse what cannot be used, before anything is trained or written.

        Raises:
            SettingsError: a limit that no architecture keeps.
            UnknownNameError: the task has no such metric.
            SpaceError: the space has no supernet.
            ResumeError: the supernet is of another space or task.
        """
        from archrank.runs.supernet_search.checking import check_search

        self.supernet.check()
        check_search(self.space.networks(self.supernet.task), self.subnets, loose=True)

    def run(self, watch: Watch) -> None:
        """Do the steps that are not finished; the strategy has its winners then.

        Raises:
            SettingsError: a limit of the latency below the fastest architecture.
            InfeasibleError: no architecture is predicted to keep the limits.
            StorageError: a file cannot be read or written.
            EvaluationError: the supernet's training diverged.
        """
        from archrank.runs.supernet_search.search import search_supernet, time_architectures
        from archrank.torch_state import torch_threads

        networks, folder = self.space.networks(self.supernet.task), self.folder / SEARCH
        if (folder / ASKED).exists() and read_json(folder / ASKED, "settings") == self._asked():
            self.load()  # the same winners with any later version of what searches
            return
        with torch_threads(1):  # the same numbers on any machine
            time_architectures(networks, self.subnets, folder, loose=True, watch=watch)
            found = search_supernet(
                self.supernet.checkpoint(watch),
                networks,
                self.subnets,
                folder,
                ranker=self.strategy.ranker,
                loose=True,
                watch=watch,
            )
        write_json(folder / ASKED, self._asked())
        self.strategy.winners = self._winners(found)

    def _asked(self) -> dict[str, Any]:
        """Return all that the winners depend on, as JSON values."""
        supernet, table = self.settings.supernet, self.settings.latency_table
        asked = {
            **asdict(self.subnets),
            "latency_table": table and table.name,
            "ranker": self.strategy.describe()["ranker"],
            "supernet": None if supernet is None else supernet.name,
        }
        found: dict[str, Any] = json.loads(json.dumps(asked))  # as it is read again
        return found

    def load(self) -> None:
        """Give the strategy its winners if they are found; train nothing."""
        try:
            self.strategy.winners = self._winners(read_search(self.folder / SEARCH))
        except StorageError:
            return  # not found yet

    def _winners(self, found: SubnetSearch) -> Archs:
        """Return finalists, the best within the limits first, then what the ranker put first."""
        from archrank.runs.supernet_search.search import TABLE

        limit = list(found.limits)[-1:]
        inside = [f for f in found.finalists if found.keeps(f, *limit)]
        sign = -1.0 if found.direction == "minimize" else 1.0
        inside.sort(key=lambda each: -sign * each.value(found.metric))
        table = load_table(self.folder / SEARCH / TABLE, self.space)
        scores = table.column("score")
        order = np.argsort(-scores, kind="stable")
        first = self.space.parse([each.architecture for each in inside]) if inside else None
        others = table.archs[order[np.isfinite(scores[order])]][:MOST]
        return distinct(others if first is None else np.concatenate([first, others]))


def limits_of(constraints: tuple[str, ...]) -> tuple[str, ...]:
    """Return the constraints that limit costs from above, the tightest of each cost."""
    known = {metric.name for metric in COSTS}
    tightest: dict[str, Constraint] = {}
    for text in constraints:
        if Constraint.split(text)[0] in known:
            read = Constraint.parse(text, COSTS)
            before = tightest.get(read.metric)
            if read.is_upper and (before is None or read.bound < before.bound):
                tightest[read.metric] = read
    return tuple(map(str, tightest.values()))
