"""Arrays that are slow to make, kept on disk: ``.npz`` files named by what made them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import StorageError
from archrank.files import file_name, user_path, write_file
from archrank.unpacking import read_npz

Arrays = dict[str, NDArray[Any]]


def cache_folder() -> Path:
    """Return the folder of made data: ``$ARCHRANK_CACHE``, or the platform's cache folder."""
    if chosen := os.environ.get("ARCHRANK_CACHE"):
        return user_path(chosen)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "archrank" / "cache"
    if sys.platform == "darwin":
        return user_path("~/Library/Caches/archrank")
    return user_path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "archrank"


def cached(name: str, key: Mapping[str, object], make: Callable[[], Arrays]) -> Arrays:
    """Read the arrays that ``make`` would return from the cache, or make and keep them.

    A damaged file is made anew. A folder that cannot be read or written costs time, not the run.

    Args:
        name: Start of the file's name.
        key: Everything the arrays depend on, as JSON values; hashed into the file's name.
        make: Makes the arrays.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{file_name(name)}-{digest}.npz"
    found = _read(path)
    if found is not None:
        return found
    arrays = make()
    _write(path, arrays)
    return arrays


def _read(path: Path) -> Arrays | None:
    """Return the arrays of a file, or None if it is missing, unreadable or damaged."""
    try:
        return read_npz(path)
    except (OSError, ValueError):
        return None


def _write(path: Path, arrays: Arrays) -> None:
    """Keep arrays in a file, or do without where none can be written (full disk, no permission)."""
    options: dict[str, Any] = dict(arrays)
    with contextlib.suppress(StorageError):
        write_file(path, lambda file: np.savez(file, **options), parents=True)
