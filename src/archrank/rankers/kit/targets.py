"""Labels of a regression in place of scores: scores of their ranks, themselves, or of their gaps.

Ranks forgive a few scores far from the rest, such as those of failed networks; the scores
themselves keep what is linear in them, as latency often is in operations; logarithms of the gap to
the best are on a scale of errors, which stays the same where most labels are good ones, as those
that a search has chosen are. The likelihoods can be compared once the densities of scores are
counted: a change of variables (Snelson, Rasmussen & Ghahramani, "Warped Gaussian processes",
NeurIPS 2003).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm, rankdata

from archrank.types import Floats

WIDTHS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)  # of the density estimate, in standard deviations
STRAY, STRAY_SD = 0.02, 3.0  # share and width of a normal that keeps lone scores possible


def normal_scores(scores: Floats) -> Floats:
    """Standard normal quantiles of the ranks, ties averaged: ``(n,)`` -> ``(n,)``."""
    quantiles: Floats = ndtri((rankdata(scores) - 0.5) / len(scores))
    return quantiles


def standard_scores(scores: Floats) -> Floats:
    """Scores of mean 0 and variance 1: ``(n,)`` -> ``(n,)``."""
    standard: Floats = (scores - scores.mean()) / scores.std()
    return standard


def gap_scores(scores: Floats, margin: float) -> tuple[Floats, Floats]:
    """Minus the logarithms of gaps to a bound just above the best, of mean 0 and variance 1.

    Args:
        scores: ``(n,)``, not all equal.
        margin: distance of the bound from the best score, as a share of the best's distance from
            the median.

    Returns:
        The labels, ``(n,)``, and the logarithms of their derivatives by standard scores, ``(n,)``.
    """
    best = scores.max()
    spread = best - np.median(scores) or np.ptp(scores)
    logs: Floats = np.log(best + margin * spread - scores)
    deviation = logs.std()
    slopes: Floats = np.log(scores.std() / deviation) - logs
    return (logs.mean() - logs) / deviation, slopes


def log_stretch(normal: Floats, standard: Floats) -> float:
    """Log Jacobian of normal scores by standard scores, summed over the scores.

    Normal scores follow the normal distribution whatever the scores do, so the derivative at a
    score is its density over that of its normal score. Densities of scores are estimated by
    Gaussian kernels on all other scores, with the width under which the scores are most likely.

    Add it to the log evidence of normal scores to compare with that of standard scores.

    Args:
        normal: normal scores, or some of them: ``(n,)``.
        standard: standard scores of the same, on the scale that their evidence is for, which may be
            of more scores: one diverged network among hundreds leaves all others a narrow range.
    """
    squared = np.square(standard[:, None] - standard)
    np.fill_diagonal(squared, np.inf)  # leave one out
    stray = STRAY * norm.pdf(standard, scale=STRAY_SD)
    likely = max(
        float(np.log((1 - STRAY) * _density(squared, width) + stray).sum()) for width in WIDTHS
    )
    return likely - float(norm.logpdf(normal).sum())


def _density(squared: Floats, width: float) -> Floats:
    kernels = np.exp(-0.5 * squared / width**2) / (width * np.sqrt(2 * np.pi))
    density: Floats = kernels.sum(axis=1) / (len(squared) - 1)
    return density
