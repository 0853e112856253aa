"""Damaged texts at every parser: an answer, or an error of archrank's own."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archrank.errors import ArchrankError
from archrank.metrics import Metric
from archrank.runs.named import make_space, make_task
from archrank.spaces import SPACES
from archrank.study.objectives import Goals
from tests.damage import damaged_text

METRICS = (Metric("accuracy", "maximize"), Metric("cpu/latency_ms", "minimize"))
QUICK = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("name", SPACES.names())
def test_architectures(name: str) -> None:
    space = make_space(name)
    valid = space.format(space.sample(5, rng=np.random.default_rng(0)))

    @QUICK
    @given(st.one_of(*map(damaged_text, valid)))
    def parse(text: str) -> None:
        with contextlib.suppress(ArchrankError):
            assert space.validate(space.parse([text])).shape == (1, space.d)

    parse()


@QUICK
@given(st.one_of(*map(damaged_text, ("latency_ms<=8", "accuracy >= 0.5", "cpu/latency_ms<1e3"))))
def test_constraints(text: str) -> None:
    with contextlib.suppress(ArchrankError):
        (constraint,) = Goals.parse("accuracy", text, METRICS).constraints
        assert np.isfinite(constraint.bound)


@QUICK
@given(st.one_of(*map(damaged_text, ("accuracy", "latency_ms:maximize", "cpu/latency_ms:min"))))
def test_objectives(text: str) -> None:
    with contextlib.suppress(ArchrankError):
        Goals.parse(text, (), METRICS)
    with contextlib.suppress(ArchrankError):
        Metric.parse(text)


@QUICK
@given(st.one_of(*map(damaged_text, ("nasbench201", "mine.py:space", "package.module:space"))))
def test_names(text: str) -> None:
    for make in (make_space, make_task):
        with contextlib.suppress(ArchrankError):
            make(text)
