"""Finding and checking the files of published data sets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from archrank.errors import DataError
from archrank.files import user_path


def find(
    root: str | Path, names: Iterable[str], subfolders: Iterable[str], what: str
) -> list[Path]:
    """Return the paths of ``names`` in ``root`` or in the first subfolder that has them all.

    Args:
        root: Folder that the user gave.
        names: File names; all must be in one folder.
        subfolders: Folders inside ``root`` that the published archive unpacks to.
        what: The data set and where it comes from, for the message.

    Raises:
        DataError: A file is missing; names it and the folders that were searched.
    """
    names = list(names)
    base = user_path(root)
    folders = [base, *(base / s for s in subfolders)]
    for folder in folders:
        if all(os.path.isfile(folder / name) for name in names):
            return [folder / name for name in names]
    best = max(folders, key=lambda f: sum(os.path.isfile(f / name) for name in names))
    missing = [name for name in names if not os.path.isfile(best / name)]
    raise DataError(
        f"{what}: {', '.join(missing)} not found; looked in {', '.join(map(str, folders))}"
    )
