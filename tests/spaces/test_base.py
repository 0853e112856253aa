from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import Choice, Space
from archrank.testing import check_space
from archrank.types import Archs, Bools

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=6)


class Plain(Space):
    """A space that overrides nothing but its name and how its networks are built."""

    name = "plain"

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = tuple(choices)

    def _build(self, arch: Archs, sizes: Any) -> Any:
        raise AssertionError("nothing is to be built")


def make(sizes: list[int]) -> Plain:
    return Plain([Choice(f"c{j}", tuple(range(size))) for j, size in enumerate(sizes)])


class Gated(Plain):
    """The second decision exists where the first is not 0."""

    def active(self, archs: Archs) -> Bools:
        active = super().active(archs)
        active[:, 1] = archs[:, 0] > 0
        return active


@settings(max_examples=25, deadline=None)
@given(sizes=SIZES, seed=st.integers(0, 2**32 - 1))
def test_any_list_of_choices_keeps_the_contract(sizes: list[int], seed: int) -> None:
    check_space(make(sizes), n=16, seed=seed)


@settings(max_examples=25, deadline=None)
@given(sizes=SIZES)
def test_enumerate_lists_every_row_once(sizes: list[int]) -> None:
    space = make(sizes)
    rows = space.enumerate()
    assert len(rows) == space.size == int(np.prod(sizes))
    assert (space.index(rows) == np.arange(space.size)).all()
    assert (space.parse(space.format(rows)) == rows).all()


@pytest.mark.parametrize("sizes", [[2, 3], [3, 2], [1, 6], [6]])
def test_sampling_is_uniform(sizes: list[int]) -> None:
    space = make(sizes)
    rows = space.sample(2_000 * space.size, rng=np.random.default_rng(0))
    counts = np.bincount(space.index(space.validate(rows)), minlength=space.size)
    assert (abs(counts - 2_000) < 200).all()


def test_mutation_rate_is_respected() -> None:
    space = make([4] * 20)
    archs = space.sample(2_000, rng=np.random.default_rng(0))
    changed = space.mutate(archs, rng=np.random.default_rng(1), rate=0.3) != archs
    assert abs(changed.mean() - 0.3) < 0.02


def test_a_space_without_alternatives_cannot_mutate() -> None:
    space = make([1, 1])
    archs = space.sample(3, rng=np.random.default_rng(0))
    assert (space.mutate(archs, rng=np.random.default_rng(0)) == archs).all()


@pytest.mark.parametrize(
    ("archs", "message"),
    [
        (np.zeros(2, dtype=int), r"wrap a single architecture as arch\[None\]"),
        (np.zeros((1, 3), dtype=int), r"shape \(n, 2\), got \(1, 3\)"),
        (np.zeros((1, 2)), "integer choice indices, got dtype float64"),
        (np.array([[0, 0], [0, 3]]), r"architecture 1: choice 3 of decision 'c1' .* 0\.\.2"),
        (np.array([[-1, 0]]), "choice -1 of decision 'c0'"),
    ],
)
def test_validate_says_what_is_wrong(archs: np.ndarray, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        make([2, 3]).validate(archs)


@pytest.mark.parametrize("text", ["c0=0", "c0=0,c1=9", "c0=0,x=1", "nonsense"])
def test_parse_repeats_the_string(text: str) -> None:
    with pytest.raises(ArchitectureError, match=text.split(",")[-1]):
        make([2, 3]).parse([text])


def test_spaces_too_large_to_list_or_to_number() -> None:
    large = make([100] * 4)
    with pytest.raises(SpaceError, match="too many to list"):
        large.enumerate()
    huge = make([256] * 9)
    archs = huge.sample(5, rng=np.random.default_rng(0))
    with pytest.raises(SpaceError, match="too many to number"):
        huge.index(archs)
    assert (huge.canonical(archs) == archs).all()


def test_no_graph_view() -> None:
    space = make([2])
    with pytest.raises(SpaceError, match="no graph view"):
        space.graph(space.enumerate())


def test_numbers_of_a_space() -> None:
    space = make([2, 3, 1])
    assert (space.d, space.size) == (3, 6)
    assert space.radices.tolist() == [2, 3, 1]
    assert space.n_tokens == 7
    assert repr(space) == "<Plain plain: 3 decisions, size 6>"


def test_a_million_rows_are_listed_and_not_one_more() -> None:
    assert make([1, 250, 40, 100]).enumerate().shape == (1_000_000, 4)
    with pytest.raises(SpaceError, match="too many to list"):
        make([101, 99, 101]).enumerate()


def test_numbering_up_to_63_bits() -> None:
    space = make([2] * 62)
    last = np.ones((1, 62), dtype=np.uint8)
    assert space.index(last).tolist() == [2**62 - 1]
    assert (space.from_index(space.index(last)) == last).all()
    with pytest.raises(SpaceError, match="too many to number"):
        make([2] * 63).index(np.ones((1, 63), dtype=np.uint8))


def test_numbers_of_rows_with_the_first_decision_most_significant() -> None:
    space = make([3, 4, 2])
    rows = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [2, 3, 1]], dtype=np.uint8)
    assert space.index(rows).tolist() == [1, 2, 8, 23]


