"""Train some architectures of a built-in table again: does it repeat?"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from archrank.benchmark.build import BUILTIN, Benchmark
from archrank.errors import BudgetError, UnknownNameError
from archrank.evaluators import Table, Training
from archrank.parallel.worker import evaluate_one
from archrank.tables.builtin import builtin_names, builtin_table
from archrank.tables.compact import rounded
from archrank.types import Archs, Floats


@dataclass(frozen=True, eq=False)
class Verification:
    """Values of a table beside values measured again.

    Attributes:
        table: ``{column: (n,)}`` as the table has them.
        again: the same, measured now and rounded as the table is.
        noise: median over columns' architectures of the absolute difference between the table's
            seeds, the scale of what is not reproducible; NaN for a table of one seed.
    """

    table: dict[str, Floats]
    again: dict[str, Floats]
    noise: dict[str, float]

    @property
    def identical(self) -> bool:
        """Whether every value is the same, bit for bit."""
        return all(np.array_equal(self.table[k], self.again[k], equal_nan=True) for k in self.table)

    @property
    def agrees(self) -> bool:
        """Whether the median difference of every column is within the noise between seeds."""
        return self.identical or (
            self._noise_is_known and all(self._difference(k) <= self.noise[k] for k in self.table)
        )

    @property
    def _noise_is_known(self) -> bool:
        return all(np.isfinite(noise) for noise in self.noise.values())

    def _difference(self, column: str) -> float:
        return float(np.nanmedian(np.abs(self.table[column] - self.again[column])))

    def rows(self) -> list[tuple[str, ...]]:
        """What is printed: per column, how many are identical, and how far the others are."""
        rows: list[tuple[str, ...]] = [
            ("column", "identical", "median difference", "between seeds")
        ]
        for name, values in self.table.items():
            same = int((values == self.again[name]).sum())
            noise = self.noise[name]
            between = f"{noise:.5f}" if np.isfinite(noise) else "-"
            cells = (f"{same} of {len(values)}", f"{self._difference(name):.5f}", between)
            rows.append((name, *cells))
        return rows

    @property
    def verdict(self) -> str:
        """One line."""
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
        name: of the table.
        n: architectures.
        seed: of their choice.
        run: which of the table's training seeds is repeated.
        executor: where to train; this process if ``None``.

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
    """All metrics of ``archs: (n, d)``: ``(n,)`` each."""
    ones = [arch[None] for arch in archs]
    if executor is None:
        found = [evaluate_one(evaluator, arch) for arch in ones]
    else:
        futures = [executor.submit(evaluate_one, evaluator, arch) for arch in ones]
        found = [future.result() for future in futures]
    return {m.name: np.array([f.values[m.name] for f in found]) for m in evaluator.metrics}


def _as_stored(values: Floats, metric: str) -> Floats:
    stored = values.astype(np.float32) if "accuracy" in metric else rounded(values)
    return stored.astype(np.float64)


def _noise(columns: dict[str, Floats], column: str, run: int, seeds: int) -> float:
    if seeds < 2:
        return float("nan")
    other = column.replace(f"_seed{run}", f"_seed{(run + 1) % seeds}")
    return float(np.nanmedian(np.abs(columns[column] - columns[other])))
