from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import HAT, EdgeCellSpace
from archrank.spaces.edge_cells.features import paths
from archrank.testing import check_space


class Cells(EdgeCellSpace):
    """Cells without a network: this file is about their wiring."""

    def _build(self, arch: Any, sizes: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    "space",
    [
        Cells(("none", "skip_connect", "conv"), nodes=3),
        Cells(("conv", "none"), nodes=4),  # no skip; none is not the first
        Cells(("a", "b"), nodes=4, none="absent"),
        Cells(("none", "a"), nodes=2),
    ],
    ids=["three nodes", "no skip", "no none", "one edge"],
)
def test_contract(space: Cells) -> None:
    check_space(space)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(2, 5))
def test_live_edges_lie_on_a_path(seed: int, nodes: int) -> None:
    space = Cells(("none", "skip_connect", "conv"), nodes)
    archs = space.sample(20, rng=np.random.default_rng(seed))
    expected = np.zeros(archs.shape, dtype=bool)
    for path in paths(nodes):
        open_path = (archs[:, path] != 0).all(1)
        expected[np.ix_(open_path, path)] = True
    assert (space.live(archs) == expected).all()


def test_paths_lead_from_input_to_output() -> None:
    space = Cells(("none", "a"), nodes=4)
    found = [[space.edges[e] for e in path] for path in paths(4)]
    assert len(found) == 4
    for path in found:
        assert path[0][0] == 0
        assert path[-1][1] == 3
        assert all(a[1] == b[0] for a, b in pairwise(path))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_an_inactive_decision_shows_in_what_is_run_only(seed: int) -> None:
    space = Cells(("none", "skip_connect", "conv"), 4)
    rng = np.random.default_rng(seed)
    archs = space.sample(50, rng=rng)
    change = ~space.active(archs)
    change &= np.arange(space.d) == rng.integers(space.d, size=(50, 1))  # two may open a path
    other = np.where(change, space.sample(50, rng=rng), archs)
    run = [n.partition(":")[0] in ("operation", "total") for n in space.feature_names]
    same = space.features(archs) == space.features(other)
    assert same[:, np.logical_not(run)].all()
    assert (same[:, run].all(axis=1) == (archs == other).all(axis=1)).all()


def test_features_of_what_is_run_by_hand() -> None:
    space = Cells(("none", "skip_connect", "conv"), nodes=3)
    cell = np.array([[2, 1, 0]], dtype=np.uint8)  # a convolution that leads nowhere, and a skip
    named = dict(zip(space.feature_names, space.features(cell)[0].tolist(), strict=True))
    assert {n for n, v in named.items() if v and n.startswith("operation:")} == {
        *("operation:0->1=conv", "operation:0->2=skip_connect", "operation:1->2=none")
    }
    totals = [named[f"total:{op}"] for op in ("none", "skip_connect", "conv")]
    assert totals == [1, 1, 1]
    assert [named[f"count:{op}"] for op in ("skip_connect", "conv")] == [1, 0]


def test_line_graph_and_cell_graph() -> None:
    space = Cells(("none", "skip_connect", "conv"), nodes=3)
    archs = space.enumerate()
    line = space.graph(archs)
    assert line.op_names[line.ops[5, 0]] == "input"
    assert line.op_names[line.ops[5, -1]] == "output"
    assert (line.ops[:, 1:-1] == archs + 2).all()
    edges = {(0, 1), (0, 2), (1, 3), (2, 4), (3, 4)}  # 0->1 feeds 1->2; 0->2 and 1->2 end
    assert set(map(tuple, np.argwhere(line.adjacency[0]).tolist())) == edges
    cell = space.edge_graph(archs)
    assert cell.edge_ops is not None
    assert (cell.edge_ops[:, 0, 1] == archs[:, 0]).all()
    assert (cell.adjacency[:, 1, 2] == (archs[:, 2] != 0)).all()
    assert cell.edge_op_names == space.ops
    assert [line.op_names[k] for k in line.none_ops + line.skip_ops] == ["none", "skip_connect"]
    with pytest.raises(SpaceError, match="hat_iwslt has no operations on edges"):
        HAT().edge_graph(HAT().sample(1, rng=np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|conv~0|+|nonee~0|conv~1|", "unknown operation 'nonee', did you mean 'none'"),
        ("|conv~0|+|conv~1|conv~0|", r"expected \|op~0\|\+\|op~0\|op~1\|"),
        ("|conv~0|conv~0|conv~1|", "architecture 0: expected"),
        ("", "architecture 0: expected"),
    ],
)
def test_parse_names_the_fault(text: str, message: str) -> None:
    space = Cells(("none", "skip_connect", "conv"), nodes=3)
    with pytest.raises(ArchitectureError, match=message):
        space.parse([text])


@pytest.mark.parametrize(("ops", "nodes"), [(("a",), 3), (("a", "a"), 3), (("a", "b"), 1)])
def test_wrong_declarations(ops: tuple[str, ...], nodes: int) -> None:
    with pytest.raises(SpaceError):
        Cells(ops, nodes)
