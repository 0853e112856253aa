"""Latency as a sum over decisions, and drawing architectures of a given latency.

TuNAS (Bender et al., CVPR 2020) predicts the latency of a ProxylessNAS network on a Pixel 1 as
``92.136 ms + sum over blocks of weight[block, operation]``. The weights come from a regression:
single ones mean little (some are negative), only totals do. They are read from a file
(:func:`archrank.hardware.pixel1_latency`); archrank does not ship them.

To draw from a band of latencies, the weights are rounded to a grid, a dynamic program counts the
ways to complete a partial architecture to each total, and rows are drawn decision by decision in
proportion to these counts, from a band widened by the largest rounding error; the exact latency
decides. Nine candidates in ten are accepted, where one in 250 of plain rejection is (83 to 85 ms).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from archrank.checks import instance, number, quoted
from archrank.errors import ArgumentError, SpaceError
from archrank.spaces.base import Space
from archrank.types import Archs, Bools, Floats, Ints

STEP_MS = 0.01  # coarsest grid of the dynamic program
CELLS = 200_000  # most points of its grid
CHUNK = 8_192  # rows drawn at a time, so that their intermediate arrays stay in cache
PATIENCE = 200  # rounds without one hit before a band counts as empty


class LinearLatency:
    """Milliseconds as a constant plus one weight per decision.

    Args:
        space: whose architectures they are.
        weights_ms: per decision, the weight of each option.
        bias_ms: the constant.

    Raises:
        ArgumentError: no space, or no numbers.
        SpaceError: weights of other decisions, or a space with sets of limited size, whose members
            cannot be drawn one after the other.

    Example:
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"a": [0, 1], "b": [0, 1, 2]}, build=lambda config, task: None)
        >>> latency = LinearLatency(space, [np.array([0.0, 3.0]), np.arange(3.0)], bias_ms=10)
        >>> latency(space.enumerate()).tolist()
        [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
        >>> drawn = latency.sample(50, (11.5, 13.5), rng=np.random.default_rng(0))
        >>> sorted(set(space.format(drawn)))
        ['a=0,b=2', 'a=1,b=0']
    """

    def __init__(self, space: Space, weights_ms: Sequence[Floats], bias_ms: float = 0.0) -> None:
        instance(space, Space, "LinearLatency: space")
        if space.subsets:
            raise SpaceError(
                f"LinearLatency draws decisions one after the other, and {space.name} has "
                f"{space.subsets[0].name!r}, a set of limited size: draw by space.sample(n, "
                "rng=rng), and keep what your own function of latency predicts to be in the band"
            )
        try:
            weights_ms = [np.asarray(w, dtype=np.float64).reshape(-1) for w in weights_ms]
        except (TypeError, ValueError):
            raise ArgumentError(
                f"LinearLatency: weights_ms is {quoted(weights_ms)}, expected one list of numbers "
                "per decision"
            ) from None
        bias_ms = number(bias_ms, "LinearLatency: bias_ms")
        sizes = [len(w) for w in weights_ms]
        if sizes != space.radices.tolist():
            raise SpaceError(
                f"{space.name}: latency weights have {sizes} options per decision, the space has "
                f"{space.radices.tolist()}"
            )
        self.space = space
        self.bias_ms = float(bias_ms)
        self.weights_ms = tuple(np.asarray(w, dtype=np.float64) for w in weights_ms)
        self._table = np.zeros((space.d, max(sizes)))
        for j, w in enumerate(self.weights_ms):
            self._table[j, : len(w)] = w

    def __call__(self, archs: Archs) -> Floats:
        """Latency in milliseconds: ``(n, d) -> (n,)``."""
        total: Floats = self.bias_ms + self._table[np.arange(self.space.d), archs].sum(axis=1)
        return total

    @property
    def range_ms(self) -> tuple[float, float]:
        """The fastest and the slowest architecture of the space."""
        fastest = sum(float(w.min()) for w in self.weights_ms)
        slowest = sum(float(w.max()) for w in self.weights_ms)
        return self.bias_ms + fastest, self.bias_ms + slowest

    def sample(
        self,
        n: int,
        band_ms: tuple[float, float],
        *,
        rng: np.random.Generator,
        skip: float | None = None,
    ) -> Archs:
        """Draw ``n`` architectures with latency in ``band_ms``, both ends included: ``(n, d)``.

        The distribution is that of drawing from the space and rejecting what lies outside: uniform
        over the architectures in the band, or, with ``skip``, the prior conditioned on the band.

        Args:
            n: how many.
            band_ms: lowest and highest latency, milliseconds.
            rng: draws them.
            skip: prior probability of the option ``skip`` wherever there is one, the other options
                sharing the rest; ``None``: all options alike.

        Raises:
            SpaceError: no architecture is known to lie in the band, or ``skip`` is no probability.
        """
        if skip is not None and not 0 <= skip <= 1:
            raise SpaceError(f"skip is a probability, got {skip}")
        low, high = band_ms
        fastest, slowest = self.range_ms
        if not (low < high and high >= fastest and low <= slowest):
            raise SpaceError(
                f"no architecture of {self.space.name} takes {low} to {high} ms: "
                f"the space ranges from {fastest:.3f} to {slowest:.3f} ms"
            )
        step = max(min(STEP_MS, (high - low) / 100), (slowest - fastest) / CELLS, 1e-9)
        program = _Program(self, step, skip)
        found: list[Archs] = []
        missing, misses = n, 0
        while missing > 0:
            rows = program.draw(min(CHUNK, int(1.2 * missing) + 16), low, high, rng)
            exact = self(rows)
            rows = rows[(exact >= low) & (exact <= high)][:missing]
            found.append(rows)
            missing -= len(rows)
            misses = 0 if len(rows) else misses + 1
            if misses == PATIENCE:
                raise SpaceError(
                    f"found no architecture of {self.space.name} that takes {low} to {high} ms; "
                    "widen the band"
                )
        return np.concatenate([np.empty((0, self.space.d), dtype=np.uint8), *found])


@dataclass(frozen=True, eq=False)
class LatencyBand:
    """Architectures that a model predicts to take between two latencies.

    Attributes:
        model: predicts latency.
        low_ms: lowest latency, included.
        high_ms: highest latency, included.
        skip: probability of the option ``skip`` where there is one, as in
            :meth:`LinearLatency.sample`.

    Raises:
        SpaceError: no architecture can lie in the band, or ``skip`` is no probability.
    """

    model: LinearLatency
    low_ms: float
    high_ms: float
    skip: float | None = None

    def __post_init__(self) -> None:
        self.sample(1, rng=np.random.default_rng(0))

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures of the band, with repetition: ``(n, d)``."""
        return self.model.sample(n, (self.low_ms, self.high_ms), rng=rng, skip=self.skip)

    def prior(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures as :meth:`sample` does, but of any latency: ``(n, d)``."""
        choices = self.model.space.choices
        columns = [
            rng.choice(len(c.options), size=n, p=_prior(c.options, self.skip)) for c in choices
        ]
        return np.stack(columns, axis=1).astype(np.uint8)

    def inside(self, archs: Archs) -> Bools:
        """Mark the architectures of the band: ``(n, d) -> (n,)``."""
        latency = self.model(archs)
        return np.asarray((latency >= self.low_ms) & (latency <= self.high_ms))

    def describe(self) -> dict[str, Any]:
        """Return the limits, the probability of ``skip`` and a digest of the model, as JSON."""
        weights = np.concatenate([[self.model.bias_ms], *self.model.weights_ms])
        digest = hashlib.sha256(weights.astype("<f8").tobytes()).hexdigest()[:12]
        return {
            "low_ms": self.low_ms,
            "high_ms": self.high_ms,
            "skip": self.skip,
            "latency_model": digest,
        }


class _Program:
    """Count of completions (weighted by the prior) from a partial sum to each total.

    ``ways[j][t]``: completions of decisions ``j ..`` whose rounded weights add up to ``t`` steps
    above their minimum. Counts beyond 2^53 are rounded to double precision.
    """

    def __init__(self, model: LinearLatency, step: float, skip: float | None) -> None:
        self.step, self.start, self.d = step, model.range_ms[0], model.space.d
        self.prior = [_prior(c.options, skip) for c in model.space.choices]
        self.steps: list[Ints] = [
            np.rint((w - w.min()) / step).astype(np.int64) for w in model.weights_ms
        ]
        size = 1 + sum(int(s.max()) for s in self.steps)
        self.ways = [np.zeros(size) for _ in range(self.d + 1)]
        self.ways[-1][0] = 1.0
        for j in reversed(range(self.d)):
            for p, s in zip(self.prior[j], self.steps[j].tolist(), strict=True):
                self.ways[j][s:] += p * self.ways[j + 1][: size - s]

    def draw(self, n: int, low: float, high: float, rng: np.random.Generator) -> Archs:
        """``n`` rows whose rounded latency is in the band, widened by the rounding: ``(n, d)``."""
        error = self.d / 2 + 1  # steps
        first = max(int((low - self.start) / self.step - error), 0)
        last = max(int((high - self.start) / self.step + error), 0) + 1
        mass = np.cumsum(self.ways[0][first:last])
        rows = np.zeros((n, self.d), dtype=np.uint8)
        if mass[-1] == 0:
            return rows[:0]
        total = first + np.searchsorted(mass, rng.random(n) * mass[-1], side="right")
        total = np.minimum(total, last - 1, dtype=np.int64)
        for j in range(self.d):
            rest = total - self.steps[j][:, None]  # (options, n)
            ways = self.ways[j + 1][np.maximum(rest, 0)] * self.prior[j][:, None]
            ways[rest < 0] = 0.0
            cumulated = np.cumsum(ways, axis=0)
            pick = (rng.random(n) * cumulated[-1] >= cumulated[:-1]).sum(axis=0)
            rows[:, j] = pick
            total = total - self.steps[j][pick]
        return rows


def _prior(options: Sequence[str | int | float], skip: float | None) -> Floats:
    """Probability of each option; see :meth:`LinearLatency.sample`."""
    if skip is None or "skip" not in options or len(options) == 1:
        return np.full(len(options), 1 / len(options))
    share = (1 - skip) / (len(options) - 1)
    return np.array([skip if o == "skip" else share for o in options])
