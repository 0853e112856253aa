"""Computation of one cell: fit a ranker to one draw of labels, stage by stage, and judge it."""

from __future__ import annotations

import time

import numpy as np

from archrank.assess.coverage import coverage_of, no_coverage
from archrank.assess.grid import Cell, Done, Row, failed_row, first_row, judged_row, rank_points
from archrank.assess.problem import Problem
from archrank.assess.protocol import Protocol
from archrank.assess.transfer import fine_tune
from archrank.errors import FAILURES
from archrank.rankers.base import Ranker
from archrank.types import Floats, Ints

_pretrained: dict[tuple[str, str, int], tuple[Ranker, float]] = {}  # cache of this process


def run_cell(cell: Cell, ranker: Ranker, problem: Problem, protocol: Protocol) -> Done:
    """Train and judge; if the ranker raises an error, return rows of NaN with the reason."""
    from threadpoolctl import threadpool_limits

    rows: list[Row] = []
    points: dict[str, list[float]] = {}
    trained = cell.training_rows(len(problem))
    with threadpool_limits(1):  # sums must not depend on the number of cores
        for stage in range(protocol.stages):
            known = first_row(cell, stage, len(trained))
            if protocol.coverage:
                known |= no_coverage()
            try:
                base, known["pretrain_seconds"] = pretrained(cell, ranker, problem, protocol)
                scores, seconds = _fit(cell, base, trained, problem, protocol)
                judged = _judge({**known, **seconds}, scores, trained, problem, protocol)
                if protocol.coverage:
                    judged[0] |= coverage_of(cell, base, trained, protocol.labels, problem)
                rows += judged
            except FAILURES as error:  # a user's ranker may raise anything; other cells go on
                rows += _failures(known, error, protocol)
                break
            if stage < protocol.stages - 1:
                count = cell.train_size if protocol.top is None else protocol.top
                trained = np.concatenate([trained, best_new(scores, trained, count, cell)])
                continue
            rows += _fine_tuned(cell, base, known, trained, problem, protocol)
            if cell.data_seed == cell.model_seed == 0:
                points = rank_points(scores, problem.columns[protocol.judged[0]])
    return Done(cell, rows, points)


def best_new(scores: Floats, trained: Ints, count: int, cell: Cell) -> Ints:
    """Choose the ``count`` best predicted untrained rows; ties are broken at random."""
    noise = np.random.default_rng([cell.data_seed, 2, len(trained)]).random(len(scores))
    order = np.lexsort((noise, -scores))
    new: Ints = order[~np.isin(order, trained)][:count]
    return new


def pretrained(
    cell: Cell, ranker: Ranker, problem: Problem, protocol: Protocol
) -> tuple[Ranker, float]:
    """Pretrain the ranker on the weak labels, if it can; return it and the seconds that this took.

    This is done once per model seed, because it does not depend on the labels.
    """
    from sklearn.base import clone

    if not problem.weak or not ranker.can_pretrain:
        return ranker, 0.0
    key = (problem.digest, f"{protocol.weak_rows} {ranker!r}", cell.model_seed)
    if key not in _pretrained:
        rows = np.flatnonzero(np.isfinite(np.stack([*problem.weak.values()])).all(axis=0))
        if protocol.weak_rows is not None and protocol.weak_rows < len(rows):
            rng = np.random.default_rng([cell.model_seed, 3])
            rows = np.sort(rng.choice(rows, protocol.weak_rows, replace=False))
        start = time.perf_counter()
        copy = clone(ranker).set_params(seed=cell.model_seed)
        copy.pretrain(problem.archs[rows], {k: v[rows] for k, v in problem.weak.items()})
        _pretrained[key] = copy, time.perf_counter() - start
    return _pretrained[key]


def _fit(
    cell: Cell, base: Ranker, trained: Ints, problem: Problem, protocol: Protocol
) -> tuple[Floats, dict[str, float]]:
    """Fit, and predict all architectures ``(n,)``; also return the seconds that this took."""
    start = time.perf_counter()
    ranker = cell.seeded(base)
    ranker.fit(problem.archs[trained], problem.columns[protocol.labels][trained])
    middle = time.perf_counter()
    scores = ranker.predict(problem.archs)
    end = time.perf_counter()
    return scores, {"fit_seconds": middle - start, "rank_seconds": end - middle}


def _judge(
    known: Row, scores: Floats, trained: Ints, problem: Problem, protocol: Protocol
) -> list[Row]:
    rows = []
    for column in protocol.judged:
        transfer = "none" if column == protocol.judged[0] else "zero-shot"
        row = {**known, "judged": column, "transfer": transfer}
        rows.append(judged_row(row, column, scores, trained, problem, protocol))
    return rows


def _failures(known: Row, error: BaseException, protocol: Protocol) -> list[Row]:
    """Make the rows of a failed fit, including those of later stages."""
    rows = []
    for stage in range(known["stage"], protocol.stages):
        for column in protocol.judged:
            transfer = "none" if column == protocol.judged[0] else "zero-shot"
            row = {**known, "stage": stage, "judged": column, "transfer": transfer}
            rows.append(failed_row(row, error))
    if protocol.fine_tune:
        last = {**known, "stage": protocol.stages - 1, "transfer": "fine-tune"}
        rows += [failed_row({**last, "judged": column}, error) for column in protocol.judge]
    return rows


def _fine_tuned(
    cell: Cell, base: Ranker, known: Row, trained: Ints, problem: Problem, protocol: Protocol
) -> list[Row]:
    """Make a row for each column that the ranker is fine-tuned to."""
    rows = []
    for column, labels in zip(protocol.judge, protocol.fine_tune_labels, strict=False):
        row: Row = {**known, "judged": column, "transfer": "fine-tune"}
        try:
            start = time.perf_counter()
            found, labelled = fine_tune(
                cell, base, trained, protocol.labels, labels, protocol.fine_tune, problem
            )
            row |= {"fit_seconds": time.perf_counter() - start, "rank_seconds": 0.0}
            rows.append(judged_row(row, column, found, labelled, problem, protocol))
        except FAILURES as error:
            rows.append(failed_row(row, error))
    return rows
