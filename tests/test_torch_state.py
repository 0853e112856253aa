"""Torch's global generators: seeded for a while, then as they were."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archrank.torch_state import keep_kernels, seeded, untouched


@given(st.integers(-(2**63), 2**64 - 1))
def test_draws_depend_on_the_seed_alone(seed: int) -> None:
    expected = torch.rand(4, generator=torch.Generator().manual_seed(seed))
    before = torch.get_rng_state()
    for _ in range(2):
        with seeded(seed):
            assert torch.equal(torch.rand(4), expected)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("context", [untouched, lambda: seeded(3)])
def test_generators_are_put_back_after_an_error(context) -> None:
    before = torch.get_rng_state()

    def fail() -> None:
        with context():
            torch.rand(5)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


def test_untouched_goes_on_from_where_the_generator_is() -> None:
    with seeded(7):
        with untouched():
            first = torch.rand(4)
        assert torch.equal(torch.rand(4), first)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_accelerator_is_seeded_and_put_back() -> None:
    before = torch.cuda.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(5, "cuda"):
            drawn.append(torch.rand(4, device="cuda").cpu())
    assert torch.equal(*drawn)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    with untouched("cuda"):
        torch.rand(4, device="cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_a_number_of_kernels_that_was_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    keep_kernels()
    assert os.environ[name] == "7"
    monkeypatch.delenv(name)
    keep_kernels()
    assert int(os.environ[name]) > 1024  # as many as oneDNN keeps by itself
