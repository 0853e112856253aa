"""Transfer across spaces in an assessment: another table teaches, and this one is ranked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from archrank.assess.grid import Row
from archrank.assess.judging import judge
from archrank.assess.problem import Problem, open_table
from archrank.errors import LabelError, SettingsError, SpaceError
from archrank.metrics import Metric, split_direction
from archrank.rankers.across_spaces import AcrossSpaces
from archrank.rankers.base import Ranker
from archrank.rankers.transferred import Transferred
from archrank.spaces.base import Space

SUFFIX = "+transfer"  # of the names of rankers that are helped
TRANSFER = "transfer"
COSTS = ("params", "macs")


def learn_source(
    spec: str, space: str | Space | None, target: Space, data: Path | None = None
) -> AcrossSpaces:
    """Learn all labels of another table, to rank architectures of ``target``.

    Args:
        spec: ``FILE:COLUMN`` of the table that teaches, with ``:minimize`` or ``:maximize`` where
            the column's name does not tell.
        space: Its space, or the space's name; ``None``: what the file tells, otherwise
            ``nasbench201``.
        target: Space of the architectures that are to be ranked.
        data: Folder of files that are not here.

    Raises:
        SettingsError: ``spec`` has another form.
        SpaceError: One of the spaces has no features that others share.
        TableError: The file cannot be used.
        UnknownNameError: No column, or no space, has that name.
        ObjectiveError: The column's direction is neither stated nor told by its name.
        LabelError: Fewer than two of its rows have labels, or all are equal.
    """
    named, direction = split_direction(spec)
    file, _, column = named.rpartition(":")
    if not file or not column:
        raise SettingsError(f"transfer {spec!r}: write FILE:COLUMN of the table that teaches")
    other = open_table(file, space, data=data)
    for one in (other.space, target):
        _require_common(one, spec)
    values = other.column(column)
    metric = Metric(column, direction or other.directions.get(column))
    known = np.isfinite(values)
    try:
        return AcrossSpaces(other.space).fit(
            other.archs[known], values[known] * (1 if metric.known_direction == "maximize" else -1)
        )
    except LabelError as error:
        raise LabelError(f"transfer {spec!r}: {error}") from None


def _require_common(space: Space, spec: str) -> None:
    try:
        space.common_features(space.sample(1, rng=np.random.default_rng(0)))
    except SpaceError as error:
        raise SpaceError(f"transfer {spec!r}: {error}") from None


def helped(rankers: Mapping[str, Ranker], across: AcrossSpaces) -> dict[str, Ranker]:
    """Put beside every ranker one that is helped by the transfer, called ``NAME+transfer``."""
    found: dict[str, Ranker] = {}
    for name, ranker in rankers.items():
        found |= {name: ranker, name + SUFFIX: Transferred(ranker.space, across, ranker)}
    return found


def without_labels(
    across: AcrossSpaces, problem: Problem, judged: tuple[str, ...]
) -> tuple[Row, ...]:
    """Judge what ranks the table without a label of it: the transfer, costs and weak labels.

    Costs rank by more; weak labels on the architectures that have them. A score that is the same
    for all architectures is left out.
    """
    scores = {TRANSFER: across.predict(problem.space, problem.archs)}
    costs = problem.space.cost(problem.archs)
    scores |= {name: costs[name] for name in COSTS}
    scores |= {name: values for name, values in problem.weak.items() if name not in scores}
    rows: list[Row] = []
    for column in judged:
        for name, values in scores.items():
            known = np.isfinite(values)
            if known.sum() < 2 or np.ptp(values[known]) == 0:
                continue
            found = judge(values[known], problem.columns[column][known])
            head = {"score": name, "judged": column, "architectures": int(known.sum())}
            rows.append(head | found)
    return tuple(rows)
