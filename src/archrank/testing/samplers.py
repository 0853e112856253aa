"""Contract check of samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archrank.supernets.samplers.base import Sampler
from archrank.testing._require import require, require_description
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space


def check_sampler(sampler: Sampler, space: Space, *, updates: int = 4, seed: int = 0) -> None:
    """Check that ``sampler`` keeps the contract of :class:`~archrank.supernets.samplers.Sampler`.

    It draws valid architectures, at least one per update, the same ones for the same generator, and
    remembers nothing.

    Args:
        sampler: The sampler to check.
        space: What it draws from.
        updates: How many updates to draw.
        seed: Seed of the generators.

    Raises:
        AssertionError: It breaks a rule; the message names it.
    """
    name = type(sampler).__name__
    described = sampler.describe()
    require_description(described, name)
    require("name" in described, f"{name}: describe() must tell the sampler's name")
    first, again = (_drawn(sampler, space, updates, seed) for _ in range(2))
    for update, (a, b) in enumerate(zip(first, again, strict=True)):
        which = f"{name}: the rows of update {update} from {space.name}"
        require(isinstance(a, np.ndarray) and a.dtype == np.uint8, f"{which} are no uint8 array")
        require(a.ndim == 2 and len(a), f"{which} have shape {a.shape}, expected (m, {space.d})")
        require(np.array_equal(a, b), f"{which} differ with the same generator; it has a state")
        require(np.array_equal(space.validate(a), a), f"{which} are no architectures")
        require(space.valid(a).all(), f"{which} are not valid")
    require(sampler.describe() == described, f"{name}: describe() changes when it is used")


def _drawn(sampler: Sampler, space: Space, updates: int, seed: int) -> list[Archs]:
    return [
        sampler.sample(space, rng=np.random.default_rng(np.random.SeedSequence([seed, update])))
        for update in range(updates)
    ]
