"""Function ``study_supernets``: train supernets, score architectures, compare with the truth."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from archrank.assess.supernets.base import FitJournal, Part, Results, Row
from archrank.assess.supernets.outline import Outline, outline
from archrank.assess.supernets.parts import part_named
from archrank.assess.supernets.plan import MEAN, Plan, Scoring, Training
from archrank.assess.supernets.problem import StudyProblem, load_problem, task_name
from archrank.assess.supernets.scores import references
from archrank.assess.supernets.settings import StudySettings
from archrank.assess.supernets.study import SupernetStudy
from archrank.assess.supernets.trainings import Workshop
from archrank.data import find_data
from archrank.differences import differences, told
from archrank.errors import ResumeError, SettingsError
from archrank.files import read_json, write_json
from archrank.jobs import run_jobs
from archrank.locking import locked
from archrank.runs.named import make_space, make_task
from archrank.spaces.base import Space
from archrank.spaces.images import Scale
from archrank.tables.base import BenchTable, load_table
from archrank.tasks.base import Task

SETTINGS = "study.json"
FITS = "fits.jsonl"
REMEDY = "name another folder with --run DIR"


def study_supernets(
    table: str | Path | BenchTable,
    settings: StudySettings,
    *,
    space: str | Space = "nasbench201",
    task: str | Task | None = None,
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "cpu",
    executor: Executor | None = None,
    announce: Callable[[Outline], object] = lambda outline: None,
    progress: Callable[[float, float], object] = lambda done, of: None,
) -> SupernetStudy:
    """Study how far the one-shot scores of supernets agree with a table's truth.

    It asks what "A Surgery of the Neural Architecture Evaluators" asks, of any space with a
    supernet and any table of truth. Trainings, tables of scores and fits are kept in ``out``; the
    same call goes on where it stopped, and further parts and seeds use what is there.

    Args:
        table: CSV or Parquet file with a column ``arch``, a built-in table's name, or a table.
        settings: Metric, parts, seeds, epochs.
        space: Space of the supernets: a name, or a space.
        task: Task to train them on; ``None``: the one that the table was measured on.
        data: Folder of files that are named without a folder.
        out: Folder to keep everything in; ``None`` keeps nothing.
        device: Device to train and evaluate supernets on.
        executor: Trains and scores several at a time; ``None`` one after the other in this process.
        announce: Called with the work ahead, before it begins.
        progress: Called with the estimated seconds that are done, and of all.

    Raises:
        ArchrankError: Settings or files cannot be used; nothing has been trained then.

    Example:
        >>> few = {"seeds": 1, "epochs": 1, "archs": 20, "images": 50}
        >>> settings = StudySettings("test_accuracy", parts=("scores",), **few)
        >>> found = study_supernets("digits201", settings)
        >>> [row.subject for row in found.rows if row.criterion == "tau"][:2]
        ['one-shot accuracy', 'one-shot loss']
    """
    opened, problem = _opened(table, settings, space, task, None if data is None else Path(data))
    plan = Plan(settings, problem)
    with _folder(out) as folder:
        workshop = Workshop(plan, folder, device)
        _settle(folder / SETTINGS, settings, workshop)
        found = [part_named(name) for name in settings.parts]
        skipped = {part.name: why for part in found if (why := part.needs_more(plan))}
        parts = [part for part in found if part.name not in skipped]
        work = outline(workshop, parts)
        announce(work)
        results = _run(work, workshop, progress, executor)
        rows = [row for part in parts for row in _rows(part, results)]
    return SupernetStudy(settings, _facts(problem, opened), rows, skipped)


def _opened(
    table: str | Path | BenchTable,
    settings: StudySettings,
    space: str | Space,
    task: str | Task | None,
    data: Path | None,
) -> tuple[BenchTable, StudyProblem]:
    """Read the table, and find what it is of; nothing is written before."""
    made = make_space(space) if isinstance(space, str) else space
    if not isinstance(table, BenchTable):
        table = load_table(find_data(str(table), data), made.origin)
    problem = load_problem(table, made, _task(task, table, data), settings.metric, settings.archs)
    problem.networks.supernet()  # a space without one is refused
    return table, problem


def _task(task: str | Task | None, table: BenchTable, data: Path | None) -> Task:
    if isinstance(task, Task):
        return task
    name = task if task is not None else task_name(table)
    if name is None:
        raise SettingsError(
            f"{table.raw.label} does not say on which task its networks were trained: name it with "
            "--task"
        )
    return make_task(name, data)


@contextmanager
def _folder(out: str | Path | None) -> Iterator[Path]:
    if out is None:
        with tempfile.TemporaryDirectory() as name:
            yield Path(name)
        return
    with locked(Path(out), "folder", "--run") as folder:
        yield folder


def _settle(path: Path, settings: StudySettings, workshop: Workshop) -> None:
    """Store what is studied, or compare it with what is stored; parts and seeds may be added.

    Raises:
        ResumeError: the folder holds a study whose scores mean something else.
    """
    problem = workshop.plan.problem
    now: dict[str, Any] = {
        "settings": settings.identity(),
        "recipe": workshop.recipe(),
        "space": problem.networks.fingerprint(),
        "task": workshop.task.identity(),
        "device": workshop.device,
        "sha256": problem.digest,
    }
    now = json.loads(json.dumps(now))
    if path.exists():
        stored = read_json(path, "the settings of a study of supernets", remedy=REMEDY)
        found = differences(stored, now)
        if found:
            named = told([d for d in found if d.path != "sha256"])
            changes = f" (stored -> now): {named}" if named else ": its table had other numbers"
            raise ResumeError(
                f"folder {path.parent} holds another study{changes}. Name another folder with "
                "--run DIR, or repeat the first settings to go on"
            )
    write_json(path, now)


def _run(
    work: Outline,
    workshop: Workshop,
    progress: Callable[[float, float], object],
    executor: Executor | None,
) -> Results:
    """Train and score what is not there yet."""
    clock = _Clock(work, progress)
    jobs = [(training, work.left_of(training.name)) for training in work.trainings]
    if executor is None:
        for training, scorings in jobs:
            workshop.produce(training, scorings, clock.watch)
    else:
        calls = ((workshop, training, scorings) for training, scorings in jobs)
        with closing(run_jobs(Workshop.produce, calls, executor)) as finished:
            for place, _ in finished:
                training, scorings = jobs[place]
                pieces: tuple[Training | Scoring, ...] = (training, *scorings)
                for piece in pieces:
                    clock.watch(piece)(1.0)
    for scoring in work.left_of(MEAN):
        workshop.score(scoring, clock.watch(scoring))
    journal = FitJournal(workshop.folder / FITS, lambda: clock.spend(work.fit))
    return Results(work.plan, workshop.tables, journal)


class _Clock:
    """Counts estimated seconds of work that are done."""

    def __init__(self, work: Outline, progress: Callable[[float, float], object]) -> None:
        self.total, self.done = work.left, 0.0
        self._work, self._progress = work, progress

    def spend(self, seconds: float) -> None:
        """Count some seconds more."""
        self.done = min(self.done + seconds, self.total)
        self._progress(self.done, self.total)

    def watch(self, piece: Training | Scoring) -> Callable[[float], None]:
        """Return what is told the share of a piece of work that is done."""
        before = self.done
        seconds = 0.0 if piece.name in self._work.done else self._work.seconds(piece)

        def watch(share: float) -> None:
            self.done = before + share * seconds
            self._progress(self.done, self.total)

        return watch


def _rows(part: Part, results: Results) -> Iterator[Row]:
    """Yield a part's numbers; MACs and parameters alone stand beside all that are judged."""
    rows = list(part.rows(results))
    yield from rows
    if part.name not in ("spread", "groups", "predictors"):
        yield from references(results, part.name)


def _facts(problem: StudyProblem, table: BenchTable) -> dict[str, Any]:
    scale = getattr(problem.networks.sizes, "scale", None)
    return {
        "table": table.raw.label,
        "space": problem.space.name,
        "task": problem.task.name,
        "classes": len(problem),
        "members": len(problem.members),
        "measured": len(problem.whole),
        "scale": scale if isinstance(scale, Scale) else None,
    }
