"""Published NDS results: ``DARTS.json``, ``NASNet_in.json`` and the like.

A file is a list of jobs, or a dictionary of two lists ``top`` and ``mid``. A job has a genotype,
width and depth, and per epoch the **error** in percent, which is converted to accuracy. There is no
validation accuracy, only test accuracy (AceNAS uses it as both).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any

import numpy as np

from archrank.checks import quoted
from archrank.errors import ArchitectureError, TableError
from archrank.rows import group_rows
from archrank.spaces.nds.space import KINDS, NDS
from archrank.tables.base import BenchTable, metric_directions
from archrank.tables.importers.plain_numbers import finite
from archrank.tables.raw import RawTable

METRICS = ("final_accuracy", "best_accuracy", "params", "flops")


def read_nds(path: str | Path, space: NDS) -> BenchTable:
    """Read a published file as a table.

    Metrics are ``final_accuracy`` (last epoch) and ``best_accuracy`` in percent, and the file's own
    ``params`` and ``flops`` (counts; with auxiliary heads where a job has them). A network that was
    trained several times becomes one row of means; equal cells in another order stay apart.

    Args:
        path: The JSON file.
        space: The space of the networks; its widths and depths must include those of the file.

    Raises:
        TableError: The file is missing or damaged, or a network is not of the space; names the job.
    """
    jobs = _jobs(str(path))
    rows, values = [], []
    for number, job in enumerate(jobs):
        try:
            rows.append(_row(job, space))
            values.append(_values(job))
        except (KeyError, IndexError, TypeError, ValueError) as error:  # noqa: PERF203  # names the job
            fault = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise TableError(f"{path}, job {number}: {fault}; is this {space.name}?") from None
    first, group = group_rows(np.array(rows))
    archs = np.array(rows)[first]
    count = np.bincount(group)
    numbers = {
        name: np.bincount(group, column) / count
        for name, column in zip(METRICS, np.array(values).T, strict=True)
    }
    text: dict[str, list[Any]] = {"arch": space.format(archs)}
    raw = RawTable(str(path), ("arch", *numbers), numbers, text, len(archs))
    return BenchTable(space, archs, raw, metric_directions(raw))


def _jobs(path: str) -> list[Any]:
    try:
        loaded = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{path}: cannot be read as JSON: {error}; download it again") from None
    if isinstance(loaded, dict) and {"top", "mid"} <= set(loaded):
        parts = (loaded["top"], loaded["mid"])
        loaded = [*parts[0], *parts[1]] if all(isinstance(part, list) for part in parts) else None
    if not isinstance(loaded, list) or not loaded:
        raise TableError(
            f"{path}: expected a list of jobs, or a dictionary with 'top' and 'mid'; is it an NDS "
            "file?"
        )
    return loaded


def _row(job: Any, space: NDS) -> Any:
    net = _mapping("net", _mapping("the job", job)["net"])
    genotype = _mapping("genotype", net["genotype"])
    for kind in KINDS:
        terms = genotype[kind]
        pairs = isinstance(terms, list) and all(isinstance(t, list) and len(t) == 2 for t in terms)
        if not pairs:
            raise ArchitectureError(f"{kind} is {terms!r}, expected [operation, input] pairs")
    row = space.row(genotype["normal"], genotype["reduce"], net["width"], net["depth"])
    for kind, made in zip(KINDS, space.genotype(row), strict=True):
        concat = genotype.get(f"{kind}_concat")
        if concat is not None and sorted(concat) != list(made.concat):
            raise ArchitectureError(
                f"{kind}_concat is {concat}; the output of this cell joins {made.concat} in "
                f"{space.name}"
            )
    return row


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {value!r}, expected a dictionary")
    return value


def _values(job: Mapping[str, Any]) -> list[float]:
    """Return the metrics of a job in the order of :data:`METRICS`, with accuracies for errors."""
    errors = job["test_ep_top1"]
    if not isinstance(errors, list):
        raise ValueError(f"test_ep_top1 is {errors!r}, expected a list of errors")
    if not errors:
        raise ValueError("test_ep_top1 is empty")
    final = 100 - _number("test_ep_top1 ends with", errors[-1], 0, 100)
    best = 100 - _number("min_test_top1 is", job["min_test_top1"], 0, 100)
    return [final, best, *(_number(f"{name} is", job[name], 1) for name in ("params", "flops"))]


def _number(what: str, value: Any, least: float, most: float = inf) -> float:
    """Return ``value`` after checking that it is a number from ``least`` to ``most``."""
    number = finite(value, least)
    if number is None or number > most:
        bound = f"{least} to {most}" if isfinite(most) else f"at least {least}"
        raise ValueError(f"{what} {quoted(value)}, expected a number of {bound}")
    return number
