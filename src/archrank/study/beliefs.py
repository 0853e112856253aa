"""Beliefs about scores that a run has measured once or several times, each time with noise.

The highest of many noisy scores owes its place to luck, in part. A ranker that has learnt all of
them expects of each architecture what similar ones scored; a line from its expectations to the
scores of the better half gives them the scores' unit. What is left is noise, and in part the
architecture's own: what is believed of its score lies between what is expected and what was
measured, the nearer to the latter the more often it was (James & Stein, 1961; kriging).

How much of the rest is noise cannot be told from single trainings: :data:`NOISE` of its variance is
expected to be. Repeated trainings tell, conditional on the first ones, so that it does not matter
that only the best are repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from archrank.types import Floats, Ints

NOISE, WEIGHT = 0.9, 10.0  # share of the variance left that is noise, as sure as of 10 repetitions
SHARES = np.linspace(0.05, 0.95, 19)  # that are considered
FEWEST = 8  # scores of the better half, at least
TO_SD = 1.4826  # from the median distance of a normal distribution to its standard deviation


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Normal distributions that say what is believed of every score.

    Attributes:
        mean: ``(n,)``.
        sd: ``(n,)``; 0 where nothing is left to noise.
        noise: standard deviation of one training.
        trainings: number of times that each was measured: ``(n,)``.
        line: value and slope that turn the ranker's expectations into scores.
    """

    mean: Floats
    sd: Floats
    noise: float
    trainings: Ints
    line: tuple[float, float] = (0.0, 1.0)

    def worth(self) -> Floats:
        """Return what measuring each once more would add to the mean of the best, on average.

        ``(n,)``: the knowledge gradient (Frazier, Powell & Dayanik, 2008). It is next to nothing
        where no order of the first two is likely to change.
        """
        n = len(self.mean)
        if n < 2 or self.noise <= 0:
            return np.zeros(n)
        second, best = np.sort(self.mean)[-2:]
        gap = best - self.mean
        gap[self.mean.argmax()] = best - second
        change = self.sd**2 / np.sqrt(self.sd**2 + self.noise**2)
        z = -gap / np.maximum(change, 1e-300)
        worth: Floats = change * (norm.pdf(z) + z * ndtr(z))
        return worth


def believe(scores: Floats, expected: Floats, again: Sequence[Sequence[float]]) -> Beliefs:
    """Return what to believe of ``scores: (n,)``, higher is better, each measured once or more.

    Args:
        scores: of the first training of each.
        expected: what a ranker that has learnt the scores expects of each, in any unit: ``(n,)``.
        again: scores of the repeated trainings of each, often none.
    """
    trainings = np.array([1 + len(more) for more in again], dtype=np.int64)
    means = np.array([np.mean([y, *more]) for y, more in zip(scores, again, strict=True)])
    better = np.argsort(-expected, kind="stable")[: max(FEWEST, len(scores) // 2)]
    x, y = expected[better], scores[better]
    slope = max(0.0, float(((x - x.mean()) * (y - y.mean())).mean()) / max(float(x.var()), 1e-300))
    value = float(np.median(y - slope * x))
    middle = value + slope * expected
    spread = TO_SD * float(np.median(np.abs(y - middle[better])))
    if spread <= 0:
        return Beliefs(means, np.zeros(len(scores)), 0.0, trainings)
    share = _share_of_noise(scores - middle, again, middle, spread)
    noise, own = share * spread**2, (1 - share) * spread**2
    precision = 1 / own + trainings / noise
    mean = (middle / own + trainings * means / noise) / precision
    return Beliefs(mean, 1 / np.sqrt(precision), float(np.sqrt(noise)), trainings, (value, slope))


def _share_of_noise(
    first: Floats, again: Sequence[Sequence[float]], middle: Floats, spread: float
) -> float:
    """Return the posterior mean of the share of the variance that is noise.

    Args:
        first: first scores, less the middle: ``(n,)``.
        again: scores of the repetitions of each.
        middle: what is expected of each, in the unit of the scores: ``(n,)``.
        spread: standard deviation of a single score around that.
    """
    log = WEIGHT * (NOISE * np.log(SHARES) + (1 - NOISE) * np.log1p(-SHARES))
    noise, own = SHARES * spread**2, (1 - SHARES) * spread**2
    open_ = own * noise / (own + noise)  # variance that the first training leaves of its own
    for one, more, level in zip(first, again, middle, strict=True):
        if not more:
            continue
        k, rest = len(more), np.asarray(more)[:, None] - level - one * own / spread**2
        within = ((rest - rest.mean(axis=0)) ** 2).sum(axis=0)
        between = noise + k * open_
        log = log - 0.5 * (
            (k - 1) * np.log(noise)
            + np.log(between)
            + within / noise
            + k * rest.mean(axis=0) ** 2 / between
        )
    weights = np.exp(log - log.max())
    return float(weights @ SHARES / weights.sum())
