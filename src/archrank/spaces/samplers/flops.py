"""Drawing architectures of given FLOPs: the sampler of AttentiveNAS.

Wang et al., CVPR 2021, section 4.2 and the released code. A large uniform sample gives the
empirical distribution of FLOPs in bins of 25 million, and for each bin the distribution of every
decision alone. A target is drawn from the former, the decisions of an architecture independently
from the latter, again and again until its FLOPs fall into the target's bin. So within a bin
architectures are not uniform: they follow the product of the bin's marginals, conditioned on it.
The released code reads the sample from a file; here it is drawn, which takes about a second.
Members of a set of limited size are drawn alone, too; then as many are put in or left out, at
random, as the set needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.checks import number, quoted, whole
from archrank.errors import ArgumentError, SpaceError
from archrank.spaces.conditions import existing
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Space

TRIES = 101  # candidates per architecture, as released
STRICT_TRIES = 100 * TRIES
CHUNK = 16_384  # candidates drawn at a time


class FlopsSampler:
    """Draws architectures by their FLOPs.

    Args:
        space: whose architectures they are.
        mflops: ``(n, d) -> (n,)``, millions of FLOPs (or of MACs, as AttentiveNAS counts).
        rng: draws the sample that the distributions are estimated from.
        sample: its size; the published one has more than a million.
        bin_mflops: width of the bins.

    Attributes:
        targets: centres of the bins that were met, ascending: ``(k,)``.
        shares: the share of the sample in each: ``(k,)``.

    Example:
        >>> from archrank.spaces import AttentiveNAS
        >>> space = AttentiveNAS()
        >>> rng = np.random.default_rng(0)
        >>> sampler = FlopsSampler(space, space.mflops, rng=rng, sample=20_000)
        >>> archs = sampler.sample_band(100, (200, 600), rng=rng)
        >>> bool(space.mflops(archs).max() <= 600)
        True
    """

    def __init__(
        self,
        space: Space,
        mflops: Callable[[Archs], Floats],
        *,
        rng: np.random.Generator,
        sample: int = 1_000_000,
        bin_mflops: float = 25.0,
    ) -> None:
        if not callable(getattr(space, "sample", None)):
            raise ArgumentError(f"FlopsSampler: space is {quoted(space)}, expected a Space")
        if not callable(mflops):
            raise ArgumentError(f"FlopsSampler: mflops is {quoted(mflops)}, expected a function")
        whole(sample, "FlopsSampler: sample")
        number(bin_mflops, "FlopsSampler: bin_mflops")
        if sample < 1 or bin_mflops <= 0:
            raise SpaceError(f"sample and bin_mflops are positive, got {sample} and {bin_mflops}")
        self.space, self.mflops, self.bin_mflops, self._n = space, mflops, bin_mflops, sample
        archs = space.sample(sample, rng=rng)
        found, place = np.unique(self._bins(mflops(archs)), return_inverse=True)
        self.targets: Floats = found * bin_mflops
        self.shares: Floats = np.bincount(place) / sample
        members = {j for one in space.subsets for j in one.columns}
        exists = existing(archs, space.conditions) if members else np.empty((0, 0), dtype=bool)
        # P(option <= k | bin) of every decision but for its last option: (options - 1, bins)
        self._cumulated: list[NDArray[np.float32]] = []
        for j, radix in enumerate(space.radices.tolist()):
            counted = slice(None) if j not in members else exists[:, j]
            cells = place[counted] * radix + archs[counted, j]
            counts = np.bincount(cells, minlength=len(found) * radix).reshape(len(found), radix)
            share = counts.cumsum(axis=1) / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            self._cumulated.append(np.ascontiguousarray(share[:, :-1].T, dtype=np.float32))

    def draw_targets(
        self,
        n: int,
        *,
        rng: np.random.Generator,
        band_mflops: tuple[float, float] | None = None,
    ) -> Floats:
        """Draw ``n`` targets, MFLOPs, from the empirical distribution: ``(n,)``.

        Args:
            n: how many.
            rng: draws them.
            band_mflops: lowest and highest centre of a bin; ``None``: all bins.

        Raises:
            SpaceError: there is no bin in the band.
        """
        shares = self.shares
        if band_mflops is not None:
            low, high = band_mflops
            shares = np.where((self.targets >= low) & (self.targets <= high), shares, 0.0)
            if not shares.any():
                raise SpaceError(
                    f"no bin of architectures of {self.space.name} is at {low:g} to {high:g} "
                    f"MFLOPs; {self._reach}"
                )
            shares = shares / shares.sum()
        drawn: Floats = rng.choice(self.targets, size=n, p=shares)
        return drawn

    def sample(
        self,
        n: int,
        *,
        rng: np.random.Generator,
        targets: Floats | None = None,
        strict: bool = False,
    ) -> Archs:
        """Draw ``n`` architectures, each in the bin of its target: ``(n, d)``.

        Args:
            n: how many.
            rng: draws them.
            targets: MFLOPs, ``(n,)``, rounded to bins; ``None``: :meth:`draw_targets`.
            strict: as published (``False``), the 101st candidate is accepted even outside of the
                bin; ``True`` goes on.

        Raises:
            SpaceError: a target in a bin that the sample never met, or with ``strict``, none found.
        """
        wanted = self.draw_targets(n, rng=rng) if targets is None else np.asarray(targets)
        if wanted.shape != (n,):
            raise SpaceError(f"expected {n} targets of shape ({n},), got {wanted.shape}")
        bins = self._bins(wanted)
        met = self._bins(self.targets)
        place = np.minimum(np.searchsorted(met, bins), len(met) - 1)
        wrong = np.flatnonzero(met[place] != bins)
        if len(wrong):
            raise SpaceError(
                f"no architecture of {self.space.name} around {wanted[wrong[0]]:g} MFLOPs is "
                f"known; {self._reach}"
            )

        def inside(rows: Ints, mflops: Floats) -> Bools:
            hit: Bools = self._bins(mflops) == bins[rows]
            return hit

        return self._reject(place, inside, rng, STRICT_TRIES if strict else TRIES, strict)

    def sample_band(
        self, n: int, band_mflops: tuple[float, float], *, rng: np.random.Generator
    ) -> Archs:
        """Draw ``n`` architectures with FLOPs in ``band_mflops``, both ends included: ``(n, d)``.

        Targets follow the empirical distribution inside the band (a bin that the band cuts counts
        in part); an architecture is accepted if it is in its target's bin and in the band.

        Raises:
            SpaceError: no architecture is known to lie in the band.
        """
        low, high = band_mflops
        half = self.bin_mflops / 2
        overlap = np.minimum(self.targets + half, high) - np.maximum(self.targets - half, low)
        weight = self.shares * np.maximum(overlap, 0)
        if not low < high or weight.sum() == 0:
            raise SpaceError(
                f"no architecture of {self.space.name} of {low:g} to {high:g} MFLOPs is known; "
                f"{self._reach}"
            )
        place = rng.choice(len(self.targets), size=n, p=weight / weight.sum())
        bins = self._bins(self.targets)[place]

        def inside(rows: Ints, mflops: Floats) -> Bools:
            hit: Bools = (mflops >= low) & (mflops <= high) & (self._bins(mflops) == bins[rows])
            return hit

        return self._reject(place, inside, rng, STRICT_TRIES, strict=True)

    @property
    def _reach(self) -> str:
        first, last = self.targets[0], self.targets[-1]
        return (
            f"the sample of {self._n:,} met bins around {first:g} to {last:g} MFLOPs, a larger one "
            "reaches further"
        )

    def _bins(self, mflops: Floats) -> Floats:
        """Number of the bin, ``round(f / 25)`` as released: ``(n,)``."""
        numbers: Floats = np.rint(mflops / self.bin_mflops)
        return numbers

    def _reject(
        self,
        place: Ints,
        inside: Callable[[Ints, Floats], Bools],
        rng: np.random.Generator,
        tries: int,
        strict: bool,
    ) -> Archs:
        """Draw for the bins ``place: (n,)`` until ``inside``, at most ``tries`` times each."""
        out = np.empty((len(place), self.space.d), dtype=np.uint8)
        for start in range(0, len(place), CHUNK):
            pending = np.arange(start, min(start + CHUNK, len(place)))
            left = tries
            while len(pending) and left:
                each = min(max(CHUNK // (8 * len(pending)), 1), left)  # few rows: many at once
                rows = np.tile(pending, (each, 1))  # (each, pending)
                archs = self._candidates(place[rows.ravel()], rng)
                hit = inside(rows.ravel(), self.mflops(archs)).reshape(rows.shape)
                first = np.where(hit.any(axis=0), hit.argmax(axis=0), each - 1)
                out[pending] = archs[first * len(pending) + np.arange(len(pending))]
                pending = pending[~hit.any(axis=0)]
                left -= each
            if strict and len(pending):
                target = self.targets[place[pending[0]]]
                raise SpaceError(
                    f"{tries} candidates of {self.space.name} around {target:g} MFLOPs, none "
                    "inside; widen the band"
                )
        return out

    def _candidates(self, place: Ints, rng: np.random.Generator) -> Archs:
        """One architecture per bin of ``place: (n,)``, decisions independent: ``(n, d)``.

        Sets that get too many or too few members are put right.
        """
        archs = np.zeros((self.space.d, len(place)), dtype=np.uint8)
        for row, cumulated in zip(archs, self._cumulated, strict=True):
            if len(cumulated):
                u = rng.random(len(place), dtype=np.float32)
                for share in cumulated:
                    row += u >= share[place]
        return self.space._completed(np.ascontiguousarray(archs.T), None, rng)
