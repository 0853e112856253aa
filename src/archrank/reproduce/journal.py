"""Runs that are finished, kept in a file until the whole reproduction is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archrank.errors import StorageError
from archrank.journal import Journal


class RunJournal:
    """The finished runs of a reproduction; one that was stopped goes on from them.

    A protocol asks for the same runs in the same order each time, so a run is known by its place.

    Args:
        path: the file.
        header: what must be equal for the runs in the file to count: name, seeds, digest of the
            tables, version. Runs of anything else are dropped.

    Attributes:
        folder: of the file, where protocols may keep work of their own.

    Raises:
        StorageError: the file cannot be used, or is damaged.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self.calls = 0
        self.folder = path.parent
        self.known: dict[tuple[int, int], dict[str, Any]] = {}
        self._journal = Journal(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
        lines = self._journal.read()
        if next(lines, (0, None))[1] != header:
            path.unlink(missing_ok=True)
            self._journal.append(header)
            return
        for number, entry in lines:
            try:
                self.known[entry["call"], entry["index"]] = entry["found"]
            except (KeyError, TypeError) as error:  # noqa: PERF203  # says which line
                raise self._journal.damaged(number, error) from None

    def add(self, call: int, index: int, found: dict[str, Any]) -> None:
        """Keep a finished run, on the disk before the next one starts."""
        self._journal.append({"call": call, "index": index, "found": found})

    def close(self) -> None:
        """Remove the file, when everything is done: the next call starts anew."""
        self._journal.path.unlink(missing_ok=True)
