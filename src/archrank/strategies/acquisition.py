"""How promising a candidate is, from a ranker's mean and standard deviation: higher is better."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy.stats import norm

from archrank.types import Floats

Acquisition = Literal["ucb", "ei", "thompson", "greedy"]
ACQUISITIONS: tuple[Acquisition, ...] = get_args(Acquisition)


def upper_confidence_bound(mean: Floats, std: Floats, kappa: float) -> Floats:
    """``mean + kappa std`` (Srinivas, Krause, Kakade & Seeger, ICML 2010): ``(k,)``."""
    return mean + kappa * std


def expected_improvement(mean: Floats, std: Floats, best: float) -> Floats:
    """``E max(f - best, 0)`` for ``f ~ N(mean, std^2)`` (Jones et al., 1998, eq. 15): ``(k,)``.

    ``best`` is the best *predicted* score of an evaluated architecture: labels are noisy.
    """
    z = (mean - best) / np.maximum(std, 1e-12)
    improvement: Floats = (mean - best) * norm.cdf(z) + std * norm.pdf(z)
    return improvement


def thompson(mean: Floats, std: Floats, rng: np.random.Generator) -> Floats:
    """One draw per candidate (Thompson, 1933): ``(k,)``.

    Candidates are drawn independently of each other, since rankers give no covariance.
    """
    return np.asarray(rng.normal(mean, std), dtype=np.float64)
