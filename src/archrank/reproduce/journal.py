"""Runs that are finished, kept in a file until the whole reproduction is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from archrank.errors import StorageError


class Journal:
    """One line per finished run; a reproduction that was stopped goes on from them.

    A protocol asks for the same runs in the same order each time, so a run is known by its place.

    Args:
        path: the file.
        header: what must be equal for the runs in the file to count: name, seeds, digest of the
            tables, version. Runs of anything else are dropped.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.path = path
        self.calls = 0
        self.known: dict[tuple[int, int], dict[str, Any]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            if _read(lines[0] if lines else "") != header:
                path.write_text(json.dumps(header) + "\n", encoding="utf-8")
                return
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
        for line in lines[1:]:
            entry = _read(line)
            if entry is not None:  # else the line that a kill cut off
                self.known[entry["call"], entry["index"]] = entry["found"]

    def add(self, call: int, index: int, found: dict[str, Any]) -> None:
        """Keep a finished run, on the disk before the next one starts."""
        line = json.dumps({"call": call, "index": index, "found": found})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._cut_off() else "") + line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _cut_off(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def close(self) -> None:
        """Everything is done: the next call starts anew."""
        self.path.unlink(missing_ok=True)


def _read(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
