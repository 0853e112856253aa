"""Architectures in whatever form people have them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchitectureError
from archrank.spaces import NASBench101, NASBench201, Space, from_choices
from archrank.spaces.given import read_arch, without_absent

NETS = from_choices(
    {"depth": [1, 2], "width": [8, 16, 32], "kernel2": [3, 5], "act": ["relu", "silu"]},
    build=lambda config, task: None,  # type: ignore[arg-type,return-value]
    active_if={"kernel2": ("depth", [2])},
    name="nets",
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.randoms())
def test_every_form_is_the_same_architecture(seed: int, random: Any) -> None:
    arch = NETS.sample(1, rng=np.random.default_rng(seed))
    config = NETS.config(arch[0])
    pairs = list(config.items())
    random.shuffle(pairs)
    forms: list[Any] = [
        arch[0],
        arch[0].tolist(),
        NETS.format(arch)[0],
        ",".join(f"{name}={option}" for name, option in pairs),
        dict(pairs),
        json.dumps(dict(pairs)),
        {name: str(option) for name, option in pairs},
        {**{c.name: float("nan") for c in NETS.choices}, **config},
        int(NETS.index(arch)[0]),
        str(NETS.index(arch)[0]),
    ]
    for form in forms:
        assert read_arch(NETS, form).tolist() == arch[0].tolist()


@pytest.mark.parametrize("space", [NASBench101(), NASBench201(), NETS], ids=lambda s: s.name)
def test_configurations_lead_back(space: Space) -> None:
    archs = without_absent(space, space.sample(20, rng=np.random.default_rng(0)))
    for arch in archs:
        assert space.from_config(space.config(arch)).tolist() == arch.tolist()


def test_numbers_are_found_however_they_are_written() -> None:
    for width in (16, 16.0, "16", " 16.0 ", np.int64(16)):
        assert NETS.config(read_arch(NETS, {"depth": 1, "act": "silu", "width": width})) == {
            "depth": 1,
            "width": 16,
            "act": "silu",
        }


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"depht": 1}, "unknown decision 'depht', did you mean 'depth'"),
        ({"depth": 1, "width": 9, "act": "relu"}, r"expected width=<8\|16\|32>, got 9"),
        ({"depth": 1, "act": "relu"}, "expected width=.*, it is missing"),
        ({"depth": 1, "width": 8, "kernel2": 3}, "kernel2 does not exist where depth is 1"),
        ("depth=1,width=9,act=relu", "expected width="),
        ("nonsense", "'nonsense'"),
        ("{broken", "is no JSON"),
        (-1, "number -1 is none of 0"),
        (10**9, "is none of 0"),
        ([1, 2], "is no row of 4 choice indices"),
        ([[1], [2, 3]], "is no row of 4"),
        (2.5, "2.5 is no architecture"),
        (True, "True is no architecture"),
    ],
)
def test_what_is_none_is_told(form: Any, message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        read_arch(NETS, form)


def test_cells_that_are_no_architecture_are_refused() -> None:
    space = NASBench101()
    nothing = np.zeros(space.d, np.uint8)
    assert not space.valid(nothing[None])[0]
    config = {choice.name: choice.options[0] for choice in space.choices}
    for form in (nothing, config):
        with pytest.raises(ArchitectureError, match=r"no path from|no valid arch"):
            read_arch(space, form)
