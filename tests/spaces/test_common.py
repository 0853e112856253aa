"""Features that mean the same in every space of cells, against paths listed one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import HAT, NDS, CustomCells, NASBench101, NASBench201, Space, TransNAS101Micro
from archrank.spaces.common import ALONG, COMMON_NAMES, KINDS, REAL, SIZES, kind_of

Edges = list[tuple[int, int, str]]


def edge_cell(text: str) -> tuple[Edges, int]:
    """Edges (source, target, operation) of a NAS-Bench-201 string, and the last node."""
    edges = []
    for target, node in enumerate(text.split("+"), 1):
        for source, part in enumerate(node.strip("|").split("|")):
            edges.append((source, target, part.split("~")[0]))
    return [e for e in edges if e[2] != "none"], 3


def node_cell(text: str) -> tuple[Edges, int]:
    """A NAS-Bench-101 string with operations on vertices; an edge carries that of its end."""
    bits, ops = text.split(":")
    places = [(i, j) for i in range(7) for j in range(i + 1, 7)]
    edges = [place for place, bit in zip(places, bits, strict=True) if bit == "1"]
    names = {v: ("conv3x3", "conv1x1", "maxpool3x3")[int(ops[v - 1])] for v in range(1, 6)}
    return [(i, j, names.get(j, "")) for i, j in edges], 6


def routes(edges: Edges, last: int, at: int = 0) -> Iterator[list[int]]:
    """Positions of the edges of every path to the last node."""
    if at == last:
        yield []
    for e, (source, target, _) in enumerate(edges):
        if source == at:
            for rest in routes(edges, last, target):
                yield [e, *rest]


def walk(edges: Edges, kind: str, at: int, on_edges: bool) -> float:
    """Operations of a kind met on the way back from ``at``, every edge taken alike."""
    into = [e for e in edges if e[1] == at]
    if not into:
        return 0.0
    steps = [(kind_of(op) == kind) + walk(edges, kind, s, on_edges) for s, _, op in into]
    return float(np.mean(steps))


def expected(edges: Edges, last: int, nodes: bool) -> dict[str, float]:
    """All features but sizes; an operation on a node counts once, however many edges it has."""
    found = list(routes(edges, last))
    live = [edges[e] for e in sorted({e for route in found for e in route})]
    paths = [[kind_of(edges[e][2]) for e in route if edges[e][2]] for route in found]
    ops = {(j, op) for _, j, op in live if op} if nodes else {(i, j, op) for i, j, op in live}
    kinds = [kind_of(op[-1]) for op in ops]
    number = {kind: kinds.count(kind) for kind in KINDS}
    values = {f"count:{kind}": float(n) for kind, n in number.items()}
    values |= {"count:convs": number["conv"] + number["conv1x1"], "count:all": len(kinds)}
    real = max(sum(number[kind] for kind in KINDS[:REAL]), 1)
    values |= {f"share:{kind}": number[kind] / real for kind in KINDS[:REAL]}
    tell = {
        **{kind: lambda path, kind=kind: path.count(kind) for kind in KINDS[:REAL]},
        "convs": lambda path: path.count("conv") + path.count("conv1x1"),
        "ops": lambda path: len(path) - path.count("skip"),
        "all": len,
    }
    for stat, of in (("max", max), ("min", min), ("mean", np.mean)):
        for what in ALONG:
            numbers = [tell[what](path) for path in paths]
            values[f"path:{stat} {what}"] = float(of(numbers)) if numbers else 0.0
    values["path:log paths"] = float(np.log1p(len(paths)))
    values["path:connected"] = float(bool(paths))
    values["path:without convs"] = float(any(tell["convs"](path) == 0 for path in paths))
    for kind in KINDS[:REAL]:
        values[f"walk:{kind}"] = walk(live, kind, last, not nodes)
    return values


@pytest.mark.parametrize(
    ("space", "read", "nodes"),
    [(NASBench201(), edge_cell, False), (NASBench101(), node_cell, True)],
    ids=["operations on edges", "operations on vertices"],
)
def test_against_paths_listed_one_by_one(space: Space, read: object, nodes: bool) -> None:
    archs = space.sample(60, rng=np.random.default_rng(0))
    features = space.common_features(archs)
    for text, row in zip(space.format(space.canonical(archs) if nodes else archs), features):  # noqa: B905
        values = dict(zip(COMMON_NAMES, row.tolist(), strict=True))
        oracle = expected(*read(text), nodes)  # type: ignore[operator]
        if not nodes:  # a walk that takes edges alike is one that takes operations alike
            assert oracle.keys() <= values.keys()
        assert {k: values[k] for k in oracle} == pytest.approx(oracle, abs=1e-5), text


def test_a_cell_is_the_same_in_two_spaces() -> None:
    few, many = TransNAS101Micro(), NASBench201()
    archs = few.sample(50, rng=np.random.default_rng(1))
    same = many.parse(few.as_cells(archs))
    a, b = few.common_features(archs), many.common_features(same)
    assert (a == b).all()


def test_sizes_are_of_what_is_live() -> None:
    space = NASBench201()
    cell, bare = space.parse(
        [
            "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
            "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
        ]
    )
    dead, without = space.common_features(np.stack([cell, bare]))
    assert (dead == without).all()
    assert dead[-SIZES:] == pytest.approx(
        [np.log(space.cost(bare[None])[name][0]) for name in ("params", "macs")]
    )


def test_isomorphic_cells_are_alike() -> None:
    space = NASBench101()
    archs = space.sample(40, rng=np.random.default_rng(0))
    assert (space.common_features(archs) == space.common_features(space.canonical(archs))).all()


def test_cells_of_nds_use_all_their_operations() -> None:
    space = NDS("enas")  # no operation is none, and no node is left unused
    found = space.common_features(space.sample(30, rng=np.random.default_rng(0)))
    assert np.isfinite(found).all()
    assert (found[:, COMMON_NAMES.index("count:all")] == 2 * 2 * space.nodes).all()


def test_unknown_operations_count_among_all() -> None:
    import torch

    ops = {"none": None, "skip_connect": None, "mine": lambda channels: torch.nn.Identity()}
    space = CustomCells(ops, nodes=3)
    row = np.full((1, space.d), 2, dtype=np.uint8)
    values = dict(zip(COMMON_NAMES, space.common_features(row)[0].tolist(), strict=True))
    assert values["count:all"] == 3
    assert values["count:conv"] == values["count:skip"] == 0
    assert values["path:max ops"] == 2


def test_a_smaller_space_has_those_of_the_whole() -> None:
    whole = NASBench201()
    small = whole.restrict({"0->1": "nor_conv_3x3"})
    archs = small.sample(20, rng=np.random.default_rng(0))
    assert (small.common_features(archs) == whole.common_features(small.to_origin(archs))).all()


def test_other_spaces_have_none() -> None:
    space = HAT()
    with pytest.raises(SpaceError, match="no features that other spaces share"):
        space.common_features(space.sample(1, rng=np.random.default_rng(0)))


def test_no_architectures() -> None:
    space = NASBench201()
    assert space.common_features(space.enumerate()[:0]).shape == (0, len(COMMON_NAMES))
