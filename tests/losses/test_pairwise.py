"""Published examples of pairwise losses."""

from __future__ import annotations

import pytest

from archrank.losses import hinge, kl_pair
from tests.losses.helpers import tensor


@pytest.mark.parametrize(("lead", "expected"), [(0.1, 0.0), (0.25, 0.0), (0.04, 0.06), (-1, 1.1)])
def test_gates_hinge(lead: float, expected: float) -> None:
    assert hinge(tensor([0.5, 0.5 + lead]), tensor([0.6, 0.9])).item() == pytest.approx(expected)


def test_brp_targets_are_nearly_flat() -> None:
    """softmax([1, 0]) is .73, so perfect scores differ by 1 only."""
    assert kl_pair(tensor([5.0, 4.0]), tensor([1.0, 0.0])).item() == pytest.approx(0, abs=1e-15)
    assert kl_pair(tensor([9.0, 4.0]), tensor([1.0, 0.0])).item() > 0.1
