"""The search of short trainings that a search with ``--fidelity`` begins with; in its run folder.

It is a run like any other, in ``short/``: durable, resumed by the same command, and read by every
command. It grows with the budget, and so does the search of full trainings, which chooses among the
first of it: see :class:`.Promoted`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.runs.fidelity import FOLDER, Fidelity
from archrank.runs.folder import open_run
from archrank.runs.trained_supernet import Watch
from archrank.strategies.promoted import Promoted, Shorts

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study


def make_shorts(
    strategy: Promoted,
    short: Fidelity,
    folder: Path,
    budget: int,
    *,
    beside: Study | None = None,
    executor: Executor | None = None,
    accept_changes: bool = False,
    ask: Callable[[str], bool] = lambda question: False,
    watch: Watch = lambda doing, done, of: None,
) -> None:
    """Make the short trainings that ``budget`` full ones choose among; the strategy has them then.

    Args:
        strategy: of the search of full trainings.
        short: what a short training is.
        folder: of the run.
        budget: full trainings in total.
        beside: the search of full trainings, in whose database server, if it has one, these are
            kept, too, so that processes divide them.
        executor: runs evaluations.
        accept_changes: whether to continue although earlier evaluations may not compare.
        ask: asks the user the same, where that is needed.
        watch: called with the progress.

    Raises:
        ArchrankError: what a search raises.
    """
    shared = beside if beside is not None and beside.is_shared else None
    with open_run(
        folder / FOLDER,
        short.settings,
        budget=1,
        storage=None if shared is None else shared.address,
        name=None if shared is None else f"{shared.name}-{FOLDER}",
        executor=executor,
        accept_changes=accept_changes,
        ask=ask,
    ) as study:
        wanted = min(strategy.shorts_for(budget), study.evaluator.capacity)
        study.run(wanted, watcher=_Watcher(short.meaning, watch))
        history = study.history
    strategy.shorts = Shorts(history.archs, history.scores)


class _Watcher:
    """Passes the progress of a search on, as that of a step."""

    def __init__(self, doing: str, watch: Watch) -> None:
        self._doing, self._watch = doing, watch
        self._of = 0

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        self._of = budget or 0
        if len(study.results.records) < self._of:
            self._watch(self._doing, len(study.results.records), self._of)

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        """Nothing is shown of single architectures."""

    def finished_one(self, study: Study, record: Record) -> None:
        self._watch(self._doing, min(len(study.records), self._of), self._of)

    def ended(self, study: Study) -> None:
        """The next step ends the count."""
