"""The published hash of NAS-Bench-101 cells.

Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", ICML 2019, section
2.1 and its released code: every vertex starts with the md5 of (out-degree, in-degree, label) and
takes up its neighbours' hashes as often as there are vertices; the cell's hash is the md5 of the
sorted list. Tables of the benchmark name cells by it.
"""

from __future__ import annotations

import hashlib

import numpy as np

from archrank.spaces.nasbench101.cells import (
    EDGES,
    VERTICES,
    adjacency,
    live_vertices,
    mask_table,
    to_masks,
)
from archrank.types import Archs

INPUT, OUTPUT = -1, -2  # labels; operations are 0 conv3x3, 1 conv1x1, 2 maxpool3x3


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def cell_hash(matrix: list[list[bool]], labels: list[int]) -> str:
    """Hash one pruned cell.

    Args:
        matrix: ``v`` x ``v`` upper triangular adjacency, row = source.
        labels: of the ``v`` vertices.
    """
    v = range(len(labels))
    before = [[w for w in v if matrix[w][u]] for u in v]
    after = [[w for w in v if matrix[u][w]] for u in v]
    hashes = [_md5(str((len(after[u]), len(before[u]), labels[u]))) for u in v]
    for _ in v:
        hashes = [
            _md5(
                "".join(sorted(hashes[w] for w in before[u]))
                + "|"
                + "".join(sorted(hashes[w] for w in after[u]))
                + "|"
                + hashes[u]
            )
            for u in v
        ]
    return _md5(str(sorted(hashes)))


def hashes(archs: Archs) -> list[str]:
    """The published hash of each row of ``archs: (n, 26)``, after pruning.

    The md5 chain is Python, some ten thousand cells a second; use canonical rows to compare cells.
    """
    masks = to_masks(archs[:, : len(EDGES)])
    matrices = adjacency(mask_table().pruned[masks])  # (n, 7, 7)
    live = live_vertices(masks)  # (n, 7)
    labels = np.empty((len(archs), VERTICES), dtype=np.int64)
    labels[:, 0], labels[:, -1] = INPUT, OUTPUT
    labels[:, 1:-1] = archs[:, len(EDGES) :]
    return [
        cell_hash(matrix[np.ix_(kept, kept)].tolist(), label[kept].tolist())
        for matrix, kept, label in zip(matrices, live, labels, strict=True)
    ]
