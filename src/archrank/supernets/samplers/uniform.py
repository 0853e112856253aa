"""Uniform sampling: single paths, or several Monte-Carlo samples per update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.supernets.samplers.base import Sampler, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


@dataclass(frozen=True)
class Uniform(Sampler):
    """Every row of the space alike (single path one-shot, Guo et al., ECCV 2020).

    Attributes:
        m: architectures per update: the Monte-Carlo samples of the Surgery (section 4.3), whose
            gradients are averaged per weight over those that use it.

    Raises:
        SettingsError: ``m`` is no whole number of at least 1.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> Uniform(m=3).sample(NASBench201().networks(), rng=np.random.default_rng(0)).shape
        (3, 6)
    """

    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows."""
        return networks.space.sample(self.m, rng=rng)
