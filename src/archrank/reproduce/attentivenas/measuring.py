"""Sub-networks of a trained supernet: random ones by regime of FLOPs, and the front of a search."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from archrank.reproduce.attentivenas.extent import Extent
from archrank.reproduce.attentivenas.trainings import BATCH, Supernets
from archrank.reproduce.base import Announce, Found, nobody
from archrank.rows import distinct
from archrank.spaces.mobile.attentivenas import AttentiveNAS
from archrank.spaces.networks import Networks
from archrank.strategies.bucket_evolution import BucketEvolution
from archrank.supernets.base import Supernet
from archrank.supernets.scoring import one_shot_scores
from archrank.types import Archs, Floats

REGIMES = (200.0, 300.0, 400.0, 500.0, 600.0)  # MFLOPs of the published space
BUCKETS = 173.6  # of 10 MFLOPs in the published space
CALIBRATION = 2  # batches of training images that calibrate batch norms
RARE = 1e-4  # share of the space below which a bin of FLOPs is no regime


@dataclass(frozen=True)
class Sampled:
    """One supernet: a sampling, on the images and with the seed of a repetition."""

    sampling: str
    repetition: int
    extent: Extent
    folder: Path
    announce: Announce = nobody

    @property
    def supernets(self) -> Supernets:
        """Supernets of the repetition; Fig. 4 has another one between two of them."""
        return Supernets(self.extent, 2 * self.repetition, self.folder, self.announce)


def prepare(sampled: Sampled) -> Found:
    """Train with uniform sampling, and score the labels of the accuracy ranker, which all share."""
    start = time.perf_counter()
    supernets = sampled.supernets
    supernets.scores(supernets.sampled(), early=True)
    return {"seconds": time.perf_counter() - start}


def measure(sampled: Sampled) -> Found:
    """Train, then measure regimes and front, on test images with calibrated batch norms.

    Returns:
        ``regimes``: accuracies of random sub-networks, a list per regime; ``best``: accuracy of the
        best that a search finds, per regime; ``front``: pairs of MFLOPs and accuracy;
        ``hypervolume`` of the front; ``epochs``; ``seconds``.
    """
    supernets = sampled.supernets
    about = {"epochs": supernets.epochs(sampled.sampling), "regimes": REGIMES}
    return supernets.kept(sampled.sampling, "figures", about, partial(_measure, sampled))


def _measure(sampled: Sampled) -> Found:
    start = time.perf_counter()
    supernets = sampled.supernets
    supernet, networks = supernets.trained(sampled.sampling), supernets.networks
    rng = np.random.default_rng([supernets.split, 2])
    drawn = [
        in_regime(networks, centre, sampled.extent.per_regime, rng) for centre in centres(networks)
    ]
    with supernets.announced(f"measuring regimes of {sampled.sampling}"):
        accuracies = _accuracies(sampled, supernet, np.concatenate(drawn), "test")
    ends = np.cumsum([len(archs) for archs in drawn])[:-1]
    with supernets.announced(f"searching for the front of {sampled.sampling}"):
        front = _search(sampled, supernet, networks)
    return {
        "regimes": [part.tolist() for part in np.split(accuracies, ends)],
        **front,
        "epochs": supernets.epochs(sampled.sampling),
        "seconds": time.perf_counter() - start,
    }


def centres(networks: Networks) -> Floats:
    """Return the MFLOPs of the regimes, in proportion to the published ones: ``(k,)``."""
    low, high = extremes(networks)
    first, last = extremes(AttentiveNAS().networks())
    wanted = low + (np.array(REGIMES) - first) / (last - first) * (high - low)
    prior = networks.flops_prior
    known = prior.targets[prior.shares >= RARE]
    nearest: Floats = known[np.abs(known[:, None] - wanted).argmin(axis=0)]
    return nearest


def extremes(networks: Networks) -> tuple[float, float]:
    """Return the MFLOPs of the smallest and the largest network."""
    low, high = networks.cost(np.stack([networks.smallest, networks.largest]))["macs"] / 1e6
    return float(low), float(high)


def in_regime(networks: Networks, centre: float, n: int, rng: np.random.Generator) -> Archs:
    """Draw up to ``n`` different architectures in the prior's bin around ``centre``: ``(n, d)``."""
    half = networks.flops_prior.bin_mflops / 2
    band = (centre - half, centre + half)
    return distinct(networks.flops_prior.sample_band(4 * n, band, rng=rng))[:n]


def _search(sampled: Sampled, supernet: Supernet, networks: Networks) -> Found:
    """Search the supernet for its front by the published evolution, shortened."""
    extent = sampled.extent
    low, high = extremes(networks)
    evolution = BucketEvolution(
        width=(high - low) / BUCKETS,
        initial=extent.initial,
        generations=extent.generations,
        mutants=extent.children // 2,
        mixtures=extent.children // 2,
    )
    seen = evolution.run(
        networks.space,
        lambda archs: _accuracies(sampled, supernet, archs, "valid"),
        lambda archs: networks.cost(archs)["macs"] / 1e6,
        start=networks.smallest[None],
        seed=sampled.supernets.split,
    )
    front = seen.front()
    half = networks.flops_prior.bin_mflops / 2
    best = [int(seen.best(1, centre + half)[0]) for centre in centres(networks)]
    accuracies = _accuracies(sampled, supernet, seen.archs[np.append(front, best)], "test")
    on_front, of_regimes = np.split(accuracies, [len(front)])
    mflops = seen.costs[front]
    return {
        "best": of_regimes.tolist(),
        "front": np.stack([mflops, on_front], axis=1).tolist(),
        "hypervolume": hypervolume((mflops - low) / (high - low), on_front),
    }


def hypervolume(costs: Floats, accuracies: Floats) -> float:
    """Return the part of all costs and accuracies that architectures dominate.

    Args:
        costs: ``(n,)``, from 0 for the smallest network to 1 for the largest.
        accuracies: ``(n,)``, from 0 to 1.

    Example:
        >>> hypervolume(np.array([0.0, 0.5]), np.array([0.5, 1.0]))
        0.75
    """
    import moocore

    return float(moocore.hypervolume(np.stack([costs, 1 - accuracies], axis=1), ref=[1.0, 1.0]))


def _accuracies(sampled: Sampled, supernet: Supernet, archs: Archs, part: str) -> Floats:
    found = one_shot_scores(
        supernet,
        sampled.extent.task(sampled.supernets.split),
        archs,
        split="test" if part == "test" else "valid",
        statistics="recalibrated",
        calibration=CALIBRATION,
        batch_size=BATCH,
    )
    return found["accuracy"]
