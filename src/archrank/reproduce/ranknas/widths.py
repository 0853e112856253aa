"""Feed-forward dimensions: latency and loss by them, measured and read from tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy.stats import t as student

from archrank.errors import EvaluationError
from archrank.hardware.protocol import LatencyProtocol
from archrank.isolation import WAITING
from archrank.reproduce.base import Announce, Found, nobody
from archrank.reproduce.ranknas.extent import Extent
from archrank.reproduce.ranknas.latency import COLUMN
from archrank.reproduce.ranknas.trainings import Trainings, networks_of
from archrank.spaces.base import Space
from archrank.spaces.transformers.hat_averages import NAMES
from archrank.tables.base import BenchTable
from archrank.types import Archs, Floats

SPACE = "hat_small"
STACKS = {"decoder": "dec_ffn", "encoder": "enc_ffn"}
MATCHED = ("enc_embed", "dec_embed", "dec_layers")
PARTS = 5  # equally large ones, of all mean dimensions
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Curve:
    """Means and halves of their 95 % intervals ``(k,)`` by feed-forward dimension ``x: (k,)``."""

    x: Floats
    mean: Floats
    half: Floats

    @classmethod
    def of(cls, x: Floats, values: Sequence[Floats]) -> Curve:
        """Average the ``values`` of every ``x``; a single value has no interval."""
        return cls(
            x, np.array([part.mean() for part in values]), np.array([_half(v) for v in values])
        )

    @property
    def change(self) -> float:
        """Relative change from the smallest dimension to the largest."""
        return float(self.mean[-1] / self.mean[0] - 1)

    @property
    def rises(self) -> bool:
        """True if every mean is above the one before."""
        return bool((np.diff(self.mean) > 0).all())


@dataclass(frozen=True)
class Swept:
    """Architectures of one seed, each with every feed-forward dimension.

    Attributes:
        seed: Draws the architectures, and trains the supernet.
        extent: Length of trainings and measurements.
        n: Number of architectures.
        folder: Folder of the trainings.
        announce: Told of trainings and measurements.
    """

    seed: int
    extent: Extent
    n: int
    folder: Path
    announce: Announce = nobody

    @property
    def archs(self) -> Archs:
        """Return ``(n * widths, d)``: all dimensions of the first, of the second, ..."""
        space = networks_of(SPACE, self.extent).space
        drawn = space.sample(self.n, rng=np.random.default_rng([self.seed, 4]))
        return sweep(space, drawn)


def matched(table: BenchTable, column: str) -> Curve:
    """Compare rows that are alike but for a mean dimension: shares of the mean of their like."""
    values = dict(zip(NAMES, table.space.means(table.archs).T, strict=True))  # type: ignore[attr-defined]
    _, group = np.unique(np.stack([values[name] for name in MATCHED]), axis=1, return_inverse=True)
    ms = table.column(COLUMN)
    group = group.reshape(-1)
    shares = ms / (np.bincount(group, ms) / np.bincount(group))[group]
    edges = np.quantile(values[column], np.arange(1, PARTS) / PARTS)
    part = np.searchsorted(edges, values[column], side="left")
    parts = [part == k for k in range(PARTS) if (part == k).any()]
    x = np.array([values[column][rows].mean() for rows in parts])
    return Curve.of(x, [shares[rows] for rows in parts])


def sweep(space: Space, archs: Archs) -> Archs:
    """Set the dimension of all layers to every option: ``(n, d) -> (n * widths, d)``."""
    columns = _columns(space)
    swept = np.repeat(archs, len(widths(space)), axis=0)
    for k, width in enumerate(widths(space)):
        for j in columns:
            swept[k :: len(widths(space)), j] = space.choices[j].options.index(int(width))
    return space.canonical(swept)


def widths(space: Space) -> Floats:
    """Return the feed-forward dimensions of a space, which all layers have, in order: ``(k,)``."""
    return np.array(sorted(space.choices[_columns(space)[0]].options), dtype=np.float64)


def _columns(space: Space) -> list[int]:
    stems = tuple(f"{column}_" for column in STACKS.values())
    return [j for j, choice in enumerate(space.choices) if choice.name.startswith(stems)]


def time_widths(swept: Swept) -> Found:
    """Measure one architecture with every dimension.

    Returns:
        ``ms`` of each, and its ``shares`` of their mean; ``noisy``, the number of measurements
        whose runs differ too much; ``seconds``.

    Raises:
        EvaluationError: A network cannot be built or run.
    """
    from archrank.evaluators.latency import Latency

    start = perf_counter()
    networks = networks_of(SPACE, swept.extent)
    assert networks.task is not None
    protocol = LatencyProtocol(repeats=swept.extent.repeats)
    waiting = partial(swept.announce, WAITING)
    latency = Latency(networks.task, protocol, waiting=waiting).bind(networks.space)
    found = latency.evaluate(swept.archs)
    for reason in filter(None, found.reasons):
        raise EvaluationError(f"a latency of {SPACE} cannot be measured: {reason}")
    ms = found["latency_ms"]
    return {
        "shares": (ms / ms.mean()).tolist(),
        "ms": ms.tolist(),
        "noisy": int((found["latency_spread"] >= protocol.spread).sum()),
        "seconds": perf_counter() - start,
    }


def score_widths(swept: Swept) -> Found:
    """Return the mean validation loss in a supernet of every dimension."""
    start = perf_counter()
    trainings = Trainings(SPACE, swept.seed, swept.extent, swept.folder, swept.announce)
    losses = trainings.losses(swept.archs, name="feed-forward").reshape(swept.n, -1)
    return {"losses": losses.mean(axis=0).tolist(), "seconds": perf_counter() - start}


def columns(runs: Sequence[Found], key: str) -> list[Floats]:
    """Return the numbers of each dimension, one per run: ``k`` arrays ``(runs,)``."""
    return list(np.array([run[key] for run in runs], dtype=np.float64).T)


def _half(values: Floats) -> float:
    """Return half of the 95 % interval of a mean; NaN of one value."""
    if len(values) < 2:
        return float("nan")
    spread = values.std(ddof=1) / np.sqrt(len(values))
    return float(student.ppf((1 + LEVEL) / 2, len(values) - 1) * spread)
