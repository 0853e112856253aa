"""File layouts of NAS-Bench-201: a single file, or a folder with one file per architecture.

Folders are read file by file, which needs little memory. The single file is one pickle, which must
fit in memory as a whole, as with the official packages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchitectureError, TableError
from archrank.jobs import run_jobs
from archrank.spaces.edge_cells.nasbench201 import NASBench201
from archrank.tables.importers.base import Imported, Importer, Optimum, Published
from archrank.tables.importers.trials import Row, read_trials, to_columns
from archrank.types import ProgressCallback

Reader = Callable[[Path], Any]
Numbered = tuple[str, Row]
T = TypeVar("T")
_DONG = "Dong & Yang 2020, optimal"
PUBLISHED = Published(
    15_625,
    optima=(
        Optimum("c10_val", 91.61, 0.01, _DONG),
        Optimum("c10_test", 94.37, 0.01, _DONG),
        Optimum("c100_val", 73.49, 0.01, _DONG),
        Optimum("c100_test", 73.51, 0.01, _DONG),
        Optimum("in16_test", 47.31, 0.01, _DONG),
    ),
)


class TrialsImporter(Importer):
    """Base class of importers of NAS-Bench-201 trials.

    Args:
        reader: Function that reads the contents of a file.
        member: Pattern of the name of an architecture's file in a folder; group 1 is the
            architecture's number.
        schedules: ``{number of epochs: key of the schedule in the file}``.
    """

    def __init__(self, reader: Reader, member: str, schedules: Mapping[str, str]) -> None:
        self.reader = reader
        self.member = re.compile(member)
        self.schedules = dict(schedules)

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read a folder of architectures, or the single file of all architectures."""
        if path.is_dir():
            found = self._folder(path, partial, progress, executor)
        else:
            whole = self.reader(path)
            if not isinstance(whole, dict) or not isinstance(whole.get("arch2infos"), dict):
                raise TableError(
                    f"{path} has no 'arch2infos': it is not the file of all architectures; for "
                    f"single architectures give their folder. Expected: {self.expects}"
                )
            PUBLISHED.check_count(len(whole["arch2infos"]), path, partial=partial)
            found = self._whole(path, whole["arch2infos"], progress)
        strings, rows = zip(*found, strict=True) if found else ((), ())
        return _imported(path, list(strings), list(rows))

    def _folder(
        self, path: Path, partial: bool, progress: ProgressCallback, executor: Executor | None
    ) -> list[Numbered]:
        numbered: dict[int, Path] = {}
        for file in sorted(path.iterdir()):
            if (match := self.member.fullmatch(file.name)) is not None:
                before = numbered.setdefault(int(match[1]), file)
                if before != file:
                    raise TableError(
                        f"{path}: {before.name} and {file.name} are both architecture "
                        f"{int(match[1])}; leave one of them in the folder"
                    )
        if not numbered:
            raise TableError(f"{path} holds no file of an architecture; expected: {self.expects}")
        PUBLISHED.check_count(len(numbered), path, partial=partial)
        files = [numbered[k] for k in sorted(numbered)]
        jobs = ((self.reader, self.schedules, file) for file in files)
        done = run_jobs(_read_member, jobs, executor)
        found = dict(_counted(done, len(files), progress))
        return [found[place] for place in range(len(files))]

    def _whole(
        self, path: Path, infos: Mapping[Any, Any], progress: ProgressCallback
    ) -> list[Numbered]:
        wrong = next((k for k in infos if not isinstance(k, int)), None)
        if wrong is not None:
            raise TableError(f"{path}: architecture {quoted(wrong)} has no number")
        done = (_row(f"{path}, architecture {k}", infos[k], self.schedules) for k in sorted(infos))
        return list(_counted(done, len(infos), progress))


def _counted(items: Iterable[T], of: int, progress: ProgressCallback) -> Iterator[T]:
    progress(0, of)
    for done, item in enumerate(items, 1):
        yield item
        progress(done, of)


def _read_member(reader: Reader, schedules: Mapping[str, str], file: Path) -> Numbered:
    return _row(str(file), reader(file), schedules)


def _row(where: str, contents: Any, schedules: Mapping[str, str]) -> Numbered:
    if not isinstance(contents, dict) or not set(schedules.values()) & set(contents):
        keys = " or ".join(map(repr, schedules.values()))
        raise TableError(f"{where}: expected a dictionary with {keys}; is it of this benchmark?")
    stored = {epochs: contents[key] for epochs, key in schedules.items() if key in contents}
    try:
        return read_trials(stored)
    except TableError as error:
        raise TableError(f"{where}: {error}") from None


def _imported(path: Path, strings: list[str], rows: list[Row]) -> Imported:
    space = NASBench201()
    try:
        archs = space.parse(strings)
    except ArchitectureError as error:
        raise TableError(
            f"{path}: {error}; is it the size search space (sss)? Only topologies (tss) are cells"
        ) from None
    columns = to_columns(rows)
    remarks = []
    counted = columns.get("c10_params_m")
    if counted is not None:
        differs = ~np.isclose(counted, space.cost(archs)["params"] / 1e6, atol=1e-6)
        if differs.any():
            row = int(np.flatnonzero(differs)[0])
            remarks.append(
                f"{differs.sum()} architectures have another number of parameters than their "
                f"cell, first number {row}: {counted[row]:.6f} M"
            )
    return Imported(space, archs, strings, columns, PUBLISHED, tuple(remarks))
