"""Data of a study of supernets: architectures, their isomorphism classes, their truth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archrank.assess.fitting import Measured
from archrank.data import find_data
from archrank.errors import SettingsError, TableError
from archrank.metrics import Metric, split_direction
from archrank.spaces.networks import Networks
from archrank.tables.arrays import LOOKUP_BOUND
from archrank.tables.base import BenchTable, infer_unit, load_table
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

LEAST = 20  # classes: the best 5 % of fewer are none
TRUTH = "truth"
COUNTS = ("macs", "params")
SAME = 1e-3  # relative difference of counts that rounding in a file explains


@dataclass(frozen=True, eq=False)
class StudyProblem(Measured):
    """Architectures that supernets rank, and how good they are.

    ``archs`` are canonical rows, one of each isomorphism class, ``columns["truth"]`` their truth,
    higher is better: the mean over the members that the table measures.

    Attributes:
        networks: the table's networks, whose weights supernets share.
        params: ``(n,)`` parameters of each.
        members: ``(m, d)`` all architectures of these classes.
        group: ``(m,)`` number of the class of each member.
        member_truth: ``(m,)`` truth of each member; of its class, where its own is not measured.
        runs: truths of the same classes by several training runs, ``(r, n)``; empty if unknown.
        unit: factor from the truth to percent; 0 if it is no fraction or percentage.
        own: True if the table measures several members of a class.
        whole: all classes that the table measures, of which these may be some; their truth.
    """

    networks: Networks
    params: Floats
    members: Archs
    group: Ints
    member_truth: Floats
    runs: Floats
    whole: Measured
    unit: float = 0.0
    own: bool = False

    @property
    def task(self) -> Task:
        """Task of the networks."""
        task = self.networks.task
        assert task is not None, "a study's networks are always built for a task"
        return task

    @property
    def truth(self) -> Floats:
        """Truth of each class: ``(n,)``, higher is better."""
        return self.columns[TRUTH]

    @property
    def isomorphic(self) -> bool:
        """True if any class has more than one member."""
        return len(self.members) > len(self)

    @property
    def representatives(self) -> Ints:
        """Row of each class's own architecture among the members: ``(n,)``."""
        own = (self.members == self.archs[self.group]).all(axis=1)
        found = np.full(len(self), -1, dtype=np.int64)
        found[self.group[own]] = np.flatnonzero(own)
        return found


def load_problem(
    table: str | Path | BenchTable,
    space: Space,
    task: Task,
    metric: str,
    archs: int | None = None,
    data: Path | None = None,
) -> StudyProblem:
    """Read the truth, and find which architectures of ``space`` it is of.

    Args:
        table: file, or the name of a built-in table; of the space, or of what it restricts.
        space: space of the supernets.
        task: task that supernets are trained on.
        metric: column of the table.
        archs: number of classes, drawn at random; ``None``: all.
        data: folder of files that are not here.

    Raises:
        TableError: the table cannot be used, its networks are not those of the task, or it
            measures hardly any architecture of the space.
        UnknownNameError: no such column.
        ObjectiveError: a column whose direction is neither stated nor told by its name.
        SpaceError: the task does not suit the space.
    """
    if not isinstance(table, BenchTable):
        table = load_table(find_data(str(table), data), space.origin)
    networks = space.networks(task)
    column, values = _column(table, metric)
    _check_networks(table, networks)
    members, group, classes, rows = _classes(space, table)
    truth, _, _ = _truths(values, rows, group, len(classes))
    whole = Measured(space, classes, {TRUTH: truth}, networks.cost(classes)["macs"])
    chosen = _chosen(len(classes), archs)
    kept = np.isin(group, chosen)
    members, rows = members[kept], rows[kept]
    group = np.searchsorted(chosen, group[kept])
    classes = classes[chosen]
    truth, member_truth, own = _truths(values, rows, group, len(classes))
    runs = _runs(table, column, rows, group, len(classes))
    if space.size > LOOKUP_BOUND:  # what else is isomorphic cannot be listed
        members, group, member_truth, own = classes, np.arange(len(classes)), truth, False
    cost = networks.cost(classes)
    return StudyProblem(
        space,
        classes,
        {TRUTH: truth},
        cost["macs"],
        networks,
        cost["params"],
        members,
        group,
        member_truth,
        runs,
        whole,
        _percent(table, column),
        own,
    )


def task_name(table: BenchTable) -> str | None:
    """Return the name of the task that a table was measured on, if it says so."""
    from archrank.tasks import TASKS

    homes = {target.rpartition(":")[2]: name for name, target in TASKS.targets().items()}
    return homes.get(table.raw.task)


