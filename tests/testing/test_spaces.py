"""The contract check of spaces catches what it promises to catch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import SpaceError
from archrank.spaces import Choice, CustomSpace, Space
from archrank.tasks import Digits
from archrank.testing import check_space
from archrank.types import Archs
from tests.testing.helpers import CHOICES, build, make


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


class TalksOfInactive(CustomSpace):
    def config(self, arch: Archs) -> dict[str, Any]:
        return {c.name: c.options[k] for c, k in zip(self.choices, arch.tolist(), strict=True)}


class OptionNumbers(CustomSpace):
    def config(self, arch: Archs) -> dict[str, Any]:
        return {c.name: k for c, k in zip(self.choices, arch.tolist(), strict=True)}


class NumbersRows(CustomSpace):
    """Counts rows although some decisions may not exist."""

    @property
    def size(self) -> int:
        return int(np.prod(self.radices))

    def index(self, archs: Archs) -> Any:
        return np.ravel_multi_index(tuple(archs.T), tuple(self.radices))

    def from_index(self, index: Any) -> Archs:
        return np.stack(np.unravel_index(index, tuple(self.radices)), axis=1).astype(np.uint8)


class ListsHalf(CustomSpace):
    def enumerate(self) -> Archs:
        return super().enumerate()[::2]


class ListsBackwards(CustomSpace):
    def enumerate(self) -> Archs:
        return super().enumerate()[::-1]


class RestrictsNothing(CustomSpace):
    def restrict(self, options: Any) -> Any:
        super().restrict(options)
        return self


class RestrictsAnything(CustomSpace):
    def restrict(self, options: Any) -> Any:
        known = {c.name: c.options for c in self.choices}
        return super().restrict({k: v for k, v in options.items() if k in known})


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
        (OptionNumbers, "config.* must name the options of decisions that exist"),
        (ListsHalf, "enumerate.* has 36 rows, size is 72, of which 72 are valid"),
        (ListsBackwards, "must be in index order"),
        (RestrictsNothing, "draws options that are left out"),
        (RestrictsAnything, "must refuse decisions that the space does not have"),
    ],
)
def test_broken_spaces(broken: type[CustomSpace], message: str) -> None:
    check_space(make())
    with pytest.raises(AssertionError, match=message):
        check_space(make(broken))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (TalksOfInactive, "config.* must name the options of decisions that exist"),
        (NumbersRows, r"from_index\(index\(archs\)\)|that do not exist must have one index"),
    ],
)
def test_broken_conditional_spaces(broken: type[CustomSpace], message: str) -> None:
    good, bad = (
        cls(CHOICES, build, active_if={"width": ("depth", [3, 4])}) for cls in (CustomSpace, broken)
    )
    check_space(good)
    with pytest.raises(AssertionError, match=message):
        check_space(bad)


# ---- networks ------------------------------------------------------------------------------------


class Lines(Space):
    """Two linear layers; costs in closed form."""

    name = "lines"
    choices = (Choice("width", (8, 16, 24)), Choice("bias", (0, 1)))

    def _cost(self, archs: Archs, sizes: Any) -> dict[str, Any] | None:
        width, bias = 8.0 * (archs[:, 0] + 1), archs[:, 1]
        return {"macs": 64 * width + 10 * width, "params": 74 * width + bias * (width + 10)}

    def _build(self, arch: Archs, sizes: Any) -> Any:
        from torch import nn

        config = self.config(arch)
        width, bias = config["width"], bool(config["bias"])
        head = nn.Linear(width, sizes.n_classes, bias)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, width, bias), head)


class Counted(Lines):
    """Without a closed form, networks are counted."""

    def _cost(self, archs: Archs, sizes: Any) -> dict[str, Any] | None:
        return None


class ForgetsBias(Lines):
    def _cost(self, archs: Archs, sizes: Any) -> dict[str, Any] | None:
        return super()._cost(archs * np.array([1, 0], dtype=np.uint8), sizes)


class OfTheBatch(Lines):
    def _cost(self, archs: Archs, sizes: Any) -> dict[str, Any] | None:
        found = super()._cost(archs, sizes)
        assert found is not None
        return {name: values + len(values) for name, values in found.items()}


class NeverTheSame(Lines):
    built = 0

    def _build(self, arch: Archs, sizes: Any) -> Any:
        from torch import nn

        type(self).built += 1
        width = 10 * (1 + self.built % 2)
        more = nn.Sequential(nn.Linear(10, width), nn.Linear(width, 10))
        return nn.Sequential(super()._build(arch, sizes), more)


class Fussy(Lines):
    def _sizes(self, task: Any) -> Any:
        raise SpaceError("not today")


def test_networks_of_a_task() -> None:
    for space in (Lines(), Counted()):
        check_space(space)  # nothing was published: networks are not looked at
        check_space(space, task=Digits())
    spaces = (Lines(), Counted())
    closed, counted = (s.networks(Digits()).cost(Lines().enumerate()) for s in spaces)
    assert all(np.array_equal(closed[name], counted[name]) for name in ("macs", "params"))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (ForgetsBias, r"cost says .* parameters of 'width=\d+,bias=1', its network has"),
        (OfTheBatch, "depends on the other rows"),
        (NeverTheSame, "networks of different shapes"),
        (Fussy, "refuses the task"),
    ],
)
def test_broken_networks(broken: type[Lines], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_space(broken(), task=Digits())
