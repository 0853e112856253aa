"""Finding architectures among measured ones, against dictionaries."""

from __future__ import annotations

import numpy as np
import pytest

from archrank.spaces import CustomSpace, NASBench201, Space
from archrank.tables import arrays
from archrank.tables.arrays import RowFinder, TableArrays, digest


def wide() -> Space:
    """A space with more architectures than 64 bits can number."""
    choices = {f"c{i}": list(range(10)) for i in range(20)}
    return CustomSpace(choices, build=lambda config, task: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize("bound", [0, 1_000_000])
@pytest.mark.parametrize("make", [NASBench201, wide])
def test_rows_are_found(make, bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LOOKUP_BOUND", bound)
    space = make()
    rng = np.random.default_rng(0)
    archs = np.unique(space.sample(60, rng=rng), axis=0)
    archs = rng.permutation(archs)
    places = {tuple(row): i for i, row in enumerate(archs[:40].tolist())}
    found = RowFinder(space, archs[:40]).find(archs)
    assert found.tolist() == [places.get(tuple(row), -1) for row in archs.tolist()]


@pytest.mark.parametrize("bound", [0, 1_000_000])
def test_rows_may_stand_for_classes(bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LOOKUP_BOUND", bound)
    space = NASBench201()
    everything = space.enumerate()[::7]
    classes = np.unique(space.canonical(everything), axis=0)[:200]
    places = {tuple(row): i for i, row in enumerate(classes.tolist())}
    expected = [places.get(tuple(row), -1) for row in space.canonical(everything).tolist()]
    assert RowFinder(space, classes, by_class=True).find(everything).tolist() == expected
    alone = RowFinder(space, classes).find(everything)
    assert (alone >= 0).sum() < (np.array(expected) >= 0).sum()


def test_the_digest_sees_every_number_and_name() -> None:
    archs = np.array([[0, 1], [1, 0]], dtype=np.uint8)
    columns = {"a": np.array([0.1, 0.2]), "b": np.array([1.0, 2.0])}
    first = TableArrays(NASBench201(), archs, columns).digest
    assert first == digest(archs.copy(order="F"), dict(columns))
    others = [
        digest(archs[::-1], columns),
        digest(archs, {"c": columns["a"], "b": columns["b"]}),
        digest(archs, {"a": columns["a"], "b": np.array([1.0, 2.5])}),
        digest(archs, {"a": columns["a"]}),
    ]
    assert len({first, *others}) == 5
