"""A first attempt that came to nothing: its run folder is free for the corrected command.

Settings are often wrong at first: a limit that nothing keeps, a function that raises. What such a
run leaves would refuse other settings, or changed code, although there is nothing to be compared.
"""

from __future__ import annotations

import re
from pathlib import Path

from archrank.errors import StorageError
from archrank.locking import LOCK
from archrank.study.address import Address
from archrank.study.attempts import note_path
from archrank.study.storage import DATABASE, STUDY_NAME, TrialStore

_FILES = re.compile(r"search\.json|report\.html|preprocessing\.json|(\w+_)?vocabulary\.json")


def came_to_nothing(folder: Path) -> bool:
    """Tell whether a run folder keeps a search in which nothing was evaluated successfully.

    False where it holds anything else, such as a supernet, where its evaluations are in another
    database, or where some are awaited.
    """
    database = folder / DATABASE
    try:
        if not database.exists() or _written(folder) is None:
            return False
        ledger = TrialStore(Address.of(database), STUDY_NAME).ledger()
    except (StorageError, OSError):
        return False
    return not ledger.asked and all(record.reason is not None for record in ledger.records)


def remove(folder: Path) -> None:
    """Remove what :func:`came_to_nothing`; the folder must be locked.

    Raises:
        StorageError: a file cannot be removed.
    """
    try:
        for path in _written(folder) or ():
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"run folder {folder} cannot be emptied: {error.strerror or error}"
        ) from None


def _written(folder: Path) -> list[Path] | None:
    """Return the files that a search writes; ``None`` if there are others, or folders."""
    database = folder / DATABASE
    own = {f"{DATABASE}{ending}" for ending in ("", "-journal", "-wal", "-shm")}
    own.add(note_path(database, STUDY_NAME).name)
    found = [path for path in folder.iterdir() if path.name != LOCK]
    known = all(
        path.is_file() and (path.name in own or _FILES.fullmatch(path.name)) for path in found
    )
    return found if known else None
