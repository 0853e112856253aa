"""Find the folder of data sets and published tables, and the files in it."""

from __future__ import annotations

import os
from pathlib import Path

from archrank.errors import DataError
from archrank.files import user_path

VARIABLE = "ARCHRANK_DATA"


def data_folder(given: str | os.PathLike[str] | None = None) -> Path | None:
    """Return ``given``, else the folder that the environment variable ARCHRANK_DATA names.

    ``None`` if neither names one. ``~`` stands for the home folder in both.
    """
    folder = given if given is not None else os.environ.get(VARIABLE) or None
    return None if folder is None else user_path(folder)


def need_folder(content: str, given: str | os.PathLike[str] | None = None) -> Path:
    """Return the data folder, which must exist.

    Args:
        content: what lies in it and is not part of archrank, such as ``published tables``.
        given: the folder, if the user named one.

    Raises:
        DataError: no folder is named, or there is none of this name.
    """
    folder = data_folder(given)
    if folder is None:
        raise DataError(
            f"{content} are not part of archrank: give the folder they are in with --data "
            f"or the environment variable {VARIABLE}"
        )
    if not os.path.isdir(folder):
        raise DataError(
            f"no folder {folder}; --data or the environment variable {VARIABLE} names the folder "
            f"of the {content}"
        )
    return folder


def find_data(name: str | os.PathLike[str], given: str | os.PathLike[str] | None = None) -> Path:
    """Find a file as it is named, else under this name in the data folder.

    The path comes back as it was typed if there is no such file in either place.
    """
    path = user_path(name)
    folder = data_folder(given)
    if (
        folder is None
        or path.is_absolute()
        or os.path.exists(path)
        or not os.path.exists(folder / path)
    ):
        return path
    return folder / path
