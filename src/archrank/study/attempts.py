"""Note of what this process evaluates, which the next process finds if this one dies."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from archrank.errors import ArchrankError
from archrank.files import read_json
from archrank.locking import beside
from archrank.types import Archs


class Attempts:
    """File that is empty but for the time of an evaluation in this process.

    A process that crashes, or is killed, leaves in it the architectures that it was evaluating. Who
    continues the run suspects them: they may have ended that process, or it was stopped by someone
    who knew nothing of them. The file is not forced to the disk, since it tells of the death of a
    process, not of the machine; so an attempt costs microseconds.

    Args:
        path: the file; without one, nothing is noted and nothing suspected.

    Attributes:
        suspects: the bytes of architectures that a process died of, or during.
        deaths: how many processes in a row.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.suspects, self.deaths = _read(path)
        self._file: BinaryIO | None = None

    def is_suspect(self, arch: Archs) -> bool:
        """Tell whether a process died while it was evaluating ``arch: (d,)``."""
        return arch.tobytes() in self.suspects

    @contextmanager
    def of(self, archs: Archs) -> Iterator[None]:
        """Note that ``archs: (k, d)`` are evaluated from now to the end of the block."""
        known = any(map(self.is_suspect, archs))
        self._write({"archs": archs.tolist(), "deaths": self.deaths if known else 0})
        try:
            yield
        finally:
            self._write(None)

    def settle(self) -> None:
        """Forget the suspects; it is known what they do."""
        self.suspects, self.deaths = frozenset(), 0

    def close(self) -> None:
        """Remove the file, unless there are suspects of whom nothing is known yet."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self.path is not None and not self.suspects:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _write(self, note: object) -> None:
        """Replace the content of the file; a run goes on without if that is impossible."""
        if self.path is None:
            return
        with suppress(OSError):
            if self._file is None:
                self._file = self.path.open("wb", buffering=0)
            self._file.seek(0)
            self._file.truncate()
            if note is not None:
                self._file.write(json.dumps(note).encode())


def _read(path: Path | None) -> tuple[Collection[bytes], int]:
    """Return the architectures in a note, as bytes, and the deaths with the last one."""
    if path is None:
        return frozenset(), 0
    try:
        note = read_json(path, "a note of what is evaluated")
        return frozenset(bytes(list(arch)) for arch in note["archs"]), int(note["deaths"]) + 1
    except (ArchrankError, TypeError, ValueError, KeyError):
        return frozenset(), 0  # no note, or one that was cut off


def note_path(database: Path, study: str) -> Path:
    """Return the place of the note of a study in a database file."""
    return beside(database, study, "evaluating")
