"""The contract of trackers: one tracked run per run of archrank, one step per evaluation.

Steps are counted as evaluations finish, from 1. Each has the place of its evaluation (round and
slot), by which a tracker knows what it has after a restart, however many workers or processes there
are. What it has missed (it was not there, its disk was full) it writes when it is there again.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archrank import __version__
from archrank.errors import SettingsError, StorageError
from archrank.files import read_json, write_json
from archrank.identity import flattened

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study

ROUND, SLOT = "run/round", "run/slot"  # the place of an evaluation
NOTES = "tracking.json"  # in the run folder: what each tracker needs to find its run again


def set_defaults(environment: Mapping[str, str]) -> None:
    """Set what this process's environment does not say, for a package that is imported next."""
    for name, value in environment.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True)
class Evaluated:
    """One evaluation as a tracker writes it.

    Attributes:
        step: its number, from 1, in the order in which evaluations finished.
        record: the evaluation.
        values: what is drawn: ``metrics/NAME``, ``best/NAME`` of every objective (of what keeps the
            limits, so far), ``run/seconds``, ``run/elapsed``, ``run/failures`` (so far), and the
            place, ``run/round`` and ``run/slot``. What is not known is left out.
    """

    step: int
    record: Record
    values: dict[str, float]


class Written(NamedTuple):
    """State of a tracked run: what it has.

    Attributes:
        last: its last step.
        places: rounds and slots of its evaluations; ``None`` where only their number is known,
            which are taken for the first that finished.
    """

    last: int = 0
    places: frozenset[tuple[int, int]] | None = frozenset()


class Tracker(ABC):
    """Callback of :meth:`.Study.run` that writes evaluations somewhere.

    A tracker finds its run again when a study goes on, and writes the steps that it lacks. Where it
    fails, the study goes on without it, and the next run of the study writes what is missing.

    Args:
        settings: further hyper-parameters, such as those of the command line.
        run: the run folder; that of the study if ``None``.
    """

    name: str
    """Name of what it writes to, in messages and in :data:`NOTES`."""

    after_failure = "; the next run of this study writes what is missing there"
    """End of a warning about a failure."""

    def __init__(self, settings: Mapping[str, Any] | None = None, run: Path | None = None) -> None:
        self.settings = dict(settings or {})
        self.run = run
        self._so_far = _SoFar()
        self._places: set[tuple[int, int]] = set()
        self._step = 0
        self._folder = run

    # ---- what a tracker gives ------------------------------------------------------------------

    @abstractmethod
    def _open(self, study: Study) -> Written:
        """Find the tracked run of a study again; return what it has, nothing of a new one."""

    @abstractmethod
    def _write(self, study: Study, evaluated: Evaluated) -> None:
        """Write a step, so that it is there if this process is killed afterwards."""

    @abstractmethod
    def _close(self, study: Study) -> None:
        """Say what is best, and close the tracked run."""

    # ---- callback ------------------------------------------------------------------------------

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Open the tracked run, and write what it lacks."""
        self._folder = self.run if self.run is not None else study.folder
        self._so_far = _SoFar()
        self._step, places = self._open(study)
        goals = study.goals
        records = [r for r in study.records if not goals.rejects(r.values)]
        records.sort(key=lambda r: (r.elapsed, r.key))
        known = [r.key for r in records[: self._step]] if places is None else places
        self._places = set(known)
        for record in records:
            if record.key in self._places:
                self._so_far.take(study, record)
        for record in records:
            self._take(study, record)

    def finished_one(self, study: Study, record: Record) -> None:
        """Write an evaluation."""
        self._take(study, record)

    def ended(self, study: Study) -> None:
        """Close the tracked run."""
        self._close(study)

    def _take(self, study: Study, record: Record) -> None:
        if record.key in self._places or study.goals.rejects(record.values):
            return  # written, or not evaluated to the end
        values = self._so_far.take(study, record)
        self._write(study, Evaluated(self._step + 1, record, values))
        self._places.add(record.key)
        self._step += 1

    # ---- shared by trackers --------------------------------------------------------------------

    def parameters(self, study: Study) -> dict[str, Any]:
        """Return the hyper-parameters of a run: all that decides it, by flat names."""
        identity = study.description.identity
        parts = {key: value for key, value in identity.items() if key != "space"}
        found = {"space": study.space.name, **dict(flattened(parts)), "archrank": __version__}
        return found | dict(flattened(self.settings))

    def run_name(self, study: Study) -> str:
        """Return the name of a run: that of its folder."""
        return study.space.name if self._folder is None else self._folder.resolve().name

    def noted(self) -> dict[str, Any]:
        """Return what was noted in the run folder; nothing without one.

        Raises:
            StorageError: the notes are damaged.
        """
        if self._folder is None or not (self._folder / NOTES).exists():
            return {}
        remedy = "remove it to begin new tracked runs"
        known = read_json(self._folder / NOTES, "notes of trackers", remedy=remedy)
        mine = known.get(self.name, {})
        if not isinstance(mine, dict):
            raise StorageError(f"{self._folder / NOTES}: {self.name} is no object; {remedy}")
        return mine

    def note(self, **values: Any) -> None:
        """Note something in the run folder, to find it when the run goes on."""
        if self._folder is None:
            return
        path = self._folder / NOTES
        known = read_json(path, "notes of trackers") if path.exists() else {}
        write_json(path, {**known, self.name: {**known.get(self.name, {}), **values}})

    def home(self, given: Path | None, name: str = "") -> Path:
        """Return the folder to write to: ``given``, or ``name`` in the run folder.

        Raises:
            SettingsError: there is neither.
        """
        if given is not None:
            return given
        if self._folder is None:
            kind = type(self).__name__
            raise SettingsError(
                f"{kind}: the study has no run folder; name one, Study(..., run='runs/mine'), or "
                f"a folder here: {kind}(folder='...')"
            )
        return self._folder / name


class _SoFar:
    """Knows the best and the number of failures so far."""

    def __init__(self) -> None:
        self._failures = 0
        self._best: dict[str, float] = {}

    def take(self, study: Study, record: Record) -> dict[str, float]:
        """Take note of an evaluation; return what is drawn of it."""
        goals = study.goals
        usable = not goals.missing(record.values)
        self._failures += not usable
        if usable and not goals.broken(record.values):
            for objective in goals.objectives:
                value, known = record.values[objective.metric], self._best.get(objective.metric)
                if known is None or objective.sign * value > objective.sign * known:
                    self._best[objective.metric] = value
        values = {
            **{f"metrics/{name}": value for name, value in record.values.items()},
            **{f"best/{name}": value for name, value in self._best.items()},
            "run/seconds": record.seconds,
            "run/elapsed": record.elapsed,
            "run/failures": float(self._failures),
            ROUND: float(record.round),
            SLOT: float(record.slot),
        }
        return {name: value for name, value in values.items() if math.isfinite(value)}
