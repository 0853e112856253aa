"""Supernets of AttentiveNAS's small space under each sampling, kept with what is measured on them.

Every sampling has the same compute. With mini-batch losses an update costs more; a ranker costs the
early training that it learns from, and its labels. So these samplings have fewer epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from archrank.rankers.trees.attentivenas import AttentiveNASForest
from archrank.reproduce.attentivenas.extent import Extent
from archrank.reproduce.base import Announce, Found, announced, nobody
from archrank.reproduce.workplace import kept
from archrank.rows import distinct
from archrank.spaces.mobile.attentive_small import AttentiveSmall
from archrank.spaces.networks import Networks
from archrank.supernets.base import Supernet
from archrank.supernets.checkpoints import checkpoint, load_supernet
from archrank.supernets.recipes import ATTENTIVE_SMALL, start_training
from archrank.supernets.running import train_supernet
from archrank.supernets.samplers.base import Sampler
from archrank.supernets.samplers.named import SAMPLERS
from archrank.supernets.scoring import one_shot_scores
from archrank.types import Archs, Floats

UNIFORM = "uniform"
SAMPLINGS = {  # the paper's name of each
    UNIFORM: "Uniform",
    "bestup-3-loss": "BestUp-3 (loss)",
    "worstup-3-loss": "WorstUp-3 (loss)",
    "bestup-50-ranker": "BestUp-50 (acc)",
    "worstup-50-ranker": "WorstUp-50 (acc)",
    "bestup-1m": "BestUp-1M (acc)",
    "worstup-1m": "WorstUp-1M (acc)",
}
COST_OF_LOSSES = 1.27  # CPU time of an update over that with uniform sampling, benchmarks/README.md
COST_OF_RANKER = 1.02
SCORED = 0.87  # sub-networks that are scored as labels in the CPU time of a uniform update
BATCH = 256  # images that are normalised together, and that calibrate batch norms


@lru_cache(maxsize=16)
def networks_of(extent: Extent, split: int) -> Networks:
    """Return the networks of a task's images; their prior of FLOPs is made once per process."""
    return AttentiveSmall().networks(extent.task(split))


@dataclass(frozen=True)
class Supernets:
    """Supernets on the images of one split, with one seed.

    Attributes:
        extent: Length of trainings, and numbers of images.
        split: Seed of the images, of the trainings and of all draws.
        folder: Folder of checkpoints and of measured numbers.
        announce: Told of trainings and measurements.
    """

    extent: Extent
    split: int
    folder: Path
    announce: Announce = nobody

    @property
    def networks(self) -> Networks:
        """Networks of the small space for the split's task."""
        return networks_of(self.extent, self.split)

    def epochs(self, sampling: str) -> int:
        """Return the epochs that a sampling has with the compute of uniform sampling."""
        extent = self.extent
        if sampling == UNIFORM:
            return extent.epochs
        if sampling.endswith("-loss"):
            return max(1, round(extent.epochs / COST_OF_LOSSES))
        updates = extent.images // int(ATTENTIVE_SMALL.changes["batch_size"])
        labels = extent.archs // 2 / SCORED / updates  # in epochs
        return max(1, round((extent.epochs - extent.early - labels) / COST_OF_RANKER))

    def trained(self, sampling: str = UNIFORM, *, early: bool = False) -> Supernet:
        """Return a trained supernet, or its early checkpoint; train it where that is not done.

        Raises:
            ResumeError: The folder holds another training.
            EvaluationError: The training diverged twice.
        """
        home, epochs = self._home(sampling), self.epochs(sampling)
        keep = [self.extent.early] if sampling == UNIFORM else []
        if not checkpoint(home, epochs).exists():
            training = start_training(
                self.networks,
                self.networks.space.supernet_recipe,
                sampler=self._sampler(sampling),
                seed=self.split,
                epochs=epochs,
            )
            with self.announced(f"training with {sampling}, {epochs} epochs"):
                train_supernet(training, home, keep=keep)
        return load_supernet(checkpoint(home, keep[0] if early else epochs), self.networks)

    def scores(
        self,
        archs: Archs,
        sampling: str = UNIFORM,
        *,
        early: bool = False,
        part: Literal["valid", "test"] = "valid",
    ) -> Floats:
        """Return accuracies ``(n,)`` with calibrated batch norms; measured once."""

        def measure() -> Found:
            supernet = self.trained(sampling, early=early)
            with self.announced(f"scoring {len(archs):,} sub-networks of {sampling}"):
                found = one_shot_scores(
                    supernet,
                    self.extent.task(self.split),
                    archs,
                    split=part,
                    statistics="recalibrated",
                    examples=self.extent.examples,
                    calibration=1,
                    batch_size=BATCH,
                )
            return {"accuracy": found["accuracy"].tolist()}

        name = f"{'early' if early else 'final'}-{part}-{len(archs)}"
        about = {"archs": self.networks.space.format(archs)}
        return np.array(self.kept(sampling, name, about, measure)["accuracy"])

    def kept(
        self, sampling: str, name: str, about: dict[str, Any], measure: Callable[[], Found]
    ) -> Found:
        """Return numbers of a supernet that were stored, or measure and store them.

        Args:
            sampling: The sampling that it was trained with.
            name: File name of the numbers.
            about: Further settings that they depend on, as JSON values.
            measure: Measures them.
        """
        path = self._home(sampling) / f"{name}.json"
        return kept(path, {"extent": asdict(self.extent), **about}, measure)

    def sampled(self) -> Archs:
        """Return the random sub-networks of the accuracy ranker: ``(n, d)``, all different."""
        rng = np.random.default_rng([self.split, 1])
        drawn = self.networks.space.sample(2 * self.extent.archs, rng=rng)
        return distinct(drawn)[: self.extent.archs]

    def ranker(self) -> AttentiveNASForest:
        """Return the forest as published: fitted to half of the sub-networks' early accuracies."""
        archs = self.sampled()
        half = len(archs) // 2
        scores = self.scores(archs, early=True)
        return AttentiveNASForest(self.networks.space).fit(archs[:half], scores[:half])

    def announced(self, doing: str) -> AbstractContextManager[None]:
        """Tell that something long begins, and ends, on the images of this split."""
        return announced(self.announce, f"images {self.split}, {doing}")

    def _home(self, sampling: str) -> Path:
        return self.folder / f"{sampling}-{self.split}"

    def _sampler(self, sampling: str) -> Sampler:
        """Return the sampler with as many architectures as the recipe; a ranker guides some."""
        options: dict[str, Any] = {"m": ATTENTIVE_SMALL.sampler.m}  # type: ignore[attr-defined]
        if sampling.endswith(("-ranker", "-1m")):
            options["ranker"] = self.ranker()
        if sampling.endswith("-1m"):
            options["n"] = self.extent.offline
        made: Sampler = SAMPLERS.get(sampling)(**options)
        return made
