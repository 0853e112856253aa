"""Latency of every architecture of a space: measured of some, predicted of the others.

As in RankNAS (Hu et al., EMNLP 2021), which ranks by predicted latency; a forest on logarithms
predicts milliseconds, since limits are milliseconds. What is chosen in the end is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from archrank.rankers import RANKERS
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.networks import Networks

KIND = "random_forest"


def archs_to_time(networks: Networks, n: int, *, rng: np.random.Generator) -> Archs:
    """Draw architectures evenly over all sizes, after the smallest and the largest: ``(k, d)``."""
    prior = networks.flops_prior
    drawn = prior.sample(n - 2, rng=rng, targets=rng.choice(prior.targets, n - 2))
    return np.concatenate([networks.smallest[None], networks.largest[None], drawn])


def predicted_latency(networks: Networks, archs: Archs, ms: Floats) -> Callable[[Archs], Floats]:
    """Return a function that predicts milliseconds, ``(n, d) -> (n,)``.

    Args:
        networks: of the architectures.
        archs: ``(k, d)`` architectures that were measured.
        ms: their latencies, ``(k,)``.

    Raises:
        LabelError: fewer than two different latencies are known.
    """
    known = np.isfinite(ms)
    ranker: Ranker = RANKERS.get(KIND)(networks.space)
    ranker.fit(archs[known], np.log(ms[known]))
    return lambda rows: np.exp(ranker.predict(rows))
