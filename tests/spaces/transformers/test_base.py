from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import GPTS, HAT, SPACES, Choice, RankNASLanguageModel, RankNASTranslation
from archrank.spaces.transformers.base import LayeredSpace
from archrank.spaces.transformers.layers import Stack
from archrank.tasks import digits
from archrank.testing import check_space
from tests.effort import effort
from tests.spaces.sequences import Tokens, few

SPACES_HERE = [
    HAT(),
    HAT("wmt"),
    HAT("union"),
    RankNASTranslation(),
    RankNASTranslation("wmt"),
    RankNASLanguageModel(),
    GPTS(),
]
spaces = pytest.mark.parametrize("space", SPACES_HERE, ids=lambda s: s.name)


class Small(LayeredSpace):
    """Two stacks, 1,248 networks: small enough to list."""

    name = "small"

    def __init__(self, redraw: bool = False) -> None:
        layers = (Choice("a_heads", (1, 2)), Choice("a_norm", ("pre", "post", "none")))
        one = Stack((Choice("a_width", (8, 16)),), Choice("a_depth", (2, 1)), layers)
        two = Stack((), Choice("b_depth", (1, 3)), (Choice("b_ffn", (5, 2)),))
        super().__init__((one, two), redraw=redraw)

    def _build(self, arch: Any, sizes: Any) -> Any:
        raise NotImplementedError


SMALL = Small()


@spaces
def test_contract(space: LayeredSpace) -> None:
    check_space(space)


def test_registered() -> None:
    names = {"hat": HAT, "ranknas": RankNASTranslation, "gpt_s": GPTS}
    assert {name: SPACES.get(name) for name in names} == names
    assert SPACES.get("ranknas_lm") is RankNASLanguageModel


def test_small_contract_and_numbering() -> None:
    check_space(SMALL)
    assert SMALL.size == 2 * (6 + 36) * (2 + 8)
    rows = SMALL.enumerate()
    assert len(np.unique(rows, axis=0)) == SMALL.size
    assert (SMALL.canonical(rows) == rows).all()
    everything = np.array(list(product(*map(range, SMALL.radices))), dtype=np.uint8)
    assert len(np.unique(SMALL.canonical(everything), axis=0)) == SMALL.size
    same = SMALL.index(everything) == SMALL.index(SMALL.canonical(everything))
    assert same.all()


@spaces
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_canonical_keeps_what_is_active(space: LayeredSpace, seed: int) -> None:
    rng = np.random.default_rng(seed)
    archs = rng.integers(space.radices, size=(20, space.d)).astype(np.uint8)  # inactive genes too
    active, canonical = space.active(archs), space.canonical(archs)
    assert (canonical == archs)[active].all()
    assert (space.canonical(canonical) == canonical).all()
    assert (space.active(canonical) == active).all()
    for view in (space.features, space.tokens, space.format, space.means):
        assert np.array_equal(view(archs), view(canonical))  # type: ignore[operator]
    for name, values in space.cost(archs).items():
        assert (values == space.cost(canonical)[name]).all()
    assert (space.parse(space.format(archs)) == canonical).all()
    if space.size < 2**63:
        assert (space.from_index(space.index(archs)) == canonical).all()
    else:
        with pytest.raises(SpaceError, match="too many to number"):
            space.index(archs)
    child = space.crossover(canonical, space.mutate(canonical, rng=rng), rng=rng)
    assert (space.validate(child) == child).all()


@spaces
def test_extreme_numbers(space: LayeredSpace) -> None:
    if space.size < 2**63:
        ends = np.array([0, space.size - 1])
        assert (space.index(space.from_index(ends)) == ends).all()


@spaces
def test_sampling_is_uniform_over_options(space: LayeredSpace) -> None:
    archs = few(space, 20_000)
    active = space.active(archs)
    for j, radix in enumerate(space.radices):
        share = np.bincount(archs[active[:, j], j], minlength=radix) / active[:, j].sum()
        assert np.abs(share - 1 / radix).max() < 0.04


