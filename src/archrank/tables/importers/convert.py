"""Conversion of an official file to a Parquet table: read, check, write."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archrank.errors import StorageError, TableError
from archrank.files import file_name
from archrank.rows import group_rows
from archrank.tables.block_costs import write_block_costs
from archrank.tables.importers.base import (
    IMPORTERS,
    Imported,
    ImportedCosts,
    Importer,
    Optimum,
)
from archrank.tables.writing import write_table
from archrank.types import ProgressCallback

LONGEST = 200  # characters of a path that are shown


@dataclass(frozen=True)
class Summary:
    """Summary of a table that has been written.

    Attributes:
        out: File of the table.
        space: Name of the space of the architectures.
        rows: Number of rows.
        columns: Names of the measurements.
        bytes: Size of the file in bytes.
        remarks: Differences from the published file and other facts that the user should know.
        what: What a row is: an architecture, or the option of a block.
    """

    out: Path
    space: str
    rows: int
    columns: tuple[str, ...]
    bytes: int
    remarks: tuple[str, ...]
    what: str = "architectures"


def import_table(
    kind: str,
    path: str | Path,
    out: str | Path | None = None,
    *,
    space: str | None = None,
    partial: bool = False,
    force: bool = False,
    progress: ProgressCallback = lambda done, of: None,
    executor: Executor | None = None,
) -> Summary:
    """Turn an official benchmark file into one compact Parquet table.

    Reading executes none of the file's content. An interrupted import leaves no partial table.

    Args:
        kind: A name in :data:`~archrank.tables.importers.base.IMPORTERS`.
        path: The official file or folder.
        out: File of the table, ``*.parquet``; ``None`` names it after ``path``, in the current
            folder.
        space: Space of whose single blocks the costs are wanted, where the file has such;
            ``None`` imports whole architectures.
        partial: Accept less than was published, or another number of architectures.
        force: Replace an existing table.
        progress: Called from time to time with the amount read and the total amount.
        executor: Executor to read several files at the same time.

    Raises:
        UnknownNameError: No importer has that name.
        TableError: The file is missing, damaged, incomplete or of another kind.
        StorageError: The table exists, or cannot be written.

    Example:
        >>> import_table("nds", "DARTS.json")
        Traceback (most recent call last):
        ...
        archrank.errors.TableError: DARTS.json: there is no such file or folder
    """
    importer: Importer = IMPORTERS.get(kind)()
    source = Path(path)
    stem = _stem(source) if space is None else f"{_stem(source)}-{space}"
    target = Path(out) if out is not None else Path(f"{file_name(stem)}.parquet")
    _check_target(target, force=force)
    try:
        if not source.exists():
            raise TableError(f"{path}: there is no such file or folder")
        if space is not None:
            return _write_blocks(importer.read_blocks(source, space, partial=partial), target)
        imported = importer.read(source, partial=partial, progress=progress, executor=executor)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise TableError(f"{_shown(error.filename or path)}: {error.strerror or error}") from None
    _check_distinct(imported, source)
    remarks = (*imported.remarks, *_unusual(imported))
    size = write_table(target, imported.strings, imported.columns).stat().st_size
    return Summary(
        target, imported.space.name, len(imported.archs), tuple(imported.columns), size, remarks
    )


def _write_blocks(found: ImportedCosts, target: Path) -> Summary:
    """Write costs of blocks."""
    size = write_block_costs(target, found.space, found.rows, found.columns).stat().st_size
    rows, names = len(found.rows), tuple(found.columns)
    return Summary(target, found.space, rows, names, size, found.remarks, "options of blocks")


def _stem(source: Path) -> str:
    """Return the name of a file without endings; of a path such as ``..`` that of the folder."""
    name = source.name if source.name.strip(".") else source.resolve().name
    return name.lstrip(".").split(".")[0]


def _shown(path: object) -> str:
    """Return a path for a message, shortened if it is too long to be one."""
    text = str(path)
    return text if len(text) <= LONGEST else f"{text[:40]}...{text[-40:]}"


def _check_target(target: Path, *, force: bool) -> None:
    """Check that the table can be written, before hours of reading.

    Raises:
        StorageError: The file exists, is not named ``*.parquet``, or its folder is not writable.
    """
    if target.is_dir():
        raise StorageError(f"{target} is a folder; name a file with --out FILE.parquet")
    if target.suffix not in (".parquet", ".pq"):
        raise StorageError(
            f"{target}: tables are Parquet files, use --out {target.with_suffix('.parquet')}"
        )
    if target.exists() and not force:
        raise StorageError(
            f"{target} exists; use --force to replace it, or --out FILE.parquet to name another"
        )
    folder = next(p for p in target.absolute().parents if p.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StorageError(f"cannot write to {folder}; name another place with --out")


def _check_distinct(imported: Imported, source: Path) -> None:
    archs = imported.archs
    if not len(archs):
        raise TableError(f"{source} holds no architecture")
    first, group = group_rows(archs)
    again = np.flatnonzero(first[group] != np.arange(len(archs)))
    if len(again):
        row = int(again[0])
        raise TableError(
            f"{source}: architecture {imported.strings[row]} occurs twice, as number "
            f"{first[group[row]]} and {row}; official files hold each once"
        )


def _unusual(imported: Imported) -> list[str]:
    """Describe best values that differ from the published ones, if the file is complete."""
    known = imported.published
    if known is None or len(imported.archs) != known.count:
        return []
    return [
        f"the best {o.column} is {best:.6g}, published is {o.best:.6g} ({o.source}); is this the "
        "official file?"
        for o in known.optima
        for best in [_best(imported, o)]
        if not abs(best - o.best) <= o.tolerance
    ]


def _best(imported: Imported, optimum: Optimum) -> float:
    values = imported.columns.get(optimum.column)
    if values is None or np.isnan(values).all():
        return float("nan")
    return float(np.nanmin(values) if optimum.smallest else np.nanmax(values))
