from __future__ import annotations

import pytest
import torch

from archrank.errors import DataError
from archrank.tasks.text.language_model import windows
from archrank.tasks.text.translation import pairs


@pytest.mark.parametrize("n", [2, 5, 9, 10, 11])
def test_every_token_but_the_first_is_a_target_once(n: int) -> None:
    text = torch.arange(1, n + 1)
    x, y = windows(text, 4, padding=0)
    assert x.shape == y.shape == (-(-(n - 1) // 4), 4)
    assert y[y != 0].tolist() == list(range(2, n + 1))
    real = y != 0
    assert torch.equal(x[real] + 1, y[real])


def test_without_padding_the_rest_is_left_out() -> None:
    x, y = windows(torch.arange(11), 4)
    assert x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert y.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    with pytest.raises(DataError, match="4 tokens do not fill one window of 4"):
        windows(torch.arange(4), 4)
    with pytest.raises(DataError, match="1 tokens"):
        windows(torch.arange(1), 4, padding=0)


def test_pairs_are_shifted_and_padded() -> None:
    (source, shifted), target = pairs([[5, 6, 7], [8]], [[9], [10, 11]], begin=1, end=2, padding=0)
    assert source.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert shifted.tolist() == [[1, 9, 0], [1, 10, 11]]
    assert target.tolist() == [[9, 2, 0], [10, 11, 2]]
    with pytest.raises(DataError, match="1 source and 2 target sentences"):
        pairs([[1]], [[1], [2]], begin=1, end=2, padding=0)
    with pytest.raises(DataError, match="0 source and 0 target"):
        pairs([], [], begin=1, end=2, padding=0)
