"""Optuna's own tests of samplers, every class for samplers that take several objectives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from optuna.samplers import BaseSampler
from optuna.testing import pytest_samplers
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from archrank.integrations.optuna import RankSampler

OTHERS = {"SingleOnlySamplerTestCase"}  # several objectives must be refused


class TestRankSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: RankSampler(seed=0, n_startup_trials=1, candidates=200)


def test_every_class_of_optunas_is_run() -> None:
    """A class that a later Optuna adds is either run above or named with a reason."""
    offered = {name for name in vars(pytest_samplers) if name.endswith("SamplerTestCase")}
    run = {base.__name__ for base in TestRankSampler.__mro__}
    assert {name for name in offered if not name.startswith("_")} - run == OTHERS
