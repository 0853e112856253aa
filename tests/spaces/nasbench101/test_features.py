from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from archrank.spaces import NASBench101
from archrank.spaces.nasbench101.cells import pruned_cell
from archrank.types import Archs

SPACE = NASBench101()
OPS = SPACE.choices[-1].options


@pytest.fixture(scope="module")
def archs() -> Archs:
    return SPACE.canonical(SPACE.sample(60, rng=np.random.default_rng(0)))


def by_name(archs: Archs) -> list[dict[str, float]]:
    """The features of each architecture, by name."""
    return [dict(zip(SPACE.feature_names, row, strict=True)) for row in SPACE.features(archs)]


def cell(arch: Archs) -> tuple[list[str], set[tuple[int, int]]]:
    """Kinds of the vertices of a pruned cell, and its edges."""
    vertices, matrix = pruned_cell(arch[:21])
    kinds = ["input", *(OPS[arch[20 + v]] for v in vertices[1:-1]), "output"]
    size = range(len(vertices))
    return kinds, {(i, j) for i in size for j in size if matrix[i][j]}


def paths(n: int, edges: set[tuple[int, int]]) -> list[tuple[int, ...]]:
    """All paths from the input to the output, by their vertices."""
    inside = range(1, n - 1)
    found = [(0, *middle, n - 1) for k in range(n - 1) for middle in combinations(inside, k)]
    return [path for path in found if all(step in edges for step in pairwise(path))]


def test_degrees_and_neighbours_are_those_of_the_cell(archs: Archs) -> None:
    for arch, found in zip(archs, by_name(archs), strict=True):
        kinds, edges = cell(arch)
        before = [[kinds[i] for i, j in sorted(edges) if j == v] for v in range(len(kinds))]
        for op in OPS:
            mine = [v for v, kind in enumerate(kinds) if kind == op]
            assert found[f"joined:{op} to output"] == before[-1].count(op)
            assert found[f"start:{op} from input"] == sum("input" in before[v] for v in mine)
            into = [len(before[v]) for v in mine] or [0]
            assert found[f"inputs:mean of {op}"] == pytest.approx(np.mean(into))
            assert found[f"inputs:max of {op}"] == max(into)
        for a in (*OPS, "output"):
            mine = [v for v, kind in enumerate(kinds) if kind == a]
            for b in (*OPS, "input"):
                after = [before[v].count(b) for v in mine] or [0]
                assert found[f"neighbour:count {a} after {b}"] == sum(n > 0 for n in after)
                assert found[f"neighbour:max {a} after {b}"] == max(after)


def test_shares_are_those_of_the_paths(archs: Archs) -> None:
    for arch, found in zip(archs, by_name(archs), strict=True):
        kinds, edges = cell(arch)
        all_paths = paths(len(kinds), edges)
        assert found["depth:paths"] == len(all_paths)
        for op in OPS:
            on = [sum(v in p for p in all_paths) for v, kind in enumerate(kinds) if kind == op]
            shares = [n / len(all_paths) for n in on] or [0]
            assert found[f"share:sum {op}"] == pytest.approx(sum(shares))
            assert found[f"share:max {op}"] == pytest.approx(max(shares))
            assert found[f"share:all {op}"] == sum(share == 1 for share in shares)
