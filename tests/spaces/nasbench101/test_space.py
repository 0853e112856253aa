from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces import NASBench101, Scale
from archrank.spaces.nasbench101.cells import EDGES, full_masks, mask_table, to_edges, to_masks
from archrank.tables import load_table
from archrank.testing import check_space
from archrank.types import Archs

SPACE = NASBench101()
SEEDS = st.integers(0, 2**32 - 1)
Cell = tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]  # matrix, interior operations


def published_prune(row: list[int]) -> Cell | None:
    """The published definition, one cell at a time; None if invalid."""
    matrix = np.zeros((7, 7), dtype=int)
    for (i, j), bit in zip(EDGES, row[:21], strict=True):
        matrix[i, j] = bit
    forward, backward = {0}, {6}
    for _ in range(7):
        forward |= {j for i in forward for j in range(7) if matrix[i, j]}
        backward |= {i for j in backward for i in range(7) if matrix[i, j]}
    kept = sorted(forward & backward)
    if 0 not in kept or 6 not in kept:
        return None
    pruned = matrix[np.ix_(kept, kept)]
    if pruned.sum() > 9:
        return None
    ops = tuple(row[20 + v] for v in kept[1:-1])
    return tuple(map(tuple, pruned.tolist())), ops


def brute_force_class(cell: Cell) -> tuple[object, ...]:
    """The smallest of all renumberings of the interior vertices."""
    matrix, ops = cell
    v = len(matrix)
    found = []
    for order in permutations(range(1, v - 1)):
        new = [0, *order, v - 1]
        found.append(
            (
                tuple(matrix[new[i]][new[j]] for i in range(v) for j in range(v)),
                tuple(ops[u - 1] for u in order),
            )
        )
    return (v, *min(found))


def any_rows(n: int, seed: int) -> Archs:
    """Rows of the box, valid or not, most of them sparse."""
    rng = np.random.default_rng(seed)
    edges = rng.random((n, 21)) < rng.uniform(0.1, 0.6, (n, 1))
    return np.concatenate([edges, rng.integers(3, size=(n, 5))], axis=1).astype(np.uint8)


# ---- contract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("prior", ["uniform", "acenas"])
def test_contract(prior: str) -> None:
    space = NASBench101(prior=prior)  # type: ignore[arg-type]
    check_space(space)
    assert space.fingerprint() == NASBench101(prior=prior).fingerprint()  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_moves_stay_valid(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = SPACE.sample(50, rng=rng), SPACE.sample(50, rng=rng)
    one = SPACE.mutate(a, rng=rng)
    assert ((one != a).sum(1) == 1).all()
    rates = rng.random((50, 1))
    moved = [SPACE.mutate(a, rng=rng, rate=r) for r in (0.0, 0.1, 1.0, rates)]
    assert all((m != a).any(1).all() for m in moved)
    child = SPACE.crossover(a, b, rng=rng)
    assert ((child == a) | (child == b)).all()
    for rows in (one, *moved, child):
        SPACE.validate(rows)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS)
def test_neighbors_are_all_valid_changes_of_one_decision(seed: int) -> None:
    arch = SPACE.sample(1, rng=np.random.default_rng(seed))[0]
    changed = {
        (*arch[:j].tolist(), k, *arch[j + 1 :].tolist())
        for j, choice in enumerate(SPACE.choices)
        for k in range(len(choice.options))
        if k != arch[j]
    }
    near = SPACE.neighbors(arch)
    assert {tuple(row) for row in near.tolist()} == {
        row for row in changed if published_prune(list(row)) is not None
    }
    assert len(np.unique(near, axis=0)) == len(near)


def test_samples_of_the_acenas_prior() -> None:
    archs = NASBench101(prior="acenas").sample(20_000, rng=np.random.default_rng(0))
    masks = to_masks(archs[:, :21])
    assert (mask_table().pruned[masks] == masks).all()
    vertices = SPACE.graph(archs).mask.sum(1)
    share = np.bincount(vertices, minlength=8)[2:] / len(archs)
    expected = 2.0 ** np.arange(2, 8) / 252
    assert abs(share - expected).max() < 0.02


# ---- validity and isomorphism ------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_validity_as_published(seed: int) -> None:
    rows = any_rows(50, seed)
    cells = [published_prune(row) for row in rows.tolist()]
    assert SPACE.valid(rows).tolist() == [cell is not None for cell in cells]
    valid = rows[SPACE.valid(rows)]
    mask = SPACE.graph(valid).mask
    assert mask.sum(1).tolist() == [len(cell[0]) for cell in cells if cell is not None]


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_canonical_rows_are_brute_force_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = SPACE.mutate(SPACE.sample(5, rng=rng).repeat(6, axis=0), rng=rng)
    cells = [published_prune(row) for row in archs.tolist()]
    classes = [brute_force_class(cell) for cell in cells if cell is not None]
    canonical = [tuple(row) for row in SPACE.canonical(archs).tolist()]
    assert len(set(zip(classes, canonical, strict=True))) == len(set(classes))
    assert len(set(classes)) == len(set(canonical))
    back = [published_prune(list(row)) for row in canonical]
    assert [brute_force_class(cell) for cell in back if cell is not None] == classes


