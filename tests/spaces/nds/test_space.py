from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces import NDS, SPACES
from archrank.spaces.nds.families import FAMILIES
from archrank.testing import check_space

SPACES_ON_CIFAR = {family: NDS(family) for family in FAMILIES}
NAMES = [name for name in SPACES.names() if name.startswith("nds_")]
ON_CIFAR = [name for name in NAMES if not name.endswith("_in")]
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("name", NAMES)
def test_contract(name: str) -> None:
    space = SPACES.get(name)()
    check_space(space)
    assert space.name == name


def test_eight_spaces_on_cifar_and_five_on_imagenet() -> None:
    assert len(ON_CIFAR) == 8
    assert len(NAMES) - len(ON_CIFAR) == len(FAMILIES) == 5
    for name in set(NAMES) - set(ON_CIFAR):
        space = SPACES.get(name)()
        assert space.stem == "imagenet"
        assert space.networks().sizes.input_shape == (3, 224, 224)


@pytest.mark.parametrize(
    ("family", "n_ops", "op_count", "cell_count"),
    [
        ("darts", 8, 16_777_216, 2.4e11),
        ("enas", 5, 9_765_625, 5.1e12),
        ("pnas", 8, 1_073_741_824, 5.6e14),
        ("amoeba", 8, 1_073_741_824, 5.6e14),
        ("nasnet", 13, 137_858_491_849, 7.1e16),
    ],
)
def test_published_counts(family: str, n_ops: int, op_count: int, cell_count: float) -> None:
    space = SPACES_ON_CIFAR[family]
    assert len(space.ops) == n_ops
    assert space.op_count == op_count
    assert space.cell_count == pytest.approx(cell_count, rel=0.02)
    assert space.size == space.cell_count**2 * 15


def test_published_widths_and_depths() -> None:
    assert (NDS("darts").widths, NDS("darts").depths) == ((16, 24, 32), (4, 8, 12, 16, 20))
    widths = {family: NDS(family, "imagenet").widths for family in FAMILIES}
    assert widths["darts"] == (32, 48, 64, 80, 96)
    assert widths["enas"] == widths["pnas"] == widths["amoeba"] == (32, 48, 64, 80)
    assert widths["nasnet"] == (32, 48, 64)
    assert NDS("enas", "imagenet").depths == (6, 10, 14, 18, 22)


# ---- canonical forms ---------------------------------------------------------------------------


def brute_force_class(pairs: list[tuple[str, int]]) -> tuple[object, ...]:
    """The smallest of all descriptions of a cell, one node order at a time."""
    nodes = len(pairs) // 2
    found = []
    for order in permutations(range(nodes)):
        new = {0: 0, 1: 1} | {2 + node: 2 + j for j, node in enumerate(order)}
        terms = []
        for node in order:
            two = pairs[2 * node : 2 * node + 2]
            terms.append(sorted((op, 0 if op == "none" else new[state]) for op, state in two))
        if all(state < 2 + j for j, two in enumerate(terms) for _, state in two):
            found.append(tuple(map(tuple, terms)))
    return min(found)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, family=st.sampled_from(sorted(FAMILIES)))
def test_canonical_rows_are_brute_force_classes(seed: int, family: str) -> None:
    space = SPACES_ON_CIFAR[family]
    rng = np.random.default_rng(seed)
    archs = space.sample(6, rng=rng)
    archs[:, : 4 * space.nodes : 2] %= 2  # two operations: ties are frequent
    archs = np.concatenate([archs, _renumbered(archs, space, rng)])
    canonical = space.canonical(archs)
    for kind in range(2):
        classes = [brute_force_class(list(space.genotype(row)[kind].pairs)) for row in archs]
        block = slice(4 * space.nodes * kind, 4 * space.nodes * (kind + 1))
        rows = [tuple(row) for row in canonical[:, block].tolist()]
        assert len(set(zip(classes, rows, strict=True))) == len(set(classes)) == len(set(rows))
        back = [brute_force_class(list(space.genotype(row)[kind].pairs)) for row in canonical]
        assert back == classes
    for name, values in space.cost(archs).items():
        assert (values == space.cost(canonical)[name]).all()


def _renumbered(archs: Any, space: NDS, rng: np.random.Generator) -> Any:
    """The same networks, their terms swapped and, where possible, two nodes."""
    twins = archs.copy()
    for row in twins:
        for start in range(0, 8 * space.nodes, 4):
            if rng.random() < 0.5:
                row[start : start + 4] = row[[start + 2, start + 3, start, start + 1]]
        for cell in (row[: 4 * space.nodes], row[4 * space.nodes : 8 * space.nodes]):
            i = int(rng.integers(space.nodes - 1))
            if (cell[4 * i + 4 : 4 * i + 8][1::2] == 2 + i).any():
                continue  # node i + 1 needs node i
            cell[4 * i : 4 * i + 8] = np.roll(cell[4 * i : 4 * i + 8], 4)
            swap = {2 + i: 3 + i, 3 + i: 2 + i}
            later = cell[4 * i + 8 :]
            later[1::2] = [swap.get(s, s) for s in later[1::2].tolist()]
    return twins


