"""Runs that are compared: read from their folders, from databases, or as they are in Python."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from archrank.checks import quoted
from archrank.errors import ArgumentError, SettingsError, StorageError
from archrank.files import user_path
from archrank.locking import is_locked
from archrank.runs.folder import as_options
from archrank.runs.listing import DEEPEST, run_folders
from archrank.runs.reading import find_run
from archrank.study.results import Results
from archrank.study.storage import run_names
from archrank.study.study import Study

Comparable: TypeAlias = str | os.PathLike[str] | Study | Results
"""Run folder, folder of runs, database file, study, or results of a finished run."""


@dataclass(frozen=True)
class Compared:
    """One run of a comparison.

    Attributes:
        name: its folder as it was typed, or ``run 2``.
        results: its evaluations.
        settings: of the command line, by their options; ``None`` of a study made in Python.
        searching: whether a process works on it now.
    """

    name: str
    results: Results
    settings: Mapping[str, Any] | None = None
    searching: bool = False

    @property
    def seed(self) -> int:
        """Its seed."""
        return int(self.results.description.identity["seed"])


def read_runs(given: Sequence[Comparable]) -> list[Compared]:
    """Read the runs of a comparison, in the order in which they are given.

    Args:
        given: run folders; a folder of runs stands for all below it, and a database file for all
            of its studies.

    Raises:
        StorageError: a run is missing or cannot be read.
        SettingsError: fewer than two runs, or one that is given twice.
        ArgumentError: something else.
    """
    if isinstance(given, str | os.PathLike | Study | Results):
        given = [given]
    found = [run for i, each in enumerate(given, 1) for run in _runs(each, i)]
    names = [run.name for run in found]
    for run in found:
        if names.count(run.name) > 1:
            raise SettingsError(f"run {run.name} is named twice: name each run once")
    if len(found) < 2:
        what = f"only {found[0].name}" if found else "none"
        raise SettingsError(
            f"a comparison needs two runs or more, got {what}; name their folders, or a folder "
            "that has them"
        )
    return found


def _runs(given: Comparable, number: int) -> Iterator[Compared]:
    if isinstance(given, Results):
        yield Compared(f"run {number}", given)
    elif isinstance(given, Study):
        name = f"run {number}" if given.folder is None else str(given.folder)
        yield Compared(name, given.results)
    elif isinstance(given, str | os.PathLike):
        yield from _stored(user_path(given))
    else:
        raise ArgumentError(
            f"compare: expected run folders, studies or results, got {quoted(given)}"
        )


def _stored(path: Path) -> Iterator[Compared]:
    if path.is_file():
        studies = run_names(path)
        for study in studies:
            name = f"{path}:{study}" if len(studies) > 1 else str(path)
            yield Compared(name, find_run(path, study).results())
        if studies:
            return
    below = {} if path.is_file() else run_folders(path, DEEPEST)
    if not below or path in below:
        yield _folder(path)  # refuses where there is no run
    for folder in sorted(f for f in below if f != path):
        yield _folder(folder)


def _folder(path: Path) -> Compared:
    try:
        run = find_run(path)
        settings = None if run.settings is None else as_options(run.settings)
        return Compared(str(path), run.results(), settings, is_locked(path))
    except StorageError as error:
        raise StorageError(f"{error}. To compare the others, leave out {path}") from None