def test_a_space_without_decisions_has_one_row() -> None:
    space = make([])
    index = space.index(np.zeros((3, 0), dtype=np.uint8))
    assert index.tolist() == [0, 0, 0]
    assert index.dtype == np.int64


def test_a_mutation_reaches_every_other_option_equally() -> None:
    space = make([5, 1, 3])
    start = np.tile(np.array([2, 0, 1], dtype=np.uint8), (20_000, 1))
    moved = space.mutate(start, rng=np.random.default_rng(0))
    changed = moved != start
    assert (changed.sum(axis=1) == 1).all()
    np.testing.assert_allclose(changed.mean(axis=0), [0.5, 0, 0.5], atol=0.02)
    first = np.bincount(moved[changed[:, 0], 0], minlength=5) / changed[:, 0].sum()
    np.testing.assert_allclose(first, [0.25, 0.25, 0, 0.25, 0.25], atol=0.02)


def test_rates_may_differ_between_rows() -> None:
    space = make([4] * 20)
    archs = space.sample(2_000, rng=np.random.default_rng(0))
    rates = np.repeat([[0.1], [0.8]], 1_000, axis=0)
    changed = (space.mutate(archs, rng=np.random.default_rng(1), rate=rates) != archs).mean(axis=1)
    assert changed[:1_000].mean() == pytest.approx(0.1 + 0.9**20 / 20, abs=0.01)
    assert changed[1_000:].mean() == pytest.approx(0.8, abs=0.02)


def test_crossover_takes_half_from_each() -> None:
    a, b = np.zeros((500, 20), dtype=np.uint8), np.ones((500, 20), dtype=np.uint8)
    child = make([2] * 20).crossover(a, b, rng=np.random.default_rng(0))
    assert child.mean() == pytest.approx(0.5, abs=0.02)
    assert child.std(axis=0).min() > 0.4


def test_neighbors_in_order_of_decisions_and_options() -> None:
    near = make([3, 1, 2]).neighbors(np.array([1, 0, 0], dtype=np.uint8))
    assert near.tolist() == [[0, 0, 0], [2, 0, 0], [1, 0, 1]]


def test_views_by_hand() -> None:
    space = Gated([Choice("a", ("x", "y")), Choice("b", (8, 16, 24))])
    archs = np.array([[0, 2], [1, 2]], dtype=np.uint8)
    assert space.canonical(archs).tolist() == [[0, 0], [1, 2]]
    assert space.features(archs).tolist() == [[0, 1, 0, 0, 0, 0], [2, 0, 1, 0, 0, 1]]
    names = ("choice:a=x", "choice:a=y", "choice:b=8", "choice:b=16", "choice:b=24")
    assert space.features(archs).dtype == np.float32
    assert space.feature_names == ("ordered:b", *names)
    assert space.tokens(archs).tolist() == [[1, 0], [2, 5]]
    assert space.format(archs) == ["a=x,b=24", "a=y,b=24"]
    # a decision without an effect is chosen all the same; only conditions make one absent
    assert [space.config(arch) for arch in archs] == [{"a": "x", "b": 24}, {"a": "y", "b": 24}]
    assert space.fingerprint() == "plain(a=x|y;b=8|16|24)"


def test_strings_may_have_blanks() -> None:
    assert make([2, 3]).parse([" c0=1 , c1 = 2 "]).tolist() == [[1, 2]]


def test_what_a_plain_space_lacks() -> None:
    space = make([2])
    with pytest.raises(SpaceError, match=r"plain has no published networks: .*networks\(task\)"):
        space.cost(space.enumerate())
    with pytest.raises(SpaceError, match="plain has no supernet"):
        space._supernet(None)


def test_is_a_value_that_is_pickled_without_what_was_computed() -> None:
    class Computing(Plain):
        @cached_property
        def table(self) -> list[int]:
            return [1]

    space = Computing([Choice("a", (1, 2))])
    assert copy.copy(space) is space
    assert copy.deepcopy(space) is space
    assert space.table == [1]
    assert set(space.__getstate__()) == {"choices"}
