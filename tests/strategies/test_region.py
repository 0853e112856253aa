from __future__ import annotations

import numpy as np

from archrank.strategies import region as module
from archrank.strategies.region import Region
from archrank.types import Archs, Floats
from tests.strategies.helpers import huge, rows, some, tiny


def deep(archs: Archs) -> Floats:
    """2 too deep is an excess of 2; width 2 cannot be told."""
    return np.where(archs[:, 1] == 2, np.nan, np.maximum(archs[:, 0] - 1.0, 0.0))


def test_excess_and_the_nearest() -> None:
    region = Region(deep)
    assert region.nearest is None
    archs = np.array([[3, 2, 0], [3, 0, 0], [2, 1, 1]], dtype=np.uint8)
    assert region.excess(archs).tolist() == [np.inf, 2.0, 1.0]
    assert region.allowed(archs).tolist() == [False] * 3
    assert region.nearest is not None
    assert region.nearest.tolist() == [2, 1, 1]
    assert region.counted == 6
    region.forget()
    assert (region.counted, region.nearest) == (0, None)
    assert region.excess(archs[:0]).shape == (0,)


def test_a_region_is_listed_once_where_it_can_be() -> None:
    space, calls = tiny(), [0]

    def counted(archs: Archs) -> Floats:
        calls[0] += len(archs)
        return deep(archs)

    region = Region(counted)
    expected = [r for r in space.enumerate().tolist() if r[0] <= 1 and r[1] < 2]
    for _ in range(3):
        found = region.rows(space)
        assert found is not None
        assert found.tolist() == expected
    assert calls[0] == 24
    assert Region().rows(huge()) is None
    known = some(huge(), 9)
    listed = Region(listed=lambda: known).rows(huge())
    assert listed is not None
    assert rows(listed) == rows(known)


def test_the_first_allowed_ones_are_those_of_the_whole_list(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "CHUNK", 5)
    archs, region = tiny().enumerate(), Region(deep)
    whole = archs[region.allowed(archs)]
    region.forget()
    assert region.first(archs, 3).tolist() == whole[:3].tolist()
    assert region.counted == 5
    assert region.first(archs, 100).tolist() == whole.tolist()
    assert region.first(archs, 0).shape == (0, 3)


def test_marks() -> None:
    region = Region.of(lambda archs: np.asarray(archs[:, 0] == 0))
    assert region.excess(tiny().enumerate()[[0, 23]]).tolist() == [0.0, np.inf]
