"""Function ``assess``: run the whole grid, in one or several processes; stopped runs continue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from archrank.assess.across import helped, learn_source, without_labels
from archrank.assess.assessment import Assessment
from archrank.assess.grid import Cell, Done, Row, Watcher, cells
from archrank.assess.problem import Problem, load_problem, measured, open_table
from archrank.assess.protocol import Protocol
from archrank.assess.storage import CellJournal, open_journal
from archrank.assess.training import run_cell
from archrank.errors import SettingsError
from archrank.jobs import run_jobs
from archrank.rankers import RANKERS
from archrank.rankers.base import Ranker
from archrank.runs.named import instance_of
from archrank.spaces.base import Space
from archrank.strategies.guided import describe_ranker
from archrank.tables.base import BenchTable


def assess(
    table: str | Path | BenchTable,
    rankers: str | Sequence[str | Ranker] | Mapping[str, Ranker] = ("default",),
    *,
    labels: str,
    truth: str | None = None,
    train_sizes: Sequence[int] = (20, 78),
    seeds: int = 5,
    model_seeds: int = 1,
    stages: int = 1,
    top: int | None = None,
    judge: Sequence[str] = (),
    fine_tune: int = 0,
    fine_tune_labels: Sequence[str] = (),
    weak: Sequence[str] = (),
    weak_rows: int | None = None,
    leave_out_training: bool = False,
    coverage: bool = False,
    transfer: str | None = None,
    transfer_space: str | Space | None = None,
    space: str | Space | None = None,
    where: Mapping[str, str] | None = None,
    choices: Sequence[str] = (),
    average: bool = False,
    data: str | Path | None = None,
    out: str | Path | None = None,
    executor: Executor | None = None,
    progress: Watcher | None = None,
) -> Assessment:
    r"""Train rankers on a few labels of a table, many times, and judge how they rank all of it.

    :class:`~archrank.assess.Protocol` explains the comparison, and all arguments up to
    ``coverage`` in detail.

    Args:
        table: CSV or Parquet file with a column ``arch``, a published table of HAT's latencies or
            of HW-GPT-Bench as it is, or a loaded table.
        rankers: Names, or rankers of the table's space; a mapping gives them other names.
        labels: The column that rankers learn; ``"column:minimize"`` or ``"column:maximize"`` where
            its name does not tell what is better (see :mod:`archrank.metrics`), as in the others.
        truth: The column that they are judged on.
        train_sizes: Numbers of labels.
        seeds: Number of random draws of the training architectures.
        model_seeds: Number of fits per draw, each with another seed of the ranker.
        stages: 1 trains once; each further stage adds the best predicted architectures.
        top: Number of architectures that a stage adds.
        judge: Further columns to judge on without a refit.
        fine_tune: Number of labels of a further column to refit with.
        fine_tune_labels: The columns of these labels, one for each of ``judge``.
        weak: Cheap scores to pretrain on.
        weak_rows: Number of architectures to pretrain on.
        leave_out_training: Judge on the architectures that were not trained on.
        coverage: Measure what intervals of the calibrated rankers cover, from six more fits each.
        transfer: Table of another space that teaches, and its column: ``FILE:COLUMN``. It ranks the
            table without a label of it, and every ranker is assessed with its help, too.
        transfer_space: Space of that table; ``None``: what it tells, otherwise ``nasbench201``.
        space: The space of the architectures; ``None``: what a published table tells of itself,
            otherwise ``nasbench201``. Ignored for a loaded table, which knows its own.
        where: ``{column: value}`` of the rows of the file to take, such as one device's.
        choices: Columns with a choice each, in place of a column ``arch``; they span the space, if
            none is given. Rows without a value are left out.
        average: Whether rows of the same architecture are averaged.
        data: Folder of files that are named without a folder.
        out: Folder to keep finished results in, and to continue from. Failed fits are tried again.
        executor: Executor to fit with; ``None`` fits in this process.
        progress: Object that is notified of every result.

    Raises:
        ArchrankError: Settings or files cannot be used; nothing has been fitted then.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(60, rng=np.random.default_rng(0))
        >>> macs = space.cost(archs)["macs"] / 1e6
        >>> lines = [f"{a},{m}" for a, m in zip(space.format(archs), macs, strict=True)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "table.csv")
        ...     _ = path.write_text("\n".join(["arch,score", *dict.fromkeys(lines)]))
        ...     found = assess(path, ["default"], labels="score", train_sizes=[20], seeds=2)
        >>> bool(found.table()["tau"].iloc[0] > 0.5)
        True
    """
    protocol = Protocol(
        labels,
        truth,
        tuple(train_sizes),
        seeds,
        model_seeds,
        stages,
        top,
        tuple(judge),
        fine_tune,
        tuple(fine_tune_labels),
        tuple(weak),
        weak_rows,
        leave_out_training,
        coverage,
    )
    loaded = open_table(table, space, data=data, where=where, choices=choices, average=average)
    if choices:
        loaded = measured(loaded, protocol)
    problem = load_problem(loaded, protocol, None if data is None else Path(data))
    named = make_rankers(rankers, problem.space)
    if transfer_space is not None and transfer is None:
        raise SettingsError(
            f"transfer_space {transfer_space} is only used with a table that teaches: give "
            "transfer, or leave transfer_space out"
        )
    found: tuple[Row, ...] = ()
    if transfer is not None:
        folder = None if data is None else Path(data)
        across = learn_source(transfer, transfer_space, problem.space, folder)
        named = helped(named, across)
        found = without_labels(across, problem, protocol.judged)
    folder = None if out is None else Path(out)
    done = carry_out(protocol, problem, named, out=folder, executor=executor, progress=progress)
    return replace(done, source=transfer, without_labels=found)


def carry_out(
    protocol: Protocol,
    problem: Problem,
    rankers: Mapping[str, Ranker],
    *,
    out: Path | None = None,
    executor: Executor | None = None,
    progress: Watcher | None = None,
) -> Assessment:
    """Run the cells whose results ``out`` does not hold yet, and collect all results."""
    protocol.check(len(problem), rankers)
    settings = {
        **protocol.describe(),
        "space": problem.space.fingerprint(),
        "sha256": problem.digest,
        "rankers": {name: describe_ranker(ranker) for name, ranker in rankers.items()},
    }
    wanted = cells(rankers, protocol)
    with open_journal(out, settings) as journal:
        try:
            _run(wanted, rankers, problem, protocol, journal, executor, progress)
        finally:
            if progress is not None:
                progress.ended()
        done = [journal.done[cell] for cell in wanted]
    unaided = [n for n, r in rankers.items() if problem.weak and not r.can_pretrain]
    return Assessment(
        protocol,
        tuple(rankers),
        done,
        problem.cost_name,
        len(problem),
        problem.directions,
        tuple(unaided),
    )


def make_rankers(
    rankers: str | Sequence[str | Ranker] | Mapping[str, Ranker], space: Space
) -> dict[str, Ranker]:
    """Make unfitted rankers, by name.

    Raises:
        UnknownNameError: No ranker has that name.
        SettingsError: Two rankers have the same name, or one is of another space.
    """
    if isinstance(rankers, str):
        rankers = (rankers,)
    if isinstance(rankers, Mapping):
        pairs = list(rankers.items())
    else:
        pairs = [_named(ranker, space) for ranker in _distinct(rankers)]
    named: dict[str, Ranker] = {}
    for name, ranker in pairs:
        if name in named:
            raise SettingsError(
                f"two rankers are called {name!r}; give them different names: {{name: ranker}}"
            )
        if ranker.space.choices != space.choices:
            raise SettingsError(
                f"ranker {name!r} is of space {ranker.space.name}, the table of {space.name}"
            )
        named[name] = ranker
    return named


def _distinct(rankers: Sequence[str | Ranker]) -> list[str | Ranker]:
    """Drop repeated names, which mean the same ranker."""
    seen = {r: None for r in rankers if isinstance(r, str)}
    return [*seen, *(r for r in rankers if not isinstance(r, str))]


def _named(ranker: str | Ranker, space: Space) -> tuple[str, Ranker]:
    if isinstance(ranker, str):
        return ranker, instance_of(RANKERS, ranker, Ranker, space=space)
    return type(ranker).__name__, ranker


def _run(
    wanted: list[Cell],
    rankers: Mapping[str, Ranker],
    problem: Problem,
    protocol: Protocol,
    journal: CellJournal,
    executor: Executor | None,
    progress: Watcher | None,
) -> None:
    """Run the cells that the journal does not hold, and those that failed.

    If a cell is stored several times, the last result counts.
    """
    left = [c for c in wanted if c not in journal.done or journal.done[c].failed]
    if progress is not None:
        progress.started(len(wanted), len(wanted) - len(left))

    def keep(done: Done) -> None:
        journal.add(done)
        if progress is not None:
            progress.finished_one(done)

    jobs = ((cell, rankers[cell.ranker], problem, protocol) for cell in left)
    workers = getattr(executor, "_max_workers", None) or 16
    remedy = "repeat the command to go on, with fewer workers"
    # few at a time, because each job contains the whole table
    found = run_jobs(run_cell, jobs, executor, in_flight=2 * workers, remedy=remedy)
    with closing(found):
        for _, done in found:
            keep(done)
