"""Sampling of the architectures that cost most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from archrank.checks import number
from archrank.errors import SettingsError
from archrank.supernets.samplers.base import Sampler, require_count
from archrank.supernets.samplers.de_isomorphic import BATCH, DeIsomorphic
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

SAMPLED = 1024  # classes that tell how many MACs the costliest ones have
TRIES = 1000  # batches of draws without a costly class, before it is given up


@dataclass(frozen=True)
class Costliest(Sampler):
    """The share of isomorphism classes with the most multiply-accumulates, all of them alike.

    Architectures with few MACs are never trained, and scored with what the others learnt. Their
    weights are not lost: most options of most decisions occur in costly architectures, too. What
    is lost is noise, since an update for a cell of skips and pooling pulls the stem and the
    classifier away from what all better cells need. On NAS-Bench-201 with small tasks such scores
    rank all classes better than those of supernets that were trained on all of them; elsewhere it
    has not been measured. Scores of architectures far below those that were trained are worth
    little where a decision's option occurs in cheap architectures only.

    Attributes:
        share: of the classes, above 0 and at most 1. The number of MACs that they have at least is
            a quantile of those of 1,024 classes drawn with a fixed seed.
        m: architectures per update.

    Raises:
        SettingsError: ``share`` is no such number, or ``m`` no whole number of at least 1.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> networks = NASBench201().networks()
        >>> rows = Costliest(share=0.25, m=8).sample(networks, rng=np.random.default_rng(0))
        >>> bool(networks.cost(rows)["macs"].min() > 80e6)
        True
    """

    share: float = 0.25
    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if not 0 < number(self.share, "Costliest: share", error=SettingsError) <= 1:
            raise SettingsError(
                f"Costliest: share of the classes is above 0 and at most 1, got {self.share}"
            )

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: the space has isomorphism classes that cannot be drawn, or hardly any
                that is so costly.
        """
        least = least_macs(networks, self.share)
        classes = DeIsomorphic(min(BATCH, math.ceil(self.m / self.share)))
        found: list[Archs] = []
        missing = self.m
        for _ in range(TRIES):
            rows = classes.sample(networks, rng=rng)
            costly = rows[networks.cost(rows)["macs"] >= least][:missing]
            found.append(costly)
            missing -= len(costly)
            if not missing:
                return np.concatenate(found)
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