def test_redrawn_genes_are_uniform() -> None:
    space = Small(redraw=True)
    rng = np.random.default_rng(0)
    start = space.canonical(np.zeros((20_000, space.d), dtype=np.uint8))
    archs = space.mutate(start, rng=rng, rate=1.0)
    for j, radix in enumerate(space.radices):
        share = np.bincount(archs[:, j], minlength=radix) / len(archs)
        np.testing.assert_allclose(share, 1 / radix, atol=0.02)
    kept = space.mutate(start, rng=rng, rate=0.1) == start
    expected = 1 - 0.1 * (1 - 1 / space.radices)  # a redrawn gene may keep its option
    np.testing.assert_allclose(kept.mean(axis=0), expected, atol=0.02)


@spaces
def test_no_loop_over_architectures(space: LayeredSpace) -> None:
    first = few(space, 10)
    space.features(first), space.tokens(first)  # what is computed once per space
    archs, drawing, _ = effort(lambda: few(space, 20_000))
    _, encoding, _ = effort(lambda: (space.features(archs), space.tokens(archs)))
    assert drawing < 1_000
    assert encoding < 1_000  # a loop has a call per row at least


def test_features_of_a_small_space() -> None:
    arch = SMALL.parse(["a_width=8,a_depth=1,a_heads=1,a_norm=none,b_depth=3,b_ffn=5-2-2"])
    features = dict(zip(SMALL.feature_names, SMALL.features(arch)[0].tolist(), strict=True))
    assert {n: v for n, v in features.items() if n.startswith(("ordered:", "mean:"))} == (
        pytest.approx(
            {
                "ordered:a_width": 1,  # 8 of 8, 16
                "ordered:a_depth": 1,
                "ordered:a_heads_0": 1,
                "ordered:a_heads_1": 0,  # inactive
                "ordered:b_depth": 2,
                "ordered:b_ffn_0": 2,
                "ordered:b_ffn_1": 1,
                "ordered:b_ffn_2": 1,
                "mean:a_width": 0.5,
                "mean:a_depth": 0.5,
                "mean:a_heads": 0.5,
                "mean:a_norm": 1,  # third of three options that are no numbers
                "mean:b_depth": 1,
                "mean:b_ffn": 0.6,
            }
        )
    )
    assert {n for n, v in features.items() if v and n.startswith("choice:a_")} == {
        *("choice:a_width=8", "choice:a_depth=1", "choice:a_heads_0=1", "choice:a_norm_0=none")
    }
    tokens = SMALL.tokens(arch)[0]
    assert (tokens > 0).tolist() == SMALL.active(arch)[0].tolist()


def test_published_mutation_may_redraw() -> None:
    space, rng = Small(redraw=True), np.random.default_rng(0)
    archs = few(space, 20_000)
    child = space.mutate(archs, rng=rng, rate=0.3)
    changed = (child != archs).mean(0)
    assert changed == pytest.approx(0.3 * (1 - 1 / space.radices), abs=0.02)
    assert (child == archs).all(1).any()
    assert ((space.mutate(archs, rng=rng) != archs).sum(1) == 1).all()
    assert space.fingerprint() == SMALL.fingerprint()  # Small does not tell


@spaces
def test_wrong_input(space: LayeredSpace) -> None:
    with pytest.raises(ArchitectureError, match=r"architecture 1.*unknown decision"):
        space.parse([*space.format(few(space, 1)), "depth=3"])
    with pytest.raises(SpaceError, match="no graph view"):
        space.graph(few(space, 1))
    with pytest.raises(SpaceError, match="token sequences of input_shape"):
        space.networks(digits())
    with pytest.raises(SpaceError, match="token sequences of input_shape"):
        space.networks(Tokens(input_shape=(3, 4, 5)))


def test_fingerprints_tell_settings_apart() -> None:
    others = [HAT(redraw=True), HAT(embeddings=False), GPTS(redraw=True)]
    networks = [space.networks() for space in (*SPACES_HERE, *others)]
    networks.append(HAT().networks(Tokens(input_shape=(2, 5))))
    networks += [space.networks(Tokens()) for space in (GPTS(), RankNASLanguageModel())]
    prints = [made.fingerprint() for made in networks]
    assert len(set(prints)) == len(prints)