def test_small_cells_against_brute_force_and_the_published_hash() -> None:
    rows = []
    for v in range(2, 6):
        for edges in to_edges(full_masks(v)).tolist():
            rows += [[*edges, *ops, *[0] * (7 - v)] for ops in product(range(3), repeat=v - 2)]
    archs = np.array(rows, dtype=np.uint8)
    classes = {brute_force_class(cell) for cell in map(published_prune, rows) if cell is not None}
    assert len(classes) == 2_532
    assert len(np.unique(SPACE.canonical(archs), axis=0)) == 2_532
    assert len(set(SPACE.hash(archs))) == 2_532


def test_all_different_cells() -> None:
    archs = SPACE.unique_cells()
    assert len(archs) == 423_624
    vertices = np.bincount(SPACE.graph(archs).mask.sum(1), minlength=8)[2:]
    assert vertices.tolist() == [1, 6, 84, 2_441, 62_010, 359_082]
    some = archs[::50]
    assert (SPACE.canonical(some) == some).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_inactive_decisions_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = SPACE.sample(60, rng=rng)
    changed = SPACE.mutate(archs, rng=rng)
    at = changed != archs
    dead = ~SPACE.active(archs)[at]
    same = (SPACE.canonical(changed) == SPACE.canonical(archs)).all(1)
    assert same[dead].all()
    edges = at[:, :21].any(1)
    assert not same[~dead & ~edges].all() or not (~dead & ~edges).any()
    for view in (SPACE.features, SPACE.tokens):
        assert np.array_equal(view(archs[dead]), view(changed[dead]))


# ---- the benchmark's table ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def subset(data_dir: Path) -> pd.DataFrame:
    path = data_dir / "nb101_subset.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path}")
    return pd.read_csv(path, dtype={"adj_upper": str, "ops": str})


def test_hashes_and_parameters_of_the_benchmark(subset: pd.DataFrame) -> None:
    archs = SPACE.from_columns(subset["adj_upper"], subset["ops"])
    assert SPACE.hash(archs) == subset["hash"].tolist()
    assert (SPACE.cost(archs)["params"] == subset["params"]).all()
    assert len(np.unique(SPACE.canonical(archs), axis=0)) == len(subset)
    assert SPACE.hash(SPACE.canonical(archs[:500])) == subset["hash"].tolist()[:500]


def test_a_table_with_an_arch_column(subset: pd.DataFrame, tmp_path: Path) -> None:
    frame = subset.head(300)
    archs = SPACE.from_columns(frame["adj_upper"], frame["ops"])
    frame.assign(arch=SPACE.format(archs)).to_csv(tmp_path / "nb101.csv", index=False)
    table = load_table(tmp_path / "nb101.csv", SPACE)
    assert (table.archs == archs).all()
    assert (table.column("val_e108") == frame["val_e108"]).all()
    assert (table.rows(archs[::-1]) == np.arange(300)[::-1]).all()


# ---- strings and costs -------------------------------------------------------------------------


def test_strings_of_small_cells() -> None:
    small, none = SPACE.parse(["110101:22", "1:"])
    assert SPACE.format(small[None]) == ["110000100000001000000:22000"]
    assert none.sum() == none[EDGES.index((0, 6))] == 1
    assert (SPACE.from_columns(["110101", "1"], ["22", float("nan")]) == [small, none]).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("100110100001001010101", "expected <edge bits>"),
        ("10:", "2 edge bits and 0 operations"),
        ("111:", "3 edge bits and 0 operations"),
        ("111:3", "maxpool3x3"),
        ("000:0", "no path from input to output"),
        ("111111111111111111111:00000", "21 edges after pruning, at most 9"),
        (":", "0 edge bits"),
    ],
)
def test_malformed_strings(text: str, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        SPACE.parse([text])


def test_wrong_settings() -> None:
    with pytest.raises(UnknownNameError, match="acenas"):
        NASBench101(prior="acenass")  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="5 or more, got 4"):
        NASBench101(Scale(channels=4))


def test_settings_change_the_fingerprint() -> None:
    spaces = [SPACE, NASBench101(Scale(16, 1)), NASBench101(bn_momentum=0.003)]
    assert len({space.fingerprint() for space in spaces}) == 3


def test_order_of_vertices_decides_who_takes_the_rest() -> None:
    # Three vertices share 128 channels as 43, 43 and 42.
    cells = SPACE.parse(["1110001011:002", "1110001011:200"])
    assert len(set(SPACE.hash(cells))) == 1
    assert len(np.unique(SPACE.canonical(cells), axis=0)) == 1
    assert len(np.unique(SPACE.cost(cells)["params"])) == 2
