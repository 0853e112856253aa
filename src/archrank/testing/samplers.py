"""Contract check of samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archrank.supernets.samplers.base import Sampler
from archrank.testing._require import require, require_description
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


def check_sampler(sampler: Sampler, networks: Networks, *, updates: int = 4, seed: int = 0) -> None:
    """Check that ``sampler`` keeps the contract of :class:`~archrank.supernets.samplers.Sampler`.

    It draws valid architectures, at least one per update, the same ones for the same generator, and
    remembers nothing.

    Args:
        sampler: The sampler to check.
        networks: What it draws from: a space, and the task that costs depend on.
        updates: How many updates to draw.
        seed: Seed of the generators.

    Raises:
        AssertionError: It breaks a rule; the message names it.
    """
    name, space = type(sampler).__name__, networks.space
    described = sampler.describe()
    require_description(described, name)
    require("name" in described, f"{name}: describe() must tell the sampler's name")
    first, again = (_drawn(sampler, networks, updates, seed) for _ in range(2))
    for update, (a, b) in enumerate(zip(first, again, strict=True)):
        which = f"{name}: the rows of update {update} from {space.name}"
        require(isinstance(a, np.ndarray) and a.dtype == np.uint8, f"{which} are no uint8 array")
        require(a.ndim == 2 and len(a), f"{which} have shape {a.shape}, expected (m, {space.d})")
        require(np.array_equal(a, b), f"{which} differ with the same generator; it has a state")
        require(np.array_equal(space.validate(a), a), f"{which} are no architectures")
        require(space.valid(a).all(), f"{which} are not valid")
    require(sampler.describe() == described, f"{name}: describe() changes when it is used")


def _drawn(sampler: Sampler, networks: Networks, updates: int, seed: int) -> list[Archs]:
    return [
        sampler.sample(networks, rng=np.random.default_rng(np.random.SeedSequence([seed, update])))
        for update in range(updates)
    ]
