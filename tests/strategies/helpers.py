"""Helpers of several tests of strategies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from archrank.hardware.look_up import PIXEL1_FILE, PIXEL1_FIRST
from archrank.rankers.base import Ranker
from archrank.spaces import CustomSpace, NASBench201, ProxylessNAS, Space
from archrank.strategies import History
from archrank.strategies.region import Region
from archrank.types import Archs, Bools, Floats


def build(config: object, task: object) -> None:
    return None


def tiny() -> CustomSpace:
    """24 architectures."""
    return CustomSpace({"depth": [1, 2, 3, 4], "width": [8, 16, 32], "act": ["a", "b"]}, build)


def huge() -> CustomSpace:
    """10 ** 30 architectures."""
    return CustomSpace({f"c{i}": list(range(10)) for i in range(30)}, build, "huge")


def history(
    space: Space,
    archs: Archs,
    objectives: Any,
    violation: Any = None,
    allowed: Callable[[Archs], Bools] | None = None,
) -> History:
    columns = np.asarray(objectives, dtype=np.float64)
    columns = columns[:, None] if columns.ndim == 1 else columns
    broken = np.zeros(len(archs)) if violation is None else np.asarray(violation, dtype=float)
    region = Region() if allowed is None else Region.of(allowed)
    return History(space, archs, columns, broken, region)


def some(space: Space, n: int, seed: int = 0) -> Archs:
    """Different rows of a space."""
    drawn = space.sample(4 * n + 16, rng=np.random.default_rng(seed))
    _, first = np.unique(drawn, axis=0, return_index=True)
    return drawn[np.sort(first)][:n]


def rows(archs: Archs) -> set[bytes]:
    return {row.tobytes() for row in archs}


def isomorphic(space: NASBench201, k: int) -> Archs:
    """``k`` or more rows of one class, which is not so large that any sample has it."""
    every = space.enumerate()
    classes = space.classes(every)
    numbers, sizes = np.unique(classes, return_counts=True)
    return every[classes == numbers[np.flatnonzero(sizes >= k)[-1]]]


def write_weights(folder: Path) -> Path:
    """Write latency weights of the published form, but random; return the folder."""
    rng = np.random.default_rng(0)
    lines = ["name,op,latency_delta_ms", f"{PIXEL1_FIRST[0]},{PIXEL1_FIRST[1]},0.5"]
    for choice in ProxylessNAS().choices:
        lines += [f"{choice.name},{op},{rng.normal(0, 3):.4f}" for op in choice.options]
    (folder / PIXEL1_FILE).write_text("\n".join(lines))
    return folder


class Weights(Ranker):
    """Ridge regression on choice indices: quick, and learns what the tests give it."""

    has_std = True

    def __init__(self, space: Space, seed: int = 0, doubt: float = 0.0) -> None:
        self.space = space
        self.seed = seed
        self.doubt = doubt

    def _fit(self, archs: Archs, scores: Floats) -> None:
        x = archs.astype(float) - archs.mean(axis=0)
        gram = x.T @ x + 1e-3 * np.eye(x.shape[1])
        self.mean_ = archs.mean(axis=0)
        self.weights_ = np.linalg.solve(gram, x.T @ (scores - scores.mean()))

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        mean = (archs - self.mean_) @ self.weights_
        return mean, self.doubt * archs[:, 0].astype(float) if return_std else None
