"""Every protocol, end to end, on a small table with one epoch per network."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.reproduce import Comparison, Plan
from archrank.reproduce.bench import load_bench
from archrank.reproduce.catalogue import REPRODUCTIONS
from archrank.reproduce.text import lines, page, rows_of, to_json


class Elsewhere(Executor):
    """Runs in this process what has been through a pickle, as for another process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        task, given = pickle.loads(pickle.dumps((fn, args)))
        future: Future[Any] = Future()
        future.set_result(task(*given))
        return future


def run(name: str, tables: Path, plan: Plan) -> Comparison:
    item = REPRODUCTIONS[name]
    return item.run(load_bench(item.files, item.columns, tables), plan)


def figures(comparison: Comparison) -> list[tuple[str, float]]:
    return [(row.what, row.ours) for row in comparison.rows if math.isfinite(row.ours)]


@pytest.mark.parametrize(
    "name",  # tests/reproduce/test_ranknas*.py have small files of the others
    [n for n, item in REPRODUCTIONS.items() if item.files and not item.reads_itself],
)
def test_runs_from_files_to_text(name: str, tables: Path) -> None:
    item = REPRODUCTIONS[name]
    progress: list[tuple[int, int]] = []
    plan = Plan(
        quick=True, seeds=1, epochs=1, progress=lambda done, of: progress.append((done, of))
    )
    comparison = run(name, tables, plan)
    assert comparison.rows
    assert progress
    assert all(0 < done <= of for done, of in progress)
    assert all(row.seconds >= 0 and row.seeds >= 1 for row in comparison.rows)
    assert len({row.what for row in comparison.rows}) == len(comparison.rows)
    lacking = [row.what for row in comparison.rows if row.paper is None and not row.why]
    assert not lacking or name in ("surgery-a3", "blog-transfer")
    values = json.loads(json.dumps(to_json(item, comparison, True), allow_nan=False))
    assert len(values["rows"]) == len(comparison.rows)
    widths = {len(row) for row in rows_of(comparison.rows)}
    assert widths == {7}
    assert item.source in page(item, comparison)
    assert len(lines(comparison)) >= len(comparison.claims) + len(comparison.notes)


@pytest.mark.parametrize("name", ["surgery-fig-a2", "acenas-fig8", "acenas-fig11", "blog-search"])
def test_same_seeds_same_figures_in_any_executor(name: str, tables: Path) -> None:
    once = run(name, tables, Plan(quick=True, seeds=1, epochs=1))
    again = run(name, tables, Plan(quick=True, seeds=1, epochs=1))
    assert figures(once) == figures(again)
    elsewhere = run(name, tables, Plan(quick=True, seeds=1, epochs=1, executor=Elsewhere()))
    assert figures(elsewhere) == figures(once)


def test_more_seeds_keep_the_first(tables: Path) -> None:
    one = run("blog-search", tables, Plan(quick=True, seeds=1, epochs=1))
    two = run("blog-search", tables, Plan(quick=True, seeds=2, epochs=1))
    assert math.isnan(one.rows[0].spread)
    assert math.isfinite(two.rows[0].spread)
    # mean of two, and their sd, give the first back
    half = two.rows[0].spread / np.sqrt(2)
    assert min(abs(two.rows[0].ours + s * half - one.rows[0].ours) for s in (-1, 1)) < 1e-9


def test_full_plans_do_more_than_quick_ones(tables: Path) -> None:
    quick = run("surgery-fig-a2", tables, Plan(quick=True, seeds=1, epochs=1))
    full = run("surgery-fig-a2", tables, Plan(quick=False, seeds=1, epochs=1))
    assert len(full.rows) > len(quick.rows)
    assert full.rows[0].seeds == 3 * quick.rows[0].seeds