def _column(table: BenchTable, metric: str) -> tuple[str, Floats]:
    """Return the column that a metric names, and its values, higher is better."""
    column, direction = split_direction(metric, table.metrics)
    values = table.objective(column)
    known = Metric(column, direction or table.directions.get(column)).known_direction
    return column, values if known == "maximize" else -values


def _classes(space: Space, table: BenchTable) -> tuple[Archs, Ints, Archs, Ints]:
    """Return members ``(m, d)``, their classes ``(m,)``, one row of each ``(n, d)``, table rows."""
    small = space.size <= LOOKUP_BOUND
    members = space.enumerate() if small else space.validate(table.archs)
    rows = table.rows(space.to_origin(members))
    classes, group = np.unique(space.canonical(members), axis=0, return_inverse=True)
    group = group.reshape(-1)
    measured = np.bincount(group, rows >= 0, minlength=len(classes)) > 0
    if measured.sum() < LEAST:
        found = int((rows >= 0).sum())
        outside = f", and {len(table) - found} elsewhere" if found < len(table) else ""
        raise TableError(
            f"{table.raw.label} measures {int(measured.sum())} architectures of {space.name} that "
            f"are not isomorphic{outside}; a study needs {LEAST} or more of its space"
        )
    kept = measured[group]
    numbers = np.cumsum(measured) - 1
    return members[kept], numbers[group[kept]], classes[measured], rows[kept]


def _chosen(n: int, archs: int | None) -> Ints:
    """Draw the classes that are scored: their numbers, rising."""
    if archs is None or archs >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng([0, 0]).permutation(n)[:archs])


def _truths(values: Floats, rows: Ints, group: Ints, n: int) -> tuple[Floats, Floats, bool]:
    """Return the truth of classes ``(n,)`` and members ``(m,)``; whether members have their own.

    The truth of a class is the mean over its members that were measured (Surgery, section 4.3).
    """
    measured = rows >= 0
    counts = np.bincount(group, measured, minlength=n)
    one = np.empty(n)
    one[group[measured]] = values[rows[measured]]
    above = np.where(measured, values[rows] - one[group], 0.0)
    # relative to one of them, so that classes of equal members have exactly their value
    truth: Floats = one + np.bincount(group, above, minlength=n) / counts
    different = len(np.unique(rows[measured])) > n
    return truth, np.where(measured, values[rows], truth[group]), different


def _runs(table: BenchTable, column: str, rows: Ints, group: Ints, n: int) -> Floats:
    """Return the column of each training run that the table has: ``(r, n)``."""
    pattern = re.compile(rf"{re.escape(column)}(?:_ep(\d+))?_seed(\d+)")
    named = {name: found for name in table.metrics if (found := pattern.fullmatch(name))}
    last = max((int(found[1] or 0) for found in named.values()), default=0)
    first = np.full(n, -1, dtype=np.int64)
    first[group[::-1]] = rows[::-1]
    runs = [table.column(k)[first] for k, found in named.items() if int(found[1] or 0) == last]
    if len(runs) < 2 or (first < 0).any() or not np.isfinite(runs).all():
        return np.empty((0, n))
    return np.stack(runs)


def _percent(table: BenchTable, column: str) -> float:
    """Return the factor to percent of an accuracy, 0 of anything else."""
    if infer_unit(table.raw, column):
        return 100.0
    words = set(re.split(r"[^a-z0-9]+", column.lower()))
    percent = words & {"acc", "accuracy", "top1", "val", "test", "valid"} and not words & {"loss"}
    return 1.0 if percent else 0.0


def _check_networks(table: BenchTable, networks: Networks) -> None:
    """Refuse a table whose networks are not those that the supernet would share weights of.

    Raises:
        TableError: they have other counts.
        SettingsError: they were trained on another task.
    """
    assert networks.task is not None
    said = task_name(table)
    kind, mine = table.raw.task, type(networks.task).__name__
    if kind and kind != mine:
        named = f": use task {said}" if said else ""
        raise SettingsError(
            f"{table.raw.label} was measured on {kind}, and task {networks.task.name!r} is "
            f"{mine}; scores of another task's supernet say nothing of its ranking{named}"
        )
    some = table.archs[:: max(1, len(table) // 50)]
    rows = table.rows(some)
    ours = networks.space.origin.networks(networks.task).cost(some)
    for count in COUNTS:
        if count not in table.metrics:
            continue
        theirs = table.column(count)[rows]
        wrong = np.flatnonzero(~np.isclose(ours[count], theirs, rtol=SAME, equal_nan=True))
        if len(wrong):
            row = int(wrong[0])
            raise TableError(
                f"{table.raw.label}: {table.space.format(some[row : row + 1])[0]} has "
                f"{theirs[row]:,.0f} {count} there, and {ours[count][row]:,.0f} as a network for "
                f"task {networks.task.name!r}; name the task and the scale of space that the "
                "table was measured with"
            )
