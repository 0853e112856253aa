"""Sampling of the architectures that cost most, more often than of others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from archrank.checks import number
from archrank.errors import SettingsError
from archrank.supernets.samplers.base import Sampler, collected, require_count
from archrank.supernets.samplers.de_isomorphic import BATCH, DeIsomorphic
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

SAMPLED = 1024  # classes that tell how many MACs the costliest ones have


@dataclass(frozen=True)
class Costliest(Sampler):
    """Isomorphism classes with many multiply-accumulates more often than others.

    With a given probability an architecture is drawn from the share of classes that has the most
    MACs, otherwise from all classes, uniformly each time. All cells share the stem and the
    classifier, and every update for a cell of skips and pooling pulls these away from what better
    cells need. On NAS-Bench-201 with small tasks, scores of such supernets rank all classes better
    than those of supernets that are trained on all classes alike, or on the costliest alone
    (``probability=1``). It has not been measured on other spaces.

    Attributes:
        share: of the classes, above 0 and at most 1. The number of MACs that they have at least is
            a quantile of those of 1,024 classes drawn with a fixed seed.
        probability: that an architecture is drawn from this share.
        m: architectures per update.

    Raises:
        SettingsError: ``share`` or ``probability`` is no such number, or ``m`` no whole number of
            at least 1.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> networks = NASBench201().networks()
        >>> sampler = Costliest(share=0.25, probability=1.0, m=8)
        >>> rows = sampler.sample(networks, rng=np.random.default_rng(0))
        >>> bool(networks.cost(rows)["macs"].min() > 80e6)
        True
    """

    share: float = 0.25
    probability: float = 0.5
    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if not 0 < number(self.share, "Costliest: share", error=SettingsError) <= 1:
            raise SettingsError(
                f"Costliest: share of the classes is above 0 and at most 1, got {self.share}"
            )
        if not 0 <= number(self.probability, "Costliest: probability", error=SettingsError) <= 1:
            raise SettingsError(f"Costliest: probability is from 0 to 1, got {self.probability}")

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: the space has isomorphism classes that cannot be drawn, or hardly any
                that is so costly.
        """
        costly = int(rng.binomial(self.m, self.probability))
        rows = [self._costly(networks, costly, rng)] if costly else []
        if costly < self.m:
            rows.append(DeIsomorphic(self.m - costly).sample(networks, rng=rng))
        return np.concatenate(rows)

    def _costly(self, networks: Networks, m: int, rng: np.random.Generator) -> Archs:
        """Draw ``m`` rows of the costliest share: ``(m, d)``."""
        least = least_macs(networks, self.share)
        classes = DeIsomorphic(min(BATCH, math.ceil(m / self.share)))

        def costly() -> Archs:
            rows = classes.sample(networks, rng=rng)
            return rows[networks.cost(rows)["macs"] >= least]

        found = collected(m, costly)
        if len(found) == m:
            return found
        raise SettingsError(
            f"Costliest: hardly any architecture of {networks.space.name} is among the costliest "
            f"{self.share:g}; use a larger share"
        )


@lru_cache(maxsize=8)
def least_macs(networks: Networks, share: float) -> float:
    """Return the number of MACs that ``share`` of the isomorphism classes reach.

    Args:
        networks: of the space, and the task that sizes depend on.
        share: above 0 and at most 1.
    """
    rows = DeIsomorphic(SAMPLED).sample(networks, rng=np.random.default_rng(0))
    macs = np.sort(networks.cost(rows)["macs"])[::-1]
    return float(macs[math.ceil(share * SAMPLED) - 1])
