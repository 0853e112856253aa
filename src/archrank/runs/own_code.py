"""Code of users' that a run's settings name: whose it is, and whether it may be run.

A run folder may have been sent by somebody, with settings that name any file. Reading a run needs
none of it. A command that needs it runs what lies where the user works, and says so; what lies
inside the run, or elsewhere, only when the user says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from archrank.errors import SettingsError
from archrank.user_files import is_file


def own_code(names: Iterable[str]) -> dict[str, Path | None]:
    """Return the file of each of ``names`` that is users' code; ``None`` if it is not found.

    Nothing is imported: of ``package.module:name`` that is the file of the package.
    """
    return {name: _file(name.rpartition(":")[0]) for name in names if ":" in name}


def permit(names: Iterable[str], run: Path, *, allowed: bool) -> list[str]:
    """Check that the code of a run's settings may be run, and say which files it is.

    Args:
        names: names in the settings of the run.
        run: the run folder.
        allowed: whether the user has said that any of it may be run (``--own-code``).

    Returns:
        One sentence per name.

    Raises:
        SettingsError: code that lies inside the run folder, or outside the working directory and
            all installed packages.
    """
    found = own_code(names)
    for name, file in found.items():
        if file is not None and not file.exists():
            raise SettingsError(
                f"the settings of {run} name {name}, and there is no {file}: repeat the command in "
                "the folder where the search was begun"
            )
        where = _elsewhere(name, file, run)
        if where and not allowed:
            raise SettingsError(
                f"the settings of {run} name {name}, which is {where}: it would run with your "
                "rights. Read it first; then add --own-code to run it"
            )
    return [
        f"runs {file or name}, as the run's settings name {name}" for name, file in found.items()
    ]


def _elsewhere(name: str, file: Path | None, run: Path) -> str:
    """Return where code lies, if the user has not put it there; else nothing.

    A module is where the user's import path says, a file where the user is.
    """
    module = name.rpartition(":")[0]
    if file is not None and file.is_relative_to(run.resolve()):
        return f"{file}, inside the run folder"
    if not is_file(module):
        return "a part of Python" if module.split(".")[0] in sys.stdlib_module_names else ""
    if file is not None and not file.is_relative_to(Path.cwd().resolve()):
        return f"{file}, not in the folder you are in"
    return ""


def _file(module: str) -> Path | None:
    if is_file(module):
        return Path(os.path.realpath(Path(module).expanduser()))
    top = module.partition(".")[0]
    loaded = getattr(sys.modules.get(top), "__file__", None)
    spec = None if loaded else PathFinder.find_spec(top, [os.getcwd(), *sys.path])
    origin = loaded or (spec.origin if spec is not None else None)
    if origin is None and spec is not None and spec.submodule_search_locations:
        origin = next(iter(spec.submodule_search_locations), None)
    return Path(os.path.realpath(origin)) if origin else None
