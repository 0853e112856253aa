"""The part of a study that is asked what to evaluate, and told what came out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from archrank.checks import whole
from archrank.errors import BudgetError, BudgetWarning, InfeasibleError, TellError
from archrank.locking import PATIENCE, locked
from archrank.spaces.given import read_arch
from archrank.study.asked import Asked, Ledger
from archrank.study.asking import MOST, Telling, ask, begun, read_seconds, read_tellings, told
from archrank.study.record import Description, Record
from archrank.study.results import Results
from archrank.study.storage import TrialStore
from archrank.study.trials import ConflictError

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.study.engine import Engine

T = TypeVar("T")


class AskAndTell:
    """Questions and answers of a :class:`.Study`."""

    if TYPE_CHECKING:  # a study has these
        space: Space
        folder: Path | None
        _results: Results | None

        @property
        def description(self) -> Description:
            """Description of the run."""

        @property
        def _engine(self) -> Engine: ...

        @property
        def _store(self) -> TrialStore: ...

    @cached_property
    def _ledger(self) -> Ledger:
        return self._store.ledger()

    def _refresh(self) -> None:
        """Read again what is stored, if another process has written since."""
        if "_ledger" in self.__dict__ and self._store.is_stale:
            del self.__dict__["_ledger"]
            self._results = None

    def ask(self, n: int | None = None) -> list[Asked]:
        """Return architectures that somebody else is to evaluate; :meth:`tell` what comes out.

        They are proposed by the strategy, as in a run of its own: with the same seed and the same
        answers it asks the same. An architecture that was asked for is kept, over restarts and
        without a limit of time, in :attr:`outstanding`, and not asked for again, until something
        is told of it or it is given up (:meth:`forget`).

        Args:
            n: how many; ``None`` is what the strategy would evaluate next.

        Returns:
            Up to ``n``, best first; fewer, or none, where nothing else may be proposed.

        Raises:
            BudgetError: ``n`` below 1.
            InfeasibleError: no architecture keeps the constraints on cheap metrics.
            ResumeError: the storage holds another run, or this one has changed; says what differs.
            StorageError: the storage cannot be used.

        Warns:
            BudgetWarning: there is nothing else to ask for; says why.
        """
        if n is not None:
            whole(n, "ask: n", at_least=1, at_most=MOST, error=BudgetError)

        def choose() -> list[Asked]:
            asked = ask(self._engine, self._ledger, n)
            if asked:
                self._store.ask(asked, self.description)
                self._ledger.asked.update((each.key, each) for each in asked)
            return asked

        asked = self._write(choose)
        if not asked:
            places: list[Record | Asked] = [*self._ledger.records, *self.outstanding]
            history = self._engine.history(places)
            why = self._engine.limits.why_nothing(history, self._engine.strategy)
            if not places:
                raise InfeasibleError(f"{why}. Loosen the limit")
            waiting = len(self.outstanding)
            why += f"; {waiting:,} of them await an answer" if waiting else ""
            warnings.warn(f"nothing else to ask for: {why}", BudgetWarning, stacklevel=2)
        return asked

    @property
    def outstanding(self) -> list[Asked]:
        """Architectures that were asked for and await an answer, in proposal order."""
        self._refresh()
        return [self._ledger.asked[key] for key in sorted(self._ledger.asked)]

    def tell(
        self,
        arch: Any,
        metrics: Any = None,
        *,
        failed: str | None = None,
        replace: bool = False,
        seconds: float | None = None,
    ) -> list[Record]:
        """Take the result of an evaluation that was made elsewhere; it is stored at once.

        In any order, also of architectures that nobody asked for: own measurements are welcome.
        Costs that the evaluator counts need not be told.

        Args:
            arch: what :meth:`ask` returned; or an architecture as its string, its choices
                ``{decision: option}``, JSON text of these, its row ``(d,)`` or its number. A list
                of several: all are taken, or none.
            metrics: ``{metric: number}``, or a number where there is one objective; of several
                architectures, a list. A number that is not finite is a failed evaluation.
            failed: why the evaluation failed, in place of metrics.
            replace: take the result in place of one that is known; refused otherwise.
            seconds: time that the evaluation took; ``None`` is the time since it was asked for.

        Returns:
            The evaluations as they are stored, in the order of the arguments.

        Raises:
            TellError: of an architecture that has been evaluated already, or twice; or a metric
                that the goals need is missing.
            ArchitectureError: no architecture of the space.
            UnknownNameError: no such metric.
            ArgumentError: a value that is no number.
            ResumeError: the storage holds another run, or this one has changed; says what differs.
            StorageError: the storage cannot be used.
        """
        if seconds is not None:
            seconds = read_seconds(seconds, "tell: seconds")
        return self.tell_all(
            read_tellings(self._engine, arch, metrics, failed, seconds), replace=replace
        )

    def tell_all(self, tellings: Sequence[Telling], *, replace: bool = False) -> list[Record]:
        """Take several results at once, all or none; see :meth:`tell`."""

        def take() -> list[Record]:
            records = told(self._engine, self._ledger, tellings, replace=replace)
            known = {record.key for record in self._ledger.records}
            replaces = any(record.key in known for record in records)
            closes = begun(self._engine, self._ledger) if replaces else []
            if records:
                self._store.tell(records, self.description, closes)
            for record in records:
                self._ledger.take(record)
            self._ledger.closed.update(closes)
            self._ledger.records.sort(key=lambda r: r.key)
            self._results = None
            return records

        return self._write(take)

    def forget(self, arch: Any) -> Asked:
        """Give up an architecture that was asked for: no answer is awaited any more.

        It is no evaluation, not even a failed one, and may be asked for again.

        Args:
            arch: what :meth:`ask` returned, or the architecture as :meth:`tell` takes it.

        Raises:
            TellError: it was not asked for, or something was told of it.
            ArchitectureError: no architecture of the space.
        """
        row = arch.arch if isinstance(arch, Asked) else read_arch(self.space, arch)

        def give_up() -> Asked:
            name = self.space.format(row[None])[0]
            found = [each for each in self._ledger.asked.values() if each.string == name]
            if not found:
                raise TellError(
                    f"{name} awaits no answer; archrank ask --outstanding (in Python "
                    "study.outstanding) lists what does"
                )
            self._store.forget(found[0], self.description)
            self._ledger.forget(found[0])
            return found[0]

        return self._write(give_up)

    def _write(self, change: Callable[[], T]) -> T:
        """Make a change, once more from what is stored now where others have written meanwhile."""
        with self._alone(PATIENCE):
            while True:
                self._store.wait_until_alone()
                self._refresh()
                try:
                    return change()
                except ConflictError:
                    continue

    def _alone(self, wait: float = 0.0) -> AbstractContextManager[object]:
        """Be the only process that writes to the run folder, if there is one."""
        return nullcontext() if self.folder is None else locked(self.folder, wait=wait)
