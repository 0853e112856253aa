"""A study: one durable, resumable, parallel search."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import TYPE_CHECKING, Protocol

import numpy as np

from archrank.errors import (
    ArchrankError,
    BudgetError,
    EvaluationError,
    ObjectiveError,
    ResumeError,
)
from archrank.evaluators.base import Evaluator
from archrank.parallel.worker import Evaluated, evaluate_group
from archrank.spaces.base import Space
from archrank.strategies.base import Strategy
from archrank.strategies.guided import Guided
from archrank.strategies.history import History, pareto_ranks
from archrank.study.objectives import (
    Constraint,
    Objective,
    objective_matrix,
    total_violation,
)
from archrank.study.record import Record
from archrank.study.storage import STUDY_NAME, TrialStore
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    import pandas as pd

IN_FLIGHT = 256  # evaluations handed to an executor at a time
HOPELESS = 5  # a run whose first evaluations, at least this many, all fail ends after the round


class Watcher(Protocol):
    """Is told how a run goes; progress displays are watchers."""

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """The run begins, or goes on with what is stored already."""

    def finished_one(self, study: Study, record: Record) -> None:
        """One more evaluation is stored."""

    def ended(self, study: Study) -> None:
        """The run is over, whatever the cause."""


class Study:
    """Search a space for the architectures that are best by an evaluator.

    Every evaluation is committed before the next round is proposed. Round ``r`` is proposed with
    randomness from ``SeedSequence([seed, r])`` and the results of the rounds before it, in proposal
    order, so the same settings give the same proposals: after a resume, and with any number of
    workers.

    Args:
        space: what can be built.
        evaluator: measures architectures; the study binds it to the space.
        strategy: what to evaluate next; guided search with the default ranker if ``None``.
        objectives: metrics to optimise, ``"name"`` or ``"name:minimize"``; the evaluator's first
            metric if empty.
        constraints: such as ``"macs<=1e8"``; feasible architectures come first.
        storage: SQLAlchemy URL; ``None`` keeps everything in memory.
        name: of the study in a storage that holds several; ``"archrank"`` if ``None``.
        executor: where evaluations run; ``None`` is this process.
        seed: decides every random choice, those of training included.

    Example:
        >>> import archrank as ar
        >>> space = ar.spaces.NASBench201()
        >>> n_convs = lambda config: list(config.values()).count("nor_conv_3x3")
        >>> study = ar.Study(space, ar.evaluators.Function(n_convs), ar.strategies.Random())
        >>> len(study.run(budget=20).records)
        20
    """

    def __init__(
        self,
        space: Space,
        evaluator: Evaluator,
        strategy: Strategy | None = None,
        *,
        objectives: Sequence[str] = (),
        constraints: Sequence[str] = (),
        storage: str | None = None,
        name: str | None = None,
        executor: Executor | None = None,
        seed: int = 0,
    ) -> None:
        self.evaluator = evaluator.bind(space, seed=seed)
        self.space = self.evaluator.space
        self.strategy = strategy if strategy is not None else Guided()
        if seed < 0:
            raise ArchrankError(f"seed {seed}: a seed is 0 or more")
        self.seed = seed
        self.executor = executor
        metrics = self.evaluator.metrics
        names = objectives or (metrics[0].name,)
        self.objectives = tuple(Objective.parse(text, metrics) for text in names)
        self.constraints = tuple(Constraint.parse(text, metrics) for text in constraints)
        if len({o.metric for o in self.objectives}) < len(self.objectives):
            raise ObjectiveError(f"an objective is named twice: {', '.join(names)}")
        self._allowed = _Allowed(self.evaluator, self.constraints)
        self._store = TrialStore(storage, name or STUDY_NAME, create=self.objectives)
        self._store.identify(self._identity())
        self.records: list[Record] = self._store.records()
        self._latest: History | None = None

    def _identity(self) -> dict[str, object]:
        return {
            "space": self.space.fingerprint(),
            "evaluator": self.evaluator.describe(),
            "strategy": self.strategy.describe(),
            "objectives": [str(o) for o in self.objectives],
            "constraints": [str(c) for c in self.constraints],
            "seed": self.seed,
        }

    # ---- running -------------------------------------------------------------------------------

    def run(
        self,
        budget: int | None = None,
        *,
        minutes: float | None = None,
        watcher: Watcher | None = None,
    ) -> Study:
        """Evaluate until the run holds ``budget`` evaluations or has worked ``minutes``.

        Both count what earlier sessions of the same run did, so repeating a call that was
        interrupted finishes it, and a larger budget extends it. Failed evaluations count.

        Raises:
            BudgetError: nothing to spend, or more than the space holds.
            EvaluationError: the first evaluations all failed, or a worker process died.
        """
        self.check_budget(budget, minutes)
        clock = _Clock(max((r.elapsed for r in self.records), default=0.0), minutes)
        if watcher is not None:
            watcher.started(self, budget, minutes)
        try:
            while self._run_round(budget, clock, watcher):
                pass
        finally:
            self.records.sort(key=lambda r: r.key)
            self._latest = None
            if watcher is not None:
                watcher.ended(self)
        return self

    def check_budget(self, budget: int | None, minutes: float | None) -> None:
        """Refuse a budget that cannot be spent.

        Raises:
            BudgetError: nothing to spend, or more than the space holds.
        """
        if budget is None and minutes is None:
            raise BudgetError("give a budget: a number of evaluations, minutes, or both")
        if budget is not None and budget < 1:
            raise BudgetError(f"budget {budget}: at least 1 evaluation is needed")
        if minutes is not None and not minutes > 0:
            raise BudgetError(f"minutes {minutes}: a positive number is needed")
        if budget is not None and budget > self.evaluator.capacity:
            raise BudgetError(
                f"budget {budget:,} is beyond the {self.evaluator.capacity:,} architectures that "
                f"can be evaluated in {self.space.name}"
            )

    def _run_round(self, budget: int | None, clock: _Clock, watcher: Watcher | None) -> bool:
        """Finish the first incomplete round; False when the run is over."""
        done, number = self._complete_rounds()
        if (budget is not None and len(self.records) >= budget) or clock.is_up:
            return False
        history = self._history(done)
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, number]))
        archs = self.strategy.propose(history, self.strategy.batch(history), rng=rng)
        if len(archs) == 0:
            return False  # nothing is left to propose
        stored = {r.slot: r for r in self.records if r.round == number}
        for slot, record in stored.items():
            if record.round_size != len(archs) or not np.array_equal(record.arch, archs[slot]):
                raise ResumeError(
                    f"evaluation {slot} of round {number} is of {record.string}, which this "
                    "version of archrank would not propose: finish the run with the version that "
                    "began it, or start a new one"
                )
        left = len(archs) if budget is None else budget - len(self.records)
        slots = [s for s in range(len(archs)) if s not in stored][:left]
        for slot, outcome in self._evaluate({s: archs[s] for s in slots}, clock):
            record = Record(
                round=number,
                slot=slot,
                round_size=len(archs),
                arch=archs[slot],
                string=self.space.format(archs[slot][None])[0],
                values=outcome.values,
                reason=self._failure(outcome),
                seconds=outcome.seconds,
                elapsed=clock.elapsed,
                cpu_seconds=outcome.cpu_seconds,
            )
            self._store.append(record, self.space, self.objectives)
            self.records.append(record)
            if watcher is not None:
                watcher.finished_one(self, record)
        self._give_up_if_hopeless()
        return not clock.is_up

    def _failure(self, outcome: Evaluated) -> str | None:
        """Why an evaluation cannot be used; a missing value that nobody asked for is no failure."""
        needed = [o.metric for o in self.objectives] + [c.metric for c in self.constraints]
        missing = [name for name in needed if not math.isfinite(outcome.values.get(name, math.nan))]
        if not missing:
            return None
        return outcome.reason or f"{', '.join(dict.fromkeys(missing))} is NaN"

    def _complete_rounds(self) -> tuple[list[Record], int]:
        """Records of all complete rounds in proposal order, and the number of the next round."""
        by_round: dict[int, list[Record]] = {}
        for record in self.records:
            by_round.setdefault(record.round, []).append(record)
        done: list[Record] = []
        number = 0
        while number in by_round and len(by_round[number]) == by_round[number][0].round_size:
            done.extend(sorted(by_round[number], key=lambda r: r.slot))
            number += 1
        return done, number

    def _evaluate(self, archs: dict[int, Archs], clock: _Clock) -> Iterator[tuple[int, Evaluated]]:
        """Yield ``(slot, outcome)`` as evaluations finish; starts none once the time is up."""
        groups = list(_grouped(archs, self.evaluator.group_size))
        if self.executor is None:
            for slots, rows in groups:
                if clock.is_up:
                    return
                yield from zip(slots, evaluate_group(self.evaluator, rows), strict=True)
            return
        waiting = groups[::-1]
        running: dict[Future[list[Evaluated]], list[int]] = {}
        try:
            while (waiting and not clock.is_up) or running:
                while waiting and not clock.is_up and len(running) < IN_FLIGHT:
                    slots, rows = waiting.pop()
                    future = self.executor.submit(evaluate_group, self.evaluator, rows)
                    running[future] = slots
                interrupted = None
                try:
                    wait(running, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt as signal:  # keep what has finished meanwhile
                    interrupted = signal
                finished = [f for f in running if f.done()]
                for future in sorted(finished, key=lambda f: f.exception() is not None):
                    slots = running.pop(future)
                    yield from zip(slots, future.result(), strict=True)  # results before errors
                if interrupted is not None:
                    raise interrupted
        except BrokenExecutor as error:
            raise EvaluationError(
                "a worker process died (killed, or out of memory); finished evaluations are kept. "
                "Run again to continue, with fewer workers if memory is short"
            ) from error
        finally:
            for future in running:
                future.cancel()

    def _give_up_if_hopeless(self) -> None:
        if len(self.records) >= HOPELESS and all(r.reason for r in self.records):
            first = self.records[0]
            raise EvaluationError(
                f"all of the first {len(self.records)} evaluations failed; {first.string}: "
                f"{first.reason}"
            )

    # ---- results -------------------------------------------------------------------------------

    @property
    def history(self) -> History:
        """Everything evaluated so far, in proposal order."""
        if self._latest is None or len(self._latest) != len(self.records):  # only ever grows
            self._latest = self._history(self.records)
        return self._latest

    def _history(self, records: Sequence[Record]) -> History:
        n = len(records)
        archs = np.array([r.arch for r in records], dtype=np.uint8).reshape(n, self.space.d)
        values = self._values(records)
        return History(
            self.space,
            archs,
            objective_matrix(self.objectives, values),
            total_violation(self.constraints, values, n),
            self._allowed,
        )

    def _values(self, records: Sequence[Record]) -> dict[str, Floats]:
        return {
            m.name: np.array([r.values.get(m.name, np.nan) for r in records], dtype=np.float64)
            for m in self.evaluator.metrics
        }

    @property
    def best(self) -> Record:
        """The best evaluation: feasible first, then by the objective (of several: the first).

        Raises:
            EvaluationError: nothing was evaluated successfully yet.
        """
        history = self.history
        if not history.ok.any():
            reasons = [r.reason for r in self.records if r.reason]
            raise EvaluationError(
                f"none of {len(self.records)} evaluations succeeded"
                + (f"; the last: {reasons[-1]}" if reasons else "")
            )
        scores = np.where(history.ok, history.scores, -np.inf)
        first = np.where(history.ok, history.objectives[:, 0], -np.inf)
        return self.records[int(np.lexsort((first, scores))[-1])]

    @property
    def front(self) -> list[Record]:
        """Feasible evaluations that none dominates, best of the first objective first."""
        history = self.history
        candidates = np.flatnonzero(history.ok & (history.violation <= 0))
        ranks = pareto_ranks(history.objectives[candidates])
        front = candidates[ranks == 0]
        order = np.argsort(-history.objectives[front, 0], kind="stable")
        return [self.records[i] for i in front[order]]

    def feasible(self, record: Record) -> bool:
        """Whether an evaluation succeeded and keeps every constraint."""
        history = self._history([record])
        return bool(history.ok[0] and history.violation[0] <= 0)

    def table(self) -> pd.DataFrame:
        """All evaluations as a data frame: architecture, metrics, seconds, failure reason."""
        import pandas as pd

        rows = [
            {"arch": r.string, **r.values, "seconds": r.seconds, "failure": r.reason}
            for r in self.records
        ]
        return pd.DataFrame(rows)


def _grouped(archs: dict[int, Archs], size: int) -> Iterator[tuple[list[int], Archs]]:
    """Slots and rows ``(k, d)`` of up to ``size`` architectures at a time."""
    slots = list(archs)
    for start in range(0, len(slots), size):
        part = slots[start : start + size]
        yield part, np.stack([archs[slot] for slot in part])


class _Allowed:
    """Which candidates may be proposed: known to the evaluator, and within what costs nothing."""

    def __init__(self, evaluator: Evaluator, constraints: Sequence[Constraint]) -> None:
        self._evaluator = evaluator
        wanted = {c.metric for c in constraints}
        self._cheap = [
            part
            for part in evaluator.parts()
            if part.cheap and not wanted.isdisjoint(m.name for m in part.metrics)
        ]
        names = {m.name for part in self._cheap for m in part.metrics}
        self._constraints = [c for c in constraints if c.metric in names]

    def __call__(self, archs: Archs) -> Bools:
        allowed = self._evaluator.available(archs)
        if self._constraints and len(archs):
            values: dict[str, Floats] = {}
            for part in self._cheap:
                values |= part.evaluate(archs)
            allowed &= total_violation(self._constraints, values, len(archs)) <= 0
        return allowed


class _Clock:
    """Working time of a run, over all its sessions."""

    def __init__(self, before: float, minutes: float | None) -> None:
        self._start = time.monotonic() - before
        self._limit = None if minutes is None else minutes * 60

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._start

    @property
    def is_up(self) -> bool:
        return self._limit is not None and self.elapsed >= self._limit
