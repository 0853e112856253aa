"""What a cell computes, as numbers: live edges, path counts and structural statistics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from archrank.types import Archs, Bools


def live_edges(archs: Archs, nodes: int, none: int | None) -> Bools:
    """Edges that lie on an input -> output path without ``none``: ``(n, d)``."""
    present = np.ones(archs.shape, dtype=bool) if none is None else archs != none
    edges = [(j, i) for i in range(1, nodes) for j in range(i)]
    reached = np.zeros((len(archs), nodes), dtype=bool)
    reaches = np.zeros((len(archs), nodes), dtype=bool)
    reached[:, 0] = True
    reaches[:, -1] = True
    for e, (j, i) in enumerate(edges):  # by rising target: sources are settled
        reached[:, i] |= reached[:, j] & present[:, e]
    for e, (j, i) in reversed(list(enumerate(edges))):
        reaches[:, j] |= reaches[:, i] & present[:, e]
    source = [j for j, _ in edges]
    target = [i for _, i in edges]
    return present & reached[:, source] & reaches[:, target]


def paths(nodes: int) -> Iterator[tuple[int, ...]]:
    """Every input -> output path of the complete DAG, as the decisions of its edges."""
    position = {(j, i): i * (i - 1) // 2 + j for i in range(1, nodes) for j in range(i)}
    inner = range(1, nodes - 1)
    for chosen in range(2 ** len(inner)):
        stops = [0, *(node for bit, node in enumerate(inner) if chosen >> bit & 1), nodes - 1]
        yield tuple(position[j, i] for j, i in zip(stops, stops[1:], strict=False))


def structural_feature_names(
    ops: tuple[str, ...], nodes: int, none: int | None, skip: int | None
) -> tuple[str, ...]:
    """Names of the columns of :func:`structural_features`."""
    edges = [f"{j}->{i}" for i in range(1, nodes) for j in range(i)]
    return tuple(f"edge:{e}={op}" for e in edges for op in ops)


def structural_features(
    archs: Archs, ops: tuple[str, ...], nodes: int, none: int | None, skip: int | None
) -> NDArray[np.float32]:
    """One-hot of live edges, then path counts, then statistics: ``(n, f)``."""
    live = live_edges(archs, nodes, none)
    one_hot = (archs[:, :, None] == np.arange(len(ops))) & live[:, :, None]
    features: NDArray[np.float32] = one_hot.reshape(len(archs), -1).astype(np.float32)
    return features
