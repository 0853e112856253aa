"""Keep finished pieces of work in a file, so that a stopped command goes on from them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from archrank.errors import StorageError


class Journal:
    """A file of JSON objects, one per line, that only grows.

    An entry is on disk when :meth:`append` returns. A last line that was cut off, as by a kill or a
    full disk, does not count; its work is to be done again.

    Args:
        path: the file; it need not exist.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     journal = Journal(Path(folder, "done.jsonl"))
        ...     journal.append({"job": 1, "found": 0.5})
        ...     list(journal.read())
        [(1, {'job': 1, 'found': 0.5})]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = False  # whether the file is known to end with a whole line

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the number of each line, from 1, and its entry; nothing if there is no file.

        Raises:
            StorageError: the file cannot be read, or a line of it is no JSON object.
        """
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise StorageError(f"{self.path} cannot be read: {error.strerror or error}") from None
        lines = content.split(b"\n")
        for number, line in enumerate(lines[:-1], 1):  # what follows the last line end is cut off
            try:
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise ValueError("not a JSON object")  # as json does
            except ValueError as error:
                raise self.damaged(number, error) from None
            yield number, entry

    def damaged(self, number: int, reason: object) -> StorageError:
        """Return the error about a line that cannot be used."""
        return StorageError(
            f"{self.path}, line {number} is damaged: {reason}; remove this line to repeat its part"
        )

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry at the end; what was cut off there before is removed.

        NaN and infinities are kept, in Python's extension of JSON.

        Raises:
            StorageError: the file cannot be written.
        """
        line = json.dumps(dict(entry)) + "\n"
        try:
            with self.path.open("ab") as file:
                if not self._whole:
                    self._cut(file.tell())
                self._whole = False  # until the line is written
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path}: {error.strerror or error}; make room, then repeat the "
                "command to go on"
            ) from None
        self._whole = True

    def _cut(self, size: int) -> None:
        """Remove what follows the last line end of a file of ``size`` bytes."""
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < size:
            os.truncate(self.path, end)
