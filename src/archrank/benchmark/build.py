"""Build a benchmark table: studies that evaluate a whole space, written out as one file.

One study trains everything with the first seed, the next with the second, and so on; further ones
compute zero-cost proxies, score with supernets and measure latency. Each is an ordinary study with
the exhaustive strategy in a database of its own, so a build that is killed loses what its workers
were at, and the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.dataclasses import dataclass

from archrank.checks import MOST_SEEDS, quoted, whole
from archrank.environment import commit, environment
from archrank.errors import BudgetError, SettingsError, SpaceError
from archrank.evaluators import Latency, OneShot, Training, ZeroCost
from archrank.files import read_json, write_json
from archrank.locking import locked
from archrank.proxies import DEFAULT
from archrank.runs.named import make_space, make_task
from archrank.strategies import Exhaustive
from archrank.study.callbacks import Watcher
from archrank.study.study import Study
from archrank.supernets.checkpoints import checkpoints
from archrank.supernets.recipes import start_training
from archrank.supernets.running import train_supernet
from archrank.torch_state import torch_threads

if TYPE_CHECKING:
    from archrank.evaluators.base import Evaluator
    from archrank.tasks.base import Task

PROVENANCE = "provenance.json"
PROXIES, ONE_SHOT, LATENCY = "proxies", "oneshot", "latency"
SCORED = 512  # examples that one-shot scores are measured on
PROXY_BATCH = 32  # images; below the 64 pixels of the built-in tasks, which bound jacob_cov's rank


@dataclass(frozen=True)
class BenchmarkSettings:
    """Settings of a benchmark table: space, task, and everything that is measured."""

    task: str = "digits"
    """Task to train networks on: a name, or your own as file.py:name or package.module:name."""
    space: str = "nasbench201"
    """Search space; one architecture of each isomorphism class is evaluated."""
    seeds: int = 2
    """Training runs per architecture."""
    archs: int | None = None
    """Number of architectures, drawn at random; all if left out."""
    checkpoints: tuple[int, ...] = ()
    """Epochs after which to measure, in addition to the last."""
    proxies: tuple[str, ...] = DEFAULT
    """Zero-cost proxies to compute."""
    supernets: int = 3
    """Supernets, by the space's usual recipe, whose mean one-shot scores are added; 0 for none."""
    latency: bool = True
    """Measure the latency of every network on this machine's processor."""
    device: str = "cpu"
    """Device to train networks on."""
    data: Path | None = None
    """Folder of data sets; the environment variable ARCHRANK_DATA if left out."""


BUILTIN = {
    "digits201": BenchmarkSettings("digits", checkpoints=(3, 6)),
    "glyphs201": BenchmarkSettings("glyphs", checkpoints=(2, 4), archs=2000),
    "characters201": BenchmarkSettings("characters", checkpoints=(2, 4), archs=2000),
}
"""Settings of the tables that ship with the package; data cards say what each holds so far."""