def test_renumbering_changes_nothing_but_the_row() -> None:
    space = SPACES_ON_CIFAR["nasnet"]
    rng = np.random.default_rng(0)
    archs = space.sample(200, rng=rng)
    twins = _renumbered(archs, space, rng)
    assert (twins != archs).any(1).mean() > 0.9
    for view in (space.canonical, space.features, space.tokens):
        assert np.array_equal(view(twins), view(archs))


@pytest.mark.parametrize("family", ["darts", "nasnet"])
def test_features_tell_what_stands_next_to_what(family: str) -> None:
    """Counted from genotypes; DARTS joins all nodes, NASNet those that no other node reads."""
    space = SPACES_ON_CIFAR[family]
    archs = space.canonical(space.sample(20, rng=np.random.default_rng(0)))
    columns = dict(zip(space.feature_names, space.features(archs).T, strict=True))
    for n, arch in enumerate(archs):
        for kind, cell in zip(("normal", "reduce"), space.genotype(arch), strict=True):
            pairs: Counter[str] = Counter()
            to_output: Counter[str] = Counter()
            for t, (op, source) in enumerate(cell.pairs):
                at = 2 * (source - 2)
                before = [b for b, _ in cell.pairs[at : at + 2]] if source > 1 else ["input"]
                pairs.update(f"{op} after {b}" for b in before)
                if 2 + t // 2 in cell.concat:
                    to_output[f"{op} to output"] += 1
            for group, counted in (("neighbour", pairs), ("joined", to_output)):
                named = {
                    name.partition(":")[2]: column[n]
                    for name, column in columns.items()
                    if name.startswith(f"{kind}_{group}:")
                }
                assert {k: v for k, v in named.items() if v} == counted


# ---- strings and settings ----------------------------------------------------------------------


def a_string(**changes: str) -> str:
    cell = "/".join(["sep_conv_3x3~0+none~1"] * 4)
    parts = {"normal": cell, "reduce": cell, "width": "16", "depth": "20"} | changes
    return "|".join(f"{name}={value}" for name, value in parts.items())


def test_strings() -> None:
    space = NDS("darts")
    assert space.format(space.parse([a_string()])) == [a_string()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("normal=", "expected normal="),
        (a_string(normal="sep_conv_3x3~0+none~1"), "8 operations, got 2"),
        (a_string().replace("sep_conv_3x3~0", "sep_conv_3x4~0", 1), "did you mean"),
        (a_string().replace("sep_conv_3x3~0", "sep_conv_3x3~2", 1), "input '2' is not one of 0..1"),
        (a_string(width="17"), "width 17 is not one of"),
        (a_string(depth="5"), "depth 5 is not one of"),
    ],
)
def test_malformed_strings(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        NDS("darts").parse([text])


def test_wrong_settings() -> None:
    with pytest.raises(UnknownNameError, match="darts"):
        NDS("dart")
    with pytest.raises(UnknownNameError, match="imagenet"):
        NDS("darts", "imagnet")  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="even widths"):
        NDS("darts", widths=(15,))
    with pytest.raises(SpaceError, match="different numbers"):
        NDS("darts", depths=(4, 4))


def test_inputs_of_none_are_inactive() -> None:
    space = NDS("darts")
    archs = space.sample(300, rng=np.random.default_rng(0))
    changed = space.mutate(archs, rng=np.random.default_rng(1))
    dead = ~space.active(archs)[changed != archs]
    assert dead.any()
    same = (space.canonical(changed) == space.canonical(archs)).all(1)
    assert same[dead].all()


def test_graph_of_a_cell() -> None:
    space = NDS("darts")
    graphs = space.graph(space.canonical(space.parse([a_string()])))
    names = [graphs.op_names[k] for k in graphs.ops[0]]
    half = len(names) // 2
    assert names[:2] == ["earlier input", "input"]
    assert names[half - 5 : half] == ["normal"] * 4 + ["output"]
    assert names[2 * half - 5 :] == ["reduce"] * 4 + ["output"]
    assert not graphs.adjacency[0, :half, half:].any()
    assert graphs.adjacency[0, :half].sum() == 8 + 8 + 4  # into terms, into sums, into the output
    assert graphs.extra is not None
    assert graphs.extra[0].tolist() == [0.5, 1.0]
