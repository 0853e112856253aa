"""Sampling with a prior on skipped blocks, for ProxylessNAS."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.checks import number
from archrank.errors import SettingsError
from archrank.supernets.samplers.base import Sampler, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


@dataclass(frozen=True)
class SkipPrior(Sampler):
    """Blocks are skipped with a given probability, other operations share the rest (AceNAS).

    Uniform sampling skips every seventh block. AceNAS trains its ProxylessNAS supernet with one
    half, which draws networks of the latency that is wanted far more often.

    Attributes:
        skip: probability that a block is skipped which may be.
        m: architectures per update.

    Raises:
        SettingsError: ``skip`` is no probability, or ``m`` no whole number of at least 1.

    Example:
        >>> from archrank.spaces import ProxylessNAS
        >>> rows = SkipPrior(m=2).sample(ProxylessNAS().networks(), rng=np.random.default_rng(0))
        >>> rows.shape
        (2, 21)
    """

    skip: float = 0.5
    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if not 0 <= number(self.skip, "SkipPrior: skip", error=SettingsError) <= 1:
            raise SettingsError(f"SkipPrior: skip is a probability, got {self.skip}")

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: the space has no blocks to skip.
        """
        space = networks.space
        if "skip" not in inspect.signature(space.sample).parameters:
            raise SettingsError(
                f"SkipPrior suits spaces whose blocks can be skipped, such as proxylessnas, not "
                f"{space.name}; use Uniform sampling"
            )
        return space.sample(self.m, rng=rng, skip=self.skip)  # type: ignore[call-arg]
