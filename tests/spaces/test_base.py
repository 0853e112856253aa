from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces import CustomSpace
from archrank.testing import check_space

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def make(sizes: list[int]) -> CustomSpace:
    choices = {f"c{j}": list(range(size)) for j, size in enumerate(sizes)}
    return CustomSpace(choices, build=lambda config, task: None)


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
