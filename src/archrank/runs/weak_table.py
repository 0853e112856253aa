"""Weak labels of a run, written once into its folder: ``weak.parquet`` and, last, ``weak.json``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.errors import StorageError
from archrank.files import read_json, write_json
from archrank.tables.arrays import digest
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space

LABELS, ABOUT = "weak.parquet", "weak.json"


@dataclass(frozen=True)
class WeakTable:
    """Weak labels, as rankers learn them.

    Attributes:
        archs: ``(n, d)``.
        labels: ``{name: (n,)}``; the first is higher for better architectures. NaN where unknown.
    """

    archs: Archs
    labels: dict[str, Floats]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of architectures and labels."""
        return digest(self.archs, self.labels)


def write_weak_table(folder: Path, space: Space, weak: WeakTable) -> WeakTable:
    """Write weak labels, and return them as they are read again.

    Raises:
        StorageError: they cannot be written.
    """
    from archrank.tables.writing import write_table

    path = write_table(folder / LABELS, space.format(weak.archs), weak.labels)
    write_json(folder / ABOUT, {"labels": list(weak.labels), "sha256": _sha256(path)})
    found = read_weak_table(folder, space)
    assert found is not None
    return found


def read_weak_table(folder: Path, space: Space) -> WeakTable | None:
    """Return the weak labels of a run; ``None`` if they are not finished.

    Raises:
        StorageError: the file is gone, or not what was written there.
        TableError: its architectures are not of the space.
    """
    from archrank.tables import load_table

    if not (folder / ABOUT).exists():
        return None
    about = read_json(folder / ABOUT, "the weak labels of a run")
    path = folder / LABELS
    if not path.exists() or _sha256(path) != about.get("sha256"):
        raise StorageError(
            f"weak labels {path} are gone or have changed since the run was begun: put the file "
            f"back, or remove {folder / ABOUT} to make them again"
        )
    table = load_table(path, space)
    names = [name for name in about.get("labels", ()) if name in table.metrics]
    return WeakTable(table.archs, {name: table.column(name) for name in names})


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StorageError(f"weak labels {path}: {error.strerror or error}") from None
