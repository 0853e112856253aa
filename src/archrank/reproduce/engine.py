"""Function ``reproduce``: run one published table from files of measurements to a comparison."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal

from archrank import __version__
from archrank.checks import MOST_SEEDS, whole
from archrank.errors import BudgetError, SettingsError
from archrank.reproduce.base import Announce, Comparison, Plan, nobody
from archrank.reproduce.bench import Bench, find_table, load_bench
from archrank.reproduce.builtin import builtin_bench, with_builtin_names
from archrank.reproduce.catalogue import find
from archrank.reproduce.journal import RunJournal
from archrank.types import ProgressCallback

Tables = Literal["published", "builtin"]


def reproduce(
    name: str,
    *,
    data: str | Path | None = None,
    tables: Tables = "published",
    quick: bool = False,
    seeds: int | None = None,
    out: str | Path | None = None,
    executor: Executor | None = None,
    progress: ProgressCallback | None = None,
    announce: Announce = nobody,
) -> Comparison:
    """Run one published table on the published measurements.

    The same name, ``quick`` and seeds give the same numbers with any number of workers.

    Args:
        name: Name in :data:`archrank.reproduce.catalogue.REPRODUCTIONS`.
        data: Folder of the measurements; ``None`` takes the environment variable
            ``ARCHRANK_DATA``.
        tables: ``builtin`` runs the same protocol on the built-in tables.
        quick: Do fewer runs and a shorter pretraining.
        seeds: Number of repetitions; ``None`` takes the reproduction's own number.
        out: Folder for finished runs, from which a stopped reproduction continues.
        executor: Executor of the runs; ``None`` runs them in this process.
        progress: called with runs done and runs in all.
        announce: called with a line where a training, a pretraining or a measurement of minutes
            begins, and where it ends; in workers, too.

    Raises:
        UnknownNameError: No reproduction has that name.
        BudgetError: ``seeds`` below 1.
        DataError: A file is missing.
        SettingsError: The reproduction trains networks, and ``tables`` is not ``builtin``; or there
            are no built-in tables for it.
        TableError: A file cannot be used.
        StorageError: ``out`` cannot be written.
    """
    item = find(name)
    if seeds is None:
        seeds = item.quick_seeds if quick else item.seeds
    seeds = whole(seeds, "seeds", at_least=1, at_most=MOST_SEEDS, error=BudgetError)
    if item.trains and tables == "published":
        raise SettingsError(
            f"{item.name} trains supernets, on the tasks of the built-in tables: add --tables "
            "builtin. On other tables: archrank supernet study --table FILE --metric COLUMN --task "
            "NAME"
        )
    if item.reads_itself and tables == "builtin":
        raise SettingsError(
            f"{item.name} reads {' '.join(item.files)}, of which archrank has no table of its own: "
            "remove --tables builtin"
        )
    folder = None if data is None else Path(data)
    bench: Bench | None = None
    if tables == "builtin" and not item.own_task:
        bench = builtin_bench(item)
    elif not item.own_task and not item.reads_itself:
        bench = load_bench(item.files, item.columns, folder, more=item.more)
    journal = None
    if out is not None:
        digest = "" if bench is None else bench.digest
        if item.reads_itself:
            files = [find_table(name, folder).read_bytes() for name in item.files]
            digest = hashlib.sha256(b"".join(files)).hexdigest()
        header = {"name": item.name, "quick": quick, "seeds": seeds, "tables": digest}
        journal = RunJournal(Path(out) / f"{item.name}.runs", header | {"archrank": __version__})
    plan = Plan(
        quick,
        seeds,
        executor=executor,
        progress=progress,
        announce=announce,
        journal=journal,
        published=tables == "published",
        data=folder,
    )
    comparison = item.run(bench, plan)
    if journal is not None:
        journal.close()
    if tables == "published" or item.trains or bench is None:  # it tells its data itself
        return comparison
    return with_builtin_names(comparison, bench)
