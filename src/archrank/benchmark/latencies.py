"""Tables of latencies that grow: one architecture after the other, kept as they are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock, Timeout

from archrank.differences import differences, told
from archrank.errors import BudgetError, EvaluationError, ResumeError, StorageError, TableError
from archrank.evaluators.latency import Latency
from archrank.hardware.measured import LATENCY, described, of_networks
from archrank.rows import distinct, is_new
from archrank.tables.base import BenchTable, load_table
from archrank.tables.writing import write_table
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.hardware.latency import Timing
    from archrank.spaces.networks import Networks

BLOCK = 64  # architectures that are drawn together, so that more of them begin as fewer do
DRAWS = 100  # blocks without a new architecture before a space counts as exhausted

Watch = Callable[[int, int], object]


@dataclass(frozen=True)
class Growth:
    """Result of measuring.

    Attributes:
        table: All that is measured now, or was before.
        measured: Number of architectures that were measured by this call.
        noisy: Strings of those among all whose spread is not below the protocol's.
        failed: Reasons by the strings of those that could not be measured now.
    """

    table: BenchTable
    measured: int
    noisy: list[str]
    failed: Mapping[str, str] = field(default_factory=dict)


def grow_latencies(
    path: Path,
    evaluator: Latency,
    archs: Archs,
    *,
    watch: Watch = lambda done, of: None,
) -> Growth:
    """Measure what a table of latencies does not hold yet, and add each row when it is measured.

    The file is replaced as a whole after each architecture, so a kill costs one measurement.
    Columns are ``latency_ms``, ``latency_encoder_ms`` and ``latency_decoder_ms`` of translations,
    ``latency_spread``, ``latency_tries``, ``macs`` and ``params``. An architecture that cannot be
    measured has no row, and is tried again by the next call.

    Args:
        path: A ``.parquet`` file; it need not exist.
        evaluator: Bound to the space; says task, device and protocol.
        archs: ``(n, d)``, in the order in which they are measured.
        watch: Called with the number of architectures that are done, and of all.

    Raises:
        ResumeError: The file was measured otherwise; names the differences.
        StorageError: The file cannot be written, or another process measures for it.
        TableError: The file is no table of latencies.
        EvaluationError: Nothing at all could be measured.
    """
    if path.suffix != ".parquet":
        raise StorageError(
            f"a table of latencies is a Parquet file: name {path.with_suffix('.parquet')}"
        )
    space = evaluator.space
    archs = distinct(space.validate(archs))
    lock = _lock(path)
    try:
        growing = _Growing(path, evaluator)
        new = archs[is_new(archs, growing.archs)] if len(growing.archs) else archs
        failed: dict[str, str] = {}
        for row in new:
            found = evaluator.time(row)
            if isinstance(found, str):
                failed[space.format(row[None])[0]] = found
            else:
                growing.add(row, found)
            watch(len(archs) - len(new) + len(growing.added) + len(failed), len(archs))
    finally:
        lock.release()
    if not len(growing.archs):
        first = next(iter(failed.items()))
        raise EvaluationError(f"no latency could be measured; {first[0]}: {first[1]}")
    table = load_table(path, space)
    noisy = table.column("latency_spread") >= evaluator.protocol.spread
    strings = np.array(space.format(table.archs))[noisy].tolist()
    return Growth(table, len(growing.added), strings, failed)


class _Growing:
    """Table that grows by rows: what the file holds, or nothing."""

    def __init__(self, path: Path, evaluator: Latency) -> None:
        self.path, self.evaluator, self.space = path, evaluator, evaluator.space
        self.archs: Archs = np.empty((0, self.space.d), dtype=np.uint8)
        self.columns: dict[str, list[float]] = {}
        self.added: list[int] = []
        now = described(evaluator.task, evaluator.protocol, evaluator.device)
        self.about: dict[str, Any] = {"space": self.space.fingerprint(), **now}
        if path.exists():
            self._read()

    def _read(self) -> None:
        table = load_table(self.path, self.space)
        about = {key: table.raw.about.get(key) for key in self.about}
        if about["latency"] is None:
            raise TableError(
                f"{self.path} is no table of latencies; name another file with --out FILE"
            )
        changes = differences(of_networks(about), self.about)
        if changes:
            raise ResumeError(
                f"{self.path} was measured otherwise, so new latencies would not compare (stored "
                f"-> now): {told(changes)}. Name another file with --out FILE, or measure as before"
            )
        self.archs = table.archs
        self.columns = {name: table.column(name).tolist() for name in table.metrics}

    def add(self, row: Archs, timing: Timing) -> None:
        """Add a row and write the file."""
        costs = self.evaluator.networks.cost(row[None])
        values = {
            LATENCY: timing.ms,
            **{f"latency_{name}_ms": ms for name, ms in timing.parts.items()},
            "latency_spread": timing.spread,
            "latency_tries": float(timing.tries),
            **{name: float(column[0]) for name, column in costs.items()},
        }
        n = len(self.archs)
        for name, value in values.items():
            self.columns.setdefault(name, [np.nan] * n).append(value)
        self.archs = np.concatenate([self.archs, row[None]])
        self.added.append(n)
        columns = {
            name: np.array(column + [np.nan] * (n + 1 - len(column)))
            for name, column in self.columns.items()
        }
        write_table(self.path, self.space.format(self.archs), columns, about=self.about)


def archs_to_measure(networks: Networks, n: int, *, seed: int = 0) -> Archs:
    """Draw ``n`` architectures: the smallest, the largest, and random ones: ``(n, d)``.

    The first ``n`` of more are the same, so that a table grows.

    Raises:
        BudgetError: Fewer than one, or more than the space is known to have.
    """
    space = networks.space
    if not 1 <= n <= space.size:
        raise BudgetError(f"n {n:,}: {space.name} has {space.size:,} architectures; give 1 or more")
    found = space.canonical(np.stack([networks.smallest, networks.largest]))
    found, block, without = distinct(found), 0, 0
    while len(found) < n and without < DRAWS:
        rng = np.random.default_rng([seed, block])
        more = distinct(np.concatenate([found, space.canonical(space.sample(BLOCK, rng=rng))]))
        without = 0 if len(more) > len(found) else without + 1
        found, block = more, block + 1
    if len(found) < n:
        raise BudgetError(
            f"n {n:,}: only {len(found):,} different architectures of {space.name} were found"
        )
    return found[:n]


def _lock(path: Path) -> FileLock:
    """Be the only process that adds to the file."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StorageError(
            f"another archrank process measures latencies for {path}; wait for it to finish"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
    return lock