class Benchmark:
    """Builds a benchmark in a folder.

    Args:
        folder: holds one database per study; created if need be.
        settings: what to measure. A folder takes more seeds or architectures later, but no other
            task, space, checkpoints or proxies.

    Attributes:
        archs: number of architectures that are evaluated.
        stages: names of the studies, in order.

    Raises:
        BudgetError: fewer than one seed or architecture, or more than the space has; or a negative
            number of supernets.
        EvaluationError: checkpoints that are no epochs of the recipe, or a missing device.
        SpaceError: a space too large to be listed.
        UnknownNameError: no such space, task or proxy.
    """

    def __init__(self, folder: Path, settings: BenchmarkSettings) -> None:
        self.folder = folder
        self.settings = settings
        self.task: Task = make_task(settings.task, settings.data)
        self.space = make_space(settings.space)
        self.networks = self.space.networks(self.task)
        self.strategy = Exhaustive()
        listed = len(self.strategy.listed(self.space))
        wanted = settings.archs if settings.archs is not None else listed
        if settings.seeds < 1:
            raise BudgetError(f"seeds {quoted(settings.seeds)}: at least 1 training run is needed")
        whole(settings.seeds, "seeds", at_most=MOST_SEEDS, error=BudgetError)
        if not 1 <= wanted <= listed:
            raise BudgetError(
                f"archs {quoted(wanted)}: {self.space.name} has {listed:,} architectures that "
                f"differ; give a number from 1 to {listed}"
            )
        self.archs = wanted
        training = Training(self.task, device=settings.device, checkpoints=settings.checkpoints)
        training.bind(self.space)  # refuses a device that is not there before anything is written
        whole(settings.supernets, "supernets", at_least=0, error=BudgetError)
        self.stages = [f"seed{s}" for s in range(settings.seeds)]
        self._made: dict[str, Evaluator] = dict.fromkeys(self.stages, training)
        if settings.proxies:
            self._made[PROXIES] = ZeroCost(self.task, settings.proxies, batch_size=PROXY_BATCH)
            self.stages.append(PROXIES)
        if settings.supernets and self._shares_weights():
            self.stages.append(ONE_SHOT)
        if settings.latency:
            self._made[LATENCY] = Latency(self.task)
            self.stages.append(LATENCY)

    def evaluator(self, stage: str) -> Evaluator:
        """Return what evaluates the architectures of a stage.

        Raises:
            StorageError: one-shot scores need supernets that have not been trained.
        """
        if stage == ONE_SHOT:
            return OneShot(self.task, self._supernets(), examples=SCORED)
        return self._made[stage]

    def _shares_weights(self) -> bool:
        """Tell whether the space has a supernet."""
        try:
            self.networks.supernet()
        except SpaceError:
            return False
        return True

    def _supernets(self) -> list[Path]:
        return [self.folder / f"supernet{seed}" for seed in range(self.settings.supernets)]

    def _train_supernets(self, begin: Callable[[], object]) -> None:
        """Train what is left of the supernets; ``begin`` is called before, if anything is."""
        for seed, folder in enumerate(self._supernets()):
            training = start_training(self.networks, seed=seed)
            if max(checkpoints(folder), default=0) < training.epochs:
                begin()
            with torch_threads(1):
                train_supernet(training, folder)

    def study(self, stage: str, executor: Executor | None = None) -> Study:
        """Return the study of one stage; its database is opened on first use."""
        seed = int(stage.removeprefix("seed")) if stage.startswith("seed") else 0
        evaluator = self.evaluator(stage)
        return Study(
            self.space,
            evaluator,
            self.strategy,
            objectives=(evaluator.metrics[0].name,),
            storage=self.folder / f"{stage}.db",
            executor=None if stage == LATENCY else executor,  # timed alone
            seed=seed,
            accept_changes=True,  # the provenance notes where every part was computed
        )

    def run(
        self,
        *,
        executor: Executor | None = None,
        watcher: Callable[[str], Watcher | None] = lambda stage: None,
    ) -> None:
        """Finish every stage; does nothing if all are done.

        Args:
            executor: runs trainings; latencies are measured in this process.
            watcher: returns the display of a stage; called once, where a stage has work left.

        Raises:
            ResumeError: the folder holds a build with other settings.
            StorageError: the folder cannot be used, or another process uses it.
        """
        with locked(self.folder, "build folder", "--run"):
            for stage in self.stages:
                shown = cache(partial(watcher, stage))
                if stage == ONE_SHOT:
                    self._train_supernets(shown)
                study = self.study(stage, executor)
                if len(study.records) < self.archs:
                    self._sign(stage, len(study.records))
                    study.run(self.archs, watcher=shown())

    @property
    def provenance(self) -> dict[str, Any]:
        """Versions, machine and commit of every stage that has begun.

        A stage that went on elsewhere has a second entry, ``"seed0 from 2001"``.
        """
        found = self._signed()
        return {name: where for name, where in found.items() if name.split()[0] in self.stages}

    def _signed(self) -> dict[str, Any]:
        """Read the notes of :meth:`_sign`, including those of stages not asked for now."""
        path = self.folder / PROVENANCE
        return read_json(path, "the provenance of a table") if path.exists() else {}

    def _sign(self, stage: str, done: int) -> None:
        """Note the versions and the machine that a stage is computed with from now on.

        Args:
            stage: name of the stage.
            done: number of its evaluations that are stored already.
        """
        known = self._signed()
        mine = [name for name in known if name.split()[0] == stage]
        if done == 0:  # its database is new, whatever was here before
            known = {name: where for name, where in known.items() if name not in mine}
            mine = []
        here = {**environment(), "commit": commit() or "unknown"}
        if mine and known[mine[-1]] == here:
            return
        known[f"{stage} from {done + 1}" if mine else stage] = here
        write_json(self.folder / PROVENANCE, known)


def named(name: str, **changes: Any) -> BenchmarkSettings:
    """Return the settings of a built-in table, or those of a new one, with ``changes``.

    Raises:
        SettingsError: a new table without a task.
    """
    changes = {key: value for key, value in changes.items() if value is not None}
    if name not in BUILTIN and "task" not in changes:
        raise SettingsError(
            f"table {name!r} is none of {', '.join(BUILTIN)}; to build one of your own, give its "
            "task (--task digits, --task package.module:name)"
        )
    return replace(BUILTIN.get(name, BenchmarkSettings()), **changes)
