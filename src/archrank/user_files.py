"""Import of Python files by path: ``path/to/file.py`` needs no package and no ``sys.path``.

A file becomes a module whose name contains its absolute path. The name is therefore unique, and any
process that has imported archrank can import the file again, so objects that the file defines can
be pickled and sent to worker processes.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from archrank.errors import FAILURES, ArchrankError, describe
from archrank.files import user_path

PREFIX = "archrank_file_"
T = TypeVar("T")


class _Finder(MetaPathFinder):
    """Import finder for the module names that :func:`module_name` gives to files."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return the import specification of the file in ``fullname``; ``None`` if it has none."""
        file = file_of(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


# By module too: virtualenv installs a finder of its own that is also called _Finder.
if not any(
    (type(finder).__module__, type(finder).__name__) == (__name__, "_Finder")
    for finder in sys.meta_path
):
    sys.meta_path.append(_Finder())


def module_name(path: Path) -> str:
    """Return the name of the module that the file becomes."""
    return PREFIX + str(user_path(path).resolve()).encode().hex()


def file_of(module: str) -> Path | None:
    """Return the file that :func:`module_name` gave this name; ``None`` for another module."""
    if not module.startswith(PREFIX):
        return None
    try:
        return Path(bytes.fromhex(module.removeprefix(PREFIX)).decode())
    except ValueError:
        return None


def is_file(target: str) -> bool:
    """Return True if ``target``, as typed by a user, is a file rather than ``package.module``."""
    return target.lower().endswith(".py") or "/" in target or "\\" in target


def import_file(target: str, typed: str) -> ModuleType:
    """Import the file ``target``, relative to the working directory; once per process.

    Its folder is added to the import path, as by ``python file.py``, so that it can import other
    files of the folder.

    Args:
        target: Path of the file.
        typed: Description for messages, such as ``space 'mine.py:space'``.

    Raises:
        ArchrankError: The file does not exist, or importing it fails; names the line.
    """
    path = user_path(target)
    if not os.path.isfile(path):
        raise ArchrankError(f"{typed}: there is no file {target}{_near(path)}")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(module_name(path))
    except ArchrankError as error:
        raise ArchrankError(f"{typed}: {error}{_line(error, path)}") from error
    except FAILURES as error:
        raise ArchrankError(
            f"{typed}: importing {target} failed: {describe(error)}{_line(error, path)}"
        ) from error


def run_user_code(call: Callable[[], T]) -> T:
    """Call something in which users' code runs; its ``sys.exit()`` is an error, not the end.

    Raises:
        ArchrankError: the code called ``sys.exit``; names the file and the line.
    """
    try:
        return call()
    except SystemExit as error:
        raise ArchrankError(
            f"{describe(error)}, which would end the command; raise an exception there"
        ) from error


def _near(path: Path) -> str:
    """List Python files with a similar name."""
    if not os.path.isdir(path.parent):
        return f" (there is no folder {path.parent})"
    names = [p.name for p in path.parent.glob("*.py")]
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    return (
        f", did you mean {' or '.join(str(path.parent / name) for name in close)}?" if close else ""
    )


def _line(error: BaseException, path: Path) -> str:
    """Describe the line of the file in which the error happened."""
    if isinstance(error, SyntaxError | SystemExit):  # their messages tell
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if Path(f.filename) == path.resolve()]
    return f" ({path.name}, line {lines[-1]})" if lines else ""
