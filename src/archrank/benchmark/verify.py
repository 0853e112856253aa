"""Verification of a built-in table: train some of its architectures again and compare."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from archrank.benchmark.build import BUILTIN, Benchmark
from archrank.errors import BudgetError, UnknownNameError
from archrank.evaluators import Table, Training
from archrank.jobs import gather
from archrank.parallel.worker import evaluate_one
from archrank.tables.builtin import builtin_names, builtin_table
from archrank.tables.writing import rounded
from archrank.types import Archs, Floats

LEVEL = 1e-3  # how often a table that is right may be refused on another processor, at most


@dataclass(frozen=True, eq=False)
class Verification:
    """Compares values of a table with values measured again.

    On the same kind of machine they are equal bit for bit. Elsewhere rounding differs, and small
    differences grow while a network trains, at most to those between two seeds. So each difference
    is placed among the table's differences between seeds; Fisher's method (Statistical Methods for
    Research Workers, 1932, section 21.1) joins the places of a column into the probability that
    two seeds differ as much. This holds for any number of architectures; with more of them,
    smaller faults show.

    Attributes:
        table: ``{column: (n,)}`` as the table has them.
        again: the same, measured now and rounded as the table is.
        noise: ``{column: (r,)}`` absolute differences between two seeds, for all rows of the
            table; empty for a table of one seed.
    """

    table: dict[str, Floats]
    again: dict[str, Floats]
    noise: dict[str, Floats]

    @property
    def identical(self) -> bool:
        """True if every value is the same, bit for bit."""
        return all(np.array_equal(self.table[k], self.again[k], equal_nan=True) for k in self.table)

    @property
    def agrees(self) -> bool:
        """True if the values are identical, or differ by no more than two seeds do."""
        if self.identical:
            return True
        least = min(self.probability(column) for column in self.table)
        return self._noise_is_known and least * len(self.table) >= LEVEL  # Bonferroni

    def probability(self, column: str) -> float:
        """Return how probable such differences, or larger ones, are between two seeds, in [0, 1].

        1 where all values are identical; NaN for a table of one seed.
        """
        noise = np.sort(self.noise[column])
        if len(noise) == 0:
            return float("nan")
        found = distance(self.table[column], self.again[column])
        as_large = len(noise) - np.searchsorted(noise, found, side="left")
        places = (1 + as_large) / (1 + len(noise))  # ties count as larger: never too small
        return float(chi2.sf(-2 * np.log(places).sum(), 2 * len(places)))

    @property
    def _noise_is_known(self) -> bool:
        return all(len(noise) > 0 for noise in self.noise.values())

    def rows(self) -> list[tuple[str, ...]]:
        """Return what is printed: a heading, then one row per column."""
        rows: list[tuple[str, ...]] = [
            ("column", "identical", "median difference", "between seeds", "probability")
        ]
        for name, values in self.table.items():
            found = distance(values, self.again[name])
            noise = self.noise[name]
            between = f"{np.median(noise):.5f}" if len(noise) else "-"
            probability = f"{self.probability(name):.2g}" if len(noise) else "-"
            same = f"{int((found == 0).sum())} of {len(values)}"
            rows.append((name, same, f"{np.median(found):.5f}", between, probability))
        return rows

    @property
    def verdict(self) -> str:
        """Conclusion in one line."""
        if self.identical:
            return "identical, bit for bit"
        if self.agrees:
            return "not identical (another processor or torch), within the noise between seeds"
        if not self._noise_is_known:
            return "not identical; the table has one seed, which does not tell how far two differ"
        return "differs by more than two seeds do: this is not the recipe of the table"


def verify(
    name: str, n: int = 50, *, seed: int = 0, run: int = 0, executor: Executor | None = None
) -> Verification:
    """Train ``n`` random architectures of a built-in table again.

    Args:
        name: name of the table.
        n: number of architectures.
        seed: seed that chooses them.
        run: the table's training seed to repeat.
        executor: runs trainings; this process if ``None``.

    Raises:
        UnknownNameError: no such table.
        BudgetError: more architectures than the table has, or a run that it does not have.
    """
    path = builtin_table(name)
    if path is None:
        raise UnknownNameError("built-in table", name, builtin_names())
    settings = BUILTIN[name]
    benchmark = Benchmark(path.parent, settings)
    table = Table(path).bind(benchmark.space).table
    seeds = int(table.raw.about.get("seeds", 1))
    if not 1 <= n <= len(table):
        raise BudgetError(f"archs {n}: table {name} has {len(table):,}; give 1 to {len(table)}")
    if not 0 <= run < seeds:
        raise BudgetError(f"run {run}: table {name} has runs 0 to {seeds - 1}")
    rows = np.random.default_rng(seed).choice(len(table), n, replace=False)
    training = Training(benchmark.task, checkpoints=settings.checkpoints)
    again = _train(training.bind(benchmark.space, seed=run), table.archs[rows], executor)
    last = benchmark.task.recipe.epochs
    names = {f"{m}_seed{run}" if "_ep" in m else f"{m}_ep{last}_seed{run}": m for m in again}
    shared = {column: m for column, m in names.items() if column in table.metrics}
    kept = {column: table.column(column)[rows] for column in shared}
    new = {column: _as_stored(again[m], m) for column, m in shared.items()}
    return Verification(kept, new, {c: _noise(table.raw.numbers, c, run, seeds) for c in shared})


def _train(evaluator: Training, archs: Archs, executor: Executor | None) -> dict[str, Floats]:
    """Train ``archs: (n, d)`` and return all metrics: ``(n,)`` each."""
    found = gather(evaluate_one, [(evaluator, arch[None]) for arch in archs], executor)
    return {m.name: np.array([f.values[m.name] for f in found]) for m in evaluator.metrics}


def _as_stored(values: Floats, metric: str) -> Floats:
    stored = values.astype(np.float32) if "accuracy" in metric else rounded(values)
    return stored.astype(np.float64)


def distance(a: Floats, b: Floats) -> Floats:
    """Return absolute differences ``(n,)``: 0 for two failures (NaN), infinity if one failed."""
    failed = np.isnan(a), np.isnan(b)
    far = np.where(failed[0] == failed[1], 0.0, np.inf)
    return np.where(failed[0] | failed[1], far, np.abs(a - b))


def _noise(columns: dict[str, Floats], column: str, run: int, seeds: int) -> Floats:
    if seeds < 2:
        return np.empty(0)
    other = column.replace(f"_seed{run}", f"_seed{(run + 1) % seeds}")
    return distance(columns[column], columns[other])
