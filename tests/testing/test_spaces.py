"""The contract check of spaces catches what it promises to catch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.spaces import CustomSpace
from archrank.testing import check_space
from archrank.types import Archs
from tests.testing.helpers import make


class OffByOne(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return rng.integers(self.radices - 1, size=(n, self.d)).astype(np.uint8)


class OneTooMany(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return rng.integers(self.radices + 1, size=(n, self.d)).astype(np.uint8)


class OwnRandomness(CustomSpace):
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        return super().sample(n, rng=np.random.default_rng())


class LazyMutation(CustomSpace):
    def mutate(self, archs: Archs, **kwargs: Any) -> Archs:
        return archs.copy()


class TooNear(CustomSpace):
    def neighbors(self, arch: Archs) -> Archs:
        return super().neighbors(arch)[1:]


class BatchNormed(CustomSpace):
    def features(self, archs: Archs) -> Any:
        x = super().features(archs)
        return x - x.mean(0)


class Restless(CustomSpace):
    def canonical(self, archs: Archs) -> Archs:
        return ((archs + 1) % self.radices).astype(np.uint8)


class SmallVocabulary(CustomSpace):
    @property
    def n_tokens(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (OffByOne, "never draws some options"),
        (OneTooMany, "out of range"),
        (OwnRandomness, "same seed, same rows"),
        (LazyMutation, "exactly one decision"),
        (TooNear, "neighbors"),
        (BatchNormed, "depends on the other rows"),
        (Restless, "idempotent"),
        (SmallVocabulary, r"tokens must lie in 0\.\.n_tokens - 1"),
    ],
)
def test_broken_spaces(broken: type[CustomSpace], message: str) -> None:
    check_space(make())
    with pytest.raises(AssertionError, match=message):
        check_space(make(broken))
