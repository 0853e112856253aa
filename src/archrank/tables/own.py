"""Measurements as people have them: a file or a data frame, ready for rankers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import instance, quoted, whole
from archrank.errors import BudgetError, TableError
from archrank.metrics import Metric, split_direction
from archrank.rows import distinct, is_new
from archrank.spaces.base import Space
from archrank.tables.base import BenchTable, load_table
from archrank.tables.columns import column_names
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from pandas import DataFrame

MANY = 10_000  # candidates
ATTEMPTS = 20


@dataclass(frozen=True, eq=False)
class Measurements:
    """Measured architectures, as rankers learn them; unpacks into space, archs and scores.

    Attributes:
        space: of the architectures.
        archs: ``(n, d)``, all different.
        scores: ``(n,)`` the target, higher is better: negated where lower values are.
        metric: the target, its direction stated.
        failed: ``(k, d)`` architectures without a value.
        table: everything that the file holds.
    """

    space: Space
    archs: Archs
    scores: Floats
    metric: Metric
    failed: Archs
    table: BenchTable

    def __iter__(self) -> Iterator[Any]:
        return iter((self.space, self.archs, self.scores))

    def __len__(self) -> int:
        return len(self.archs)

    @property
    def values(self) -> Floats:
        """The target as it is measured: ``(n,)``."""
        return self.of(self.scores)

    def of(self, scores: Floats) -> Floats:
        """Return scores, such as predicted ones, as values of the target: ``(n,)``."""
        return scores if self.metric.direction == "maximize" else -scores

    @property
    def constant(self) -> tuple[str, ...]:
        """Names of the choices that have one option only; they stay in the space."""
        return tuple(c.name for c in self.space.choices if len(c.options) == 1)

    def unmeasured(self, n: int = MANY, *, seed: int = 0) -> Archs:
        """Return architectures that the table does not have: ``(k, d)``, up to ``n``.

        All of them where they are no more than that, otherwise random ones. What failed is left
        out, too.
        """
        n = whole(n, "unmeasured: n", at_least=1, error=BudgetError)
        known = self.space.canonical(np.concatenate([self.archs, self.failed]))
        if self.space.size <= n + len(known):
            pool = self.space.enumerate()
            return pool[is_new(self.space.canonical(pool), known)][:n]
        rng = np.random.default_rng(seed)
        found = self.archs[:0]
        for _ in range(ATTEMPTS):
            drawn = self.space.sample(n, rng=rng)
            drawn = drawn[is_new(self.space.canonical(drawn), known)]
            found = np.concatenate([found, drawn])
            found = distinct(found, self.space.canonical(found))
            if len(found) >= n:
                break
        return found[:n]

    def __str__(self) -> str:
        failed = f", {len(self.failed)} failed" if len(self.failed) else ""
        alike = f"; the same everywhere: {', '.join(self.constant)}" if self.constant else ""
        return (
            f"{len(self)} architectures of {self.space.name} with {self.metric.name} "
            f"({self.metric.direction}){failed}; {self.space.d} choices, {self.space.size:,} "
            f"configurations{alike}"
        )


def read_table(
    table: str | Path | DataFrame,
    choices: Sequence[str] = (),
    target: str | None = None,
    *,
    space: Space | None = None,
    where: Mapping[str, object] | None = None,
    average: bool = False,
) -> Measurements:
    """Read measured architectures from a file or a data frame.

    Args:
        table: CSV or Parquet file, name of a built-in table, or a ``pandas.DataFrame``.
        choices: the columns that say what an architecture is. Numbers are ordered, all else is
            categorical; a column that is empty just where another has certain values exists under
            the others only; a column of one value stays, and is told. Without them the
            table has a column ``arch`` (the string of the architecture, ``decision=option`` in any
            order, JSON, or its number), or is HAT's or HW-GPT-Bench's.
        target: the column to rank by, ``"name"`` or ``"name:minimize"``.
        space: of the architectures; ``None``: the one that ``choices`` span.
        where: ``{column: value}`` of the rows to take.
        average: whether rows of one architecture are averaged; refused otherwise.

    Raises:
        TableError: the file, a column or a cell cannot be used; says which, and what to do.
        UnknownNameError: no column has that name.
        ObjectiveError: the direction of the target is neither stated nor told by its name.
        ArgumentError: a target that is no text, or a space that is none.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"depth": [1, 2, 3], "act": ["a", "b", "a"], "loss": [3, 2, None]})
        >>> space, archs, scores = read_table(frame, ["depth", "act"], "loss")
        >>> space.format(archs), scores.tolist()
        (['depth=1,act=a', 'depth=2,act=b'], [-3.0, -2.0])
    """
    choices = column_names(choices)
    target = _checked_target(target, choices)
    if space is not None:
        instance(space, Space, "read_table: space", "such as ar.spaces.NASBench201()")
    if where is not None and not isinstance(where, Mapping):
        raise TableError(f"where is {{column: value}}, got {quoted(where)}")
    if not isinstance(average, bool):
        raise TableError(f"average is True or False, got {quoted(average)}")
    loaded = load_table(table, space, choices=choices, where=where, average=average)
    name, direction = split_direction(target, loaded.metrics)
    values = loaded.column(name)
    metric = Metric(name, direction or loaded.directions.get(name))
    sign = 1.0 if metric.known_direction == "maximize" else -1.0
    known = np.isfinite(values)
    if not known.any():
        raise TableError(f"{loaded.raw.label}, column {name!r}: no row has a value")
    return Measurements(
        loaded.space,
        loaded.archs[known],
        sign * values[known],
        metric,
        loaded.archs[~known],
        loaded,
    )


def _checked_target(target: str | None, choices: Sequence[str]) -> str:
    """Return the target, which must be a name, and no choice."""
    if target is None:
        raise TableError("name the column to rank by: target='accuracy', or 'loss:minimize'")
    name, _ = split_direction(instance(target, str, "read_table: target", "the name of a column"))
    if name in choices:
        raise TableError(f"column {name!r} is among the choices, and the target: it is one of both")
    return target
