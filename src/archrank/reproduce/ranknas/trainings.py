"""Transformer supernets, their losses, and trainings from scratch, kept with their CPU time.

A training from scratch depends on the architecture and on its own seed, so supernets of several
seeds are judged by the same ones. Everything is kept as soon as it is done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.identity import identity_of
from archrank.journal import Journal
from archrank.reproduce.base import Announce, Found, announced, nobody
from archrank.reproduce.ranknas.extent import Extent
from archrank.reproduce.workplace import kept
from archrank.rows import distinct, is_new
from archrank.spaces import SPACES
from archrank.spaces.networks import Networks
from archrank.supernets.base import Supernet
from archrank.supernets.checkpoints import checkpoint, load_supernet
from archrank.supernets.recipes import RECIPES, start_training
from archrank.supernets.running import Progress, train_supernet
from archrank.supernets.scoring import one_shot_scores
from archrank.tasks.text.decoding import translations
from archrank.tasks.text.translation import Translation
from archrank.training.loop import initialise, train
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.tasks.base import Task

POOL = 4_000  # random architectures whose parameter counts tell quantiles


@lru_cache(maxsize=8)
def networks_of(space: str, extent: Extent) -> Networks:
    """Return the networks of a space, by name, for its task; made once per process."""
    made: Networks = SPACES.get(space)().networks(extent.task(space))
    return made


@dataclass(frozen=True)
class Trainings:
    """Supernet of one space with one seed, and trainings from scratch of its architectures.

    One process at a time may use those of one space and seed; trainings from scratch may be made by
    several.

    Attributes:
        space: Name of the space, one of :data:`~archrank.reproduce.ranknas.extent.TASKS`.
        seed: Seed of the supernet's weights, draws and batches.
        extent: Length of trainings, and amount of data.
        folder: Folder of checkpoints and of measured numbers.
        announce: Told of trainings and measurements.
    """

    space: str
    seed: int
    extent: Extent
    folder: Path
    announce: Announce = nobody

    @property
    def networks(self) -> Networks:
        """Networks of the space for its task."""
        return networks_of(self.space, self.extent)

    @property
    def task(self) -> Task:
        """Task of the networks, with its own recipe."""
        task = self.networks.task
        assert task is not None
        return task

    # ---- supernet --------------------------------------------------------------------------------

    def supernet(self, *, early: bool = False) -> Supernet:
        """Return the trained supernet, or its early checkpoint; train it where that is not done.

        Raises:
            EvaluationError: The training diverged twice.
            ResumeError: The folder holds another training.
        """
        epoch = self.extent.early if early else int(self.trained()["epochs"])
        return load_supernet(checkpoint(self._home, epoch), self.networks)

    def trained(self) -> Found:
        """Train the supernet where that is not done.

        Returns:
            ``epochs`` of the training; ``cpu_seconds`` of all of them, and ``early_cpu_seconds``
            until the early checkpoint.
        """
        about = self._about_supernet() | {"early": self.extent.early}
        return kept(self._home / "trained.json", about, self._train)

    def _train(self) -> Found:
        changes = self.extent.changes(self.extent.epochs)
        training = start_training(self.networks, seed=self.seed, **changes)
        costs = Journal(self._home / "cpu_seconds.jsonl")
        last = time.process_time()

        def watch(progress: Progress) -> None:
            nonlocal last
            now = time.process_time()
            costs.append({"epoch": progress.epoch, "cpu_seconds": now - last})
            last = now

        with self.announced(f"training of supernet {self.seed}, {training.epochs} epochs"):
            train_supernet(training, self._home, keep=[self.extent.early], every=1, watch=watch)
        # an epoch that was begun again after a stop counts once
        spent = {entry["epoch"]: entry["cpu_seconds"] for _, entry in costs.read()}
        early = [s for epoch, s in spent.items() if epoch <= self.extent.early]
        return {
            "epochs": training.epoch,
            "cpu_seconds": sum(spent.values()),
            "early_cpu_seconds": sum(early),
        }

    def losses(self, archs: Archs, name: str = "losses", *, early: bool = False) -> Floats:
        """Return one-shot validation losses of ``archs: (n, d)``, ``(n,)``; see :meth:`scored`."""
        return np.array(self.scored(archs, name, early=early)["loss"], dtype=np.float64)

    def scored(self, archs: Archs, name: str = "losses", *, early: bool = False) -> Found:
        """Measure architectures with the supernet's weights, once.

        Args:
            archs: ``(n, d)``.
            name: Name of these architectures, for the file and for announcements.
            early: Take the early checkpoint.

        Returns:
            ``loss`` of each on validation data, NaN where it is not finite; ``cpu_seconds`` in all.
        """

        def measure() -> Found:
            supernet = self.supernet(early=early)
            with self.announced(f"supernet {self.seed}, scoring {len(archs):,} sub-networks"):
                start = time.process_time()
                found = one_shot_scores(supernet, self.task, archs, examples=self.extent.examples)
                seconds = time.process_time() - start
            return _as_json({"loss": found["loss"].tolist(), "cpu_seconds": seconds})

        texts = self.networks.space.format(archs)
        about = self._about_supernet() | {
            "archs": _digest(*texts),
            "examples": self.extent.examples,
            "epoch": self.extent.early if early else None,
        }
        file = f"{name}-{'early-' if early else ''}{about['archs']}.json"
        return _from_json(kept(self._home / file, about, measure))

    # ---- trainings from scratch ------------------------------------------------------------------

    def alone(
        self, archs: Archs, *, seed: int = 0, doing: str = "training from scratch"
    ) -> list[Found]:
        """Train networks of ``archs: (n, d)`` from scratch with the task's recipe, each once.

        Args:
            archs: Architectures; equivalent ones share a training.
            seed: Seed of initial weights, order of examples and dropout.
            doing: Announcement of the trainings, which is followed by their number.

        Returns:
            For each architecture the ``valid_`` and ``test_`` loss and metrics of the task, NaN
            where the training diverged; ``test_bleu`` where the task translates; ``cpu_seconds`` of
            the training.
        """
        space = self.networks.space
        found = []
        for number, arch in enumerate(space.canonical(archs), 1):
            text = space.format(arch[None])[0]
            about = {
                "task": self.task.identity(),
                "changes": self.extent.changes(self.extent.alone),
                "arch": text,
                "seed": seed,
                "sentences": self.extent.sentences,
            }
            path = self.folder / self.space / "alone" / f"{_digest(text)}-{seed}.json"
            which = f", {number} of {len(archs)}" if len(archs) > 1 else ""
            measure = partial(self._alone, arch, seed, doing + which)
            found.append(_from_json(kept(path, about, measure)))
        return found

    def _alone(self, arch: NDArray[np.uint8], seed: int, doing: str) -> Found:
        recipe = replace(self.task.recipe, **self.extent.changes(self.extent.alone))
        task = replace(self.task, recipe=recipe)
        with self.announced(doing):
            start = time.process_time()
            network = initialise(lambda: self.networks.build(arch), seed)
            result = train(network, task, seed=seed)
            seconds = time.process_time() - start
            found: Found = {**result.metrics, "cpu_seconds": seconds}
            if isinstance(task, Translation):
                bleu = math.nan
                if result.diverged is None:
                    written = translations(network, task, sentences=self.extent.sentences)
                    bleu = written.bleu(**task.bleu_settings)
                found["test_bleu"] = bleu
        return _as_json(found)

    # ---- files -----------------------------------------------------------------------------------

    @contextmanager
    def announced(self, doing: str) -> Iterator[None]:
        """Tell that something long begins, and ends, in this space."""
        with announced(self.announce, f"{self.space}, {doing}"):
            yield

    @property
    def _home(self) -> Path:
        """Folder of the supernet; its name tells the length of the training where it is chosen."""
        changes = self.extent.changes(self.extent.epochs)
        length = "".join(f"-{value}-{name}" for name, value in changes.items())
        return self.folder / self.space / f"supernet-{self.seed}{length}"

    def _about_supernet(self) -> dict[str, Any]:
        """Return settings that the supernet, and all that is measured of it, depends on."""
        recipe = RECIPES.get(self.networks.space.supernet_recipe)
        changes = self.extent.changes(self.extent.epochs)
        return {
            "task": self.task.identity(),
            "recipe": identity_of(recipe.optimisation(self.task.recipe, **changes)),
            "options": dict(recipe.options),
            "sampler": recipe.sampler.describe(),
        }


def drawn(
    networks: Networks,
    n: int,
    *,
    rng: np.random.Generator,
    band: tuple[float, float] = (0.0, 1.0),
    but: Archs | None = None,
) -> Archs:
    """Draw different architectures: ``(<= n, d)`` canonical rows.

    Args:
        networks: Networks of the space.
        n: Number of architectures.
        rng: Source of randomness.
        band: Quantiles of the parameter counts of random architectures between which theirs lie.
        but: ``(k, d)`` canonical rows that are left out.
    """
    pool = distinct(networks.space.canonical(networks.space.sample(max(POOL, 2 * n), rng=rng)))
    params = networks.cost(pool)["params"]
    low, high = np.quantile(params, band)
    inside = pool[(params >= low) & (params <= high)]
    if but is not None:
        inside = inside[is_new(inside, but)]
    first: Archs = inside[:n]
    return first


def _digest(*texts: str) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()[:12]


def _as_json(found: Found) -> Found:
    """Write numbers that are not finite as null, which JSON has."""

    def written(value: Any) -> Any:
        if isinstance(value, list):
            return [written(v) for v in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {name: written(value) for name, value in found.items()}


def _from_json(found: Found) -> Found:
    """Read null as NaN."""

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read(v) for v in value]
        return math.nan if value is None else value

    return {name: read(value) for name, value in found.items()}
