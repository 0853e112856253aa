"""NDS: ``DARTS.json``, ``PNAS_fix-w-d.json`` and the like, one file per space.

Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019. The space follows
from the name of the file. Numbers of networks are those that AceNAS (table 1) reports.
"""

from __future__ import annotations

import re
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from archrank.errors import TableError
from archrank.rows import group_rows
from archrank.spaces.nds.space import NDS
from archrank.tables.importers.base import Imported, Importer, Published
from archrank.tables.importers.nds_files import METRICS, read_nds
from archrank.types import ProgressCallback

PUBLISHED_JOBS = {
    "nds_amoeba": 4983,
    "nds_darts": 5000,
    "nds_darts_fixwd": 5000,
    "nds_enas": 4999,
    "nds_enas_fixwd": 5000,
    "nds_nasnet": 4846,
    "nds_pnas": 4999,
    "nds_pnas_fixwd": 4599,
}
_NAME = re.compile(
    r"(amoeba|darts|enas|nasnet|pnas)(?:(_fix-w-d)|(_lr-wd)?(_in)?)\.json", re.IGNORECASE
)
_ONCE_PER_JOB = b'"min_test_top1"'


class NDSImporter(Importer):
    """Importer of the JSON files; accuracies are in percent, and there is no validation split."""

    expects = "DARTS.json, ENAS_fix-w-d.json, NASNet_in.json, ..., as published"

    def read(
        self,
        path: Path,
        *,
        partial: bool,
        progress: ProgressCallback,
        executor: Executor | None = None,
    ) -> Imported:
        """Read all jobs; several jobs of one network become one row of means."""
        if path.is_dir():
            raise TableError(f"{path} is a folder; expected: {self.expects}")
        space = space_of(path)
        jobs = path.read_bytes().count(_ONCE_PER_JOB)
        progress(0, jobs)
        table = read_nds(path, space)
        progress(jobs, jobs)
        known = PUBLISHED_JOBS.get(space.name)
        published = None if known is None else Published(known, "jobs")
        remarks = []
        if published is None:
            remarks.append(f"how many jobs the published file holds is not known; took all {jobs}")
        else:
            published.check_count(jobs, path, partial=partial)
        first, group = group_rows(space.canonical(table.archs))
        count = np.bincount(group)
        columns = {name: np.bincount(group, table.column(name)) / count for name in METRICS}
        archs = table.archs[first]
        if len(archs) < jobs:
            remarks.append(
                f"{jobs} jobs are {len(archs)} different networks; those trained several times "
                "became one row of means"
            )
        return Imported(space, archs, space.format(archs), columns, published, tuple(remarks))


def space_of(path: Path) -> NDS:
    """Make the space that belongs to the name of a published file.

    Raises:
        TableError: An unknown name, or a file of networks that were trained differently.

    Example:
        >>> space_of(Path("PNAS_fix-w-d.json")).name
        'nds_pnas_fixwd'
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise TableError(
            f"{path}: the space is taken from the file's name; rename it as published, for example "
            "DARTS.json or ENAS_fix-w-d.json"
        )
    if match[3]:
        raise TableError(
            f"{path}: its networks differ in learning rate and weight decay, which are no "
            "architecture; import the file without _lr-wd"
        )
    family = match[1].lower()
    if match[2]:
        return NDS(family, widths=(16,), depths=(20,))
    return NDS(family, "imagenet" if match[4] else "cifar")
