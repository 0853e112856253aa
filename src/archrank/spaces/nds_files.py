"""The published NDS results: ``DARTS.json``, ``NASNet_in.json`` and the like.

A file is a list of jobs, or a dictionary of two lists ``top`` and ``mid``. A job has a genotype,
width and depth, and per epoch the **error** in percent, which becomes accuracy here. There is no
validation split: test accuracy is all there is (AceNAS uses it as both).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from archrank.errors import ArchitectureError, TableError
from archrank.spaces.nds import KINDS, NDS
from archrank.tables.base import BenchTable, metric_directions
from archrank.tables.files import RawTable

METRICS = ("final_accuracy", "best_accuracy", "params", "flops")


def read_nds(path: str | Path, space: NDS) -> BenchTable:
    """Read a published file as a table.

    Metrics are ``final_accuracy`` (last epoch) and ``best_accuracy`` in percent, and the file's own
    ``params`` and ``flops`` (counts; with auxiliary heads where a job has them). A network that was
    trained several times becomes one row of means; equal cells in another order stay apart.

    Args:
        path: the JSON file.
        space: what it holds; widths and depths must cover the file's.

    Raises:
        TableError: missing, damaged, or an architecture that is not of the space (job number).
    """
    jobs = _jobs(str(path))
    rows, values = [], []
    for number, job in enumerate(jobs):
        try:
            rows.append(_row(job, space))
            values.append(_values(job))
        except (KeyError, IndexError, TypeError, ValueError) as error:  # noqa: PERF203  # says which job
            fault = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise TableError(f"{path}, job {number}: {fault}; is this {space.name}?") from None
    distinct, first, inverse = np.unique(
        np.array(rows), axis=0, return_index=True, return_inverse=True
    )
    inverse = inverse.reshape(-1)
    order = np.argsort(first)  # the file's
    archs = distinct[order]
    count = np.bincount(inverse)
    numbers = {
        name: (np.bincount(inverse, weights=column) / count)[order]
        for name, column in zip(METRICS, np.array(values).T, strict=True)
    }
    text: dict[str, list[Any]] = {"arch": space.format(archs)}
    raw = RawTable(str(path), ("arch", *numbers), numbers, text, len(archs))
    return BenchTable(space, archs, raw, metric_directions(raw))


def _jobs(path: str) -> list[Mapping[str, Any]]:
    try:
        loaded = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as JSON: {error}") from None
    if isinstance(loaded, dict) and {"top", "mid"} <= set(loaded):
        loaded = [*loaded["top"], *loaded["mid"]]
    if not isinstance(loaded, list) or not loaded:
        raise TableError(f"{path}: expected a list of jobs, or a dictionary with 'top' and 'mid'")
    return loaded


def _row(job: Mapping[str, Any], space: NDS) -> Any:
    net = job["net"]
    genotype = net["genotype"]
    row = space.row(genotype["normal"], genotype["reduce"], net["width"], net["depth"])
    for kind, made in zip(KINDS, space.genotype(row), strict=True):
        concat = genotype.get(f"{kind}_concat")
        if concat is not None and sorted(concat) != list(made.concat):
            raise ArchitectureError(
                f"{kind}_concat is {concat}; the output of this cell joins {made.concat} in "
                f"{space.name}"
            )
    return row


def _values(job: Mapping[str, Any]) -> list[float]:
    """The metrics of a job, as in :data:`METRICS`; errors become accuracies."""
    final, best = 100 - float(job["test_ep_top1"][-1]), 100 - float(job["min_test_top1"])
    return [final, best, float(job["params"]), float(job["flops"])]
