"""One call of :meth:`.Study.run`: rounds until the budget is reached, then the end of the run.

Alone, or beside other processes that work on the study.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from archrank.checks import number, quoted, whole
from archrank.errors import BudgetError
from archrank.evaluators.base import Evaluator
from archrank.study.afterwards import Afterwards
from archrank.study.asked import Ledger
from archrank.study.attempts import Attempts
from archrank.study.engine import Engine
from archrank.study.objectives import Goals
from archrank.study.record import Description, Record
from archrank.study.repeating import Repeating
from archrank.study.results import Results
from archrank.study.shared_rounds import SharedRounds
from archrank.study.sharing import Sharing
from archrank.study.storage import TrialStore


class Running:
    """One call of :meth:`.Study.run`.

    Args:
        engine: proposes and evaluates.
        store: keeps what comes out.
        ledger: what is known of the run; learns what is evaluated now.
        description: of the run.
        attempts: note of what is evaluated in this process.
        results: returns the results as they are now.
        tell: tells watchers of an event, by the name of their method.
        sharing: membership among other processes; ``None`` without others.

    Attributes:
        shortfall: how many evaluations there are, of how many, and why; ``None`` if the budget was
            reached.
        confirmations: sentences about what was measured once more at the end.
        made: evaluations that this process made.
    """

    def __init__(
        self,
        engine: Engine,
        store: TrialStore,
        ledger: Ledger,
        description: Description,
        attempts: Attempts,
        results: Callable[[], Results],
        tell: Callable[..., None],
        sharing: Sharing | None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._ledger = ledger
        self._description = description
        self._attempts = attempts
        self._results = results
        self._tell = tell
        self._sharing = sharing
        self._shared: SharedRounds | None = None
        if sharing is not None:
            self._shared = SharedRounds(sharing, store, description, ledger, self._learnt)
        self.shortfall: str | None = None
        self.confirmations: tuple[str, ...] = ()
        self.made = 0

    def without_repetitions(self, budget: int | None, confirm: int) -> int | None:
        """Return how many evaluations of a budget repeat no others."""
        known = len(self._store.kept.repetitions())
        if budget is None or not (confirm or known):
            return budget
        return max(budget - max(confirm, known), min(len(self._ledger.records), budget), 1)

    def run(
        self, total: int | None, rounds: int | None, minutes: float | None, confirm: int
    ) -> None:
        """Evaluate, and do what comes at the end; see :meth:`.Study.run`.

        Args:
            total: the budget.
            rounds: evaluations of it that repeat no others.
            minutes: working time.
            confirm: evaluations that repeat others, at most.
        """
        why = self._engine.run(
            self._ledger,
            self._keep,
            budget=rounds,
            minutes=minutes,
            works_on=self._works_on,
            attempts=self._attempts,
            shared=self._shared,
        )
        if why is not None:
            of = "" if rounds is None else f" of {rounds:,}"
            self.shortfall = f"{len(self._results().records):,}{of} evaluations: {why}"
        engine = self._engine
        afterwards = Afterwards(
            engine.space,
            engine.evaluator,
            engine.goals,
            engine.executor,
            self._store.kept,
            self._results,
            self._sharing,
        )
        if confirm:
            room = confirm if total is None else min(confirm, total - len(self._results().records))
            afterwards.repeat(room)
        self.confirmations = tuple(afterwards.confirm())

    def _keep(self, record: Record) -> None:
        """Store an evaluation of this process."""
        if self._shared is None:
            self._store.append(record, self._description)
        elif not self._shared.store(record):
            return  # another process was first, of whom it will be learnt
        self.made += 1
        self._ledger.take(record)
        self._learnt(record)

    def _learnt(self, record: Record) -> None:
        self._tell("finished_one", record)

    def _works_on(self, archs: Sequence[str]) -> None:
        self._tell("works_on", archs)


def check_budget(
    evaluator: Evaluator, goals: Goals, budget: int | None, minutes: float | None, confirm: int
) -> None:
    """Refuse a budget that cannot be spent; see :meth:`.Study.check_budget`."""
    if budget is None and minutes is None:
        raise BudgetError("give a budget: a number of evaluations, minutes, or both")
    if budget is not None:
        whole(budget, "budget", error=BudgetError)
    if minutes is not None:
        minutes = number(minutes, "minutes", error=BudgetError, finite=False)
    if budget is not None and budget < 1:
        raise BudgetError(f"budget {quoted(budget)}: at least 1 evaluation is needed")
    if minutes is not None and not (minutes > 0 and math.isfinite(minutes)):
        raise BudgetError(f"minutes {minutes:g}: a positive number is needed")
    if whole(confirm, "confirm", at_least=0, error=BudgetError):
        Repeating(evaluator, goals, None)
    if budget is not None and confirm >= budget:
        raise BudgetError(
            f"confirm {confirm:,} of a budget of {budget:,}: repetitions are part of the "
            "budget, and at least 1 evaluation must be left; give a larger budget"
        )
    if budget is not None and budget - confirm > evaluator.capacity:
        capacity = evaluator.capacity
        asked = f"{budget:,}" if budget < 10**18 else quoted(budget)
        raise BudgetError(
            f"budget {asked} is beyond the {capacity:,} architectures that can be evaluated in "
            f"{evaluator.space.name}: ask for {capacity:,} at most"
        )
