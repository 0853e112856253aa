from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from archrank.export.values import UnkeptError, decode, encode

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    st.complex_numbers(),
)
KEYS = st.one_of(st.integers(), st.text(), st.tuples(st.text(), st.integers()))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(KEYS, inner)
    ),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    kept: dict[str, Tensor] = {}

    def put(tensor: Tensor) -> str:
        kept[str(len(kept))] = tensor
        return str(len(kept) - 1)

    return decode(json.loads(json.dumps(encode(value, put), allow_nan=False)), kept.__getitem__)


def same(a: Any, b: Any) -> bool:
    """Equal, of the same types, and NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return bool(a == b)


@settings(max_examples=60)
@given(VALUES)
def test_values_come_back(value: Any) -> None:
    assert same(there_and_back(value), value)


def test_tensors_arrays_and_sets() -> None:
    value = {"t": torch.arange(3), "a": np.eye(2), "n": np.float32(0.1), "s": {1, 2}}
    back = there_and_back(value)
    assert torch.equal(back["t"], value["t"])
    assert np.array_equal(back["a"], np.eye(2))
    assert back["n"] == np.float32(0.1)
    assert isinstance(back["n"], np.float32)
    assert back["s"] == {1, 2}


@pytest.mark.parametrize("value", [object(), [open], {"a": slice(3)}, np.array(["text"])])
def test_other_objects_are_refused(value: object) -> None:
    with pytest.raises(UnkeptError, match="a "):
        there_and_back(value)


def test_a_value_that_contains_itself() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UnkeptError, match="contains itself"):
        there_and_back(value)


@pytest.mark.parametrize("damaged", [{"what": 1}, {}, {"list": [], "dict": []}])
def test_damaged_values(damaged: Any) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        decode(damaged, lambda name: torch.zeros(1))
