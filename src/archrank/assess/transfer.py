"""Fine-tuning: a ranker fitted to one column learns another from a few of its labels.

Zero-shot transfer needs nothing of this: the fitted ranker is judged on another column as it is.
"""

from __future__ import annotations

import numpy as np

from archrank.assess.grid import Cell
from archrank.assess.problem import Problem
from archrank.rankers.base import Ranker
from archrank.rankers.kit.targets import normal_scores
from archrank.types import Floats, Ints


def fine_tune(
    cell: Cell, base: Ranker, trained: Ints, source: str, target: str, count: int, problem: Problem
) -> tuple[Floats, Ints]:
    """Refit to the source's and ``count`` of the target's labels together, and rank everything.

    Each column becomes normal scores of the ranks of its own labels, which makes them comparable;
    where both are known the target's counts. This works for every ranker, keeps what it pretrained,
    and on NAS-Bench-201 is better at the top than taking the source ranker's predictions as weak
    labels and fitting to the target alone, which forgets the source's labels.

    Args:
        cell: whose draws and seeds to use.
        base: the ranker before it was fitted to the source.
        trained: rows that it was fitted to.
        source: the column that these labels are from.
        target: the column to learn.
        count: how many of its labels.
        problem: architectures and columns.

    Returns:
        Predictions ``(n,)``, and every row that was labelled.
    """
    rows = cell.target_rows(len(problem), count)
    scores = np.full(len(problem), np.nan)
    scores[trained] = normal_scores(problem.columns[source][trained])
    scores[rows] = normal_scores(problem.columns[target][rows])
    labelled = np.union1d(trained, rows)
    ranker = cell.seeded(base).fit(problem.archs[labelled], scores[labelled])
    return ranker.predict(problem.archs), labelled
