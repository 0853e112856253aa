"""AceNAS's relevance of labels, as arrays and as tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archrank.errors import LabelError, UnknownNameError
from archrank.losses import relevance
from tests.losses.helpers import tensor


def test_relevance() -> None:
    x = np.array([0.1, 0.5, 0.6, 0.7, 0.8, 0.9])
    low = np.quantile(x, 0.2)
    found = relevance(x)
    assert found[:2].tolist() == [0, 0]
    assert found[-1] == 20
    np.testing.assert_allclose(found[2:], 20 * (x[2:] - low) / (0.9 - low))
    np.testing.assert_allclose(relevance(torch.tensor(x)), found)
    single = relevance(torch.tensor(x, dtype=torch.float32))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single, found, rtol=1e-5)
    assert relevance(np.append(x, low)).min() == 0
    proxyless = relevance(np.array([0.7, 0.745, 0.8]), scale=15, lower=0.73, upper=0.76)
    np.testing.assert_allclose(proxyless, [0, 7.5, 15])


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([0.9, 0.9, 0.9], {}, "the maximum 0.9 is not above the 20% quantile 0.9"),
        ([0.1, 0.9], {"lower": 0.95}, "the maximum 0.9 is not above lower 0.95"),
        ([0.1, 0.9], {"lower": 0.5, "upper": 0.5}, "upper 0.5 is not above lower 0.5"),
        ([0.1, float("nan")], {}, "1 of 2 scores are NaN"),
        ([], {}, r"shape \(0,\)"),
        ([0.1, 0.9], {"quantile": 20}, r"in \[0, 1\], got 20"),
    ],
)
def test_degenerate_relevance(values, options, message: str, as_tensor: bool) -> None:
    given_ = tensor(values) if as_tensor else np.array(values)
    with pytest.raises(LabelError, match=message):
        relevance(given_, **options)


def test_labels_that_tie_at_the_best() -> None:
    many = np.array([0.2, 0.5, *[1.0] * 10])  # the quantile is the maximum
    assert relevance(many, ties="two_levels").tolist() == [0, 0, *[20] * 10]
    assert relevance(tensor(many.tolist()), ties="two_levels").tolist() == [0, 0, *[20] * 10]
    fewer = np.array([0.2, 0.5, 0.6, *[1.0] * 7])  # the quantile is below the maximum
    np.testing.assert_array_equal(relevance(fewer, ties="two_levels"), relevance(fewer))
    with pytest.raises(LabelError, match="the maximum 1 is not above"):
        relevance(many)
    with pytest.raises(LabelError, match="the maximum 1 is not above"):
        relevance(np.ones(5), ties="two_levels")
    with pytest.raises(LabelError, match="the maximum 1 is not above lower 1"):
        relevance(many, lower=1.0, ties="two_levels")
    with pytest.raises(UnknownNameError, match="did you mean 'two_levels'"):
        relevance(many, ties="two-levels")


def test_whole_numbers_become_doubles() -> None:
    found = relevance(torch.tensor([0, 5, 10]), quantile=0)
    assert found.dtype == torch.float64
    assert found.tolist() == [0, 10, 20]
