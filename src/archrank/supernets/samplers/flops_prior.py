"""Sampling by FLOPs: a target from their distribution, then architectures that meet it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.checks import number
from archrank.errors import SettingsError, SpaceError
from archrank.supernets.samplers.base import Sampler, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


@dataclass(frozen=True)
class FlopsPrior(Sampler):
    """Targets follow the distribution of FLOPs in the space, architectures their targets.

    The first half of attentive sampling (AttentiveNAS, CVPR 2021, section 4.2), without a choice
    among candidates: a target is drawn from the distribution of FLOPs in bins, the decisions of an
    architecture independently from their distributions in that bin, until its FLOPs are in it. The
    101st candidate is taken even outside of it, as in the released code. See
    :class:`~archrank.spaces.FlopsSampler` and
    :attr:`Networks.flops_prior <archrank.spaces.networks.Networks.flops_prior>`.

    Attributes:
        m: architectures per update.
        mflops: lowest and highest target, in millions of MACs; ``None``: all there are.

    Raises:
        SettingsError: ``m`` is no whole number of at least 1, or the limits are no two numbers.

    Example:
        >>> from archrank.spaces import AttentiveNAS
        >>> networks = AttentiveNAS().networks()
        >>> networks.flops_prior.bin_mflops
        25.0
        >>> rows = FlopsPrior(m=2, mflops=(300, 400)).sample(
        ...     networks, rng=np.random.default_rng(0)
        ... )
        >>> rows.shape
        (2, 31)
    """

    m: int = 2
    mflops: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if self.mflops is None:
            return
        name = type(self).__name__
        if not isinstance(self.mflops, tuple | list) or len(self.mflops) != 2:
            raise SettingsError(f"{name}: mflops are two numbers, got {self.mflops!r}")
        low, high = (number(v, f"{name}: mflops", error=SettingsError) for v in self.mflops)
        if low > high:
            raise SettingsError(
                f"{name}: mflops are the lowest and the highest, got {low:g} and {high:g}"
            )
        object.__setattr__(self, "mflops", (low, high))

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: no network of the space has such FLOPs; tells the smallest and the
                largest.
        """
        return self.groups(networks, 1, rng=rng)

    def groups(self, networks: Networks, k: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``k`` architectures for each of ``m`` targets, one target's together: ``(m k, d)``.

        Raises:
            SettingsError: as :meth:`sample`.
        """
        prior = networks.flops_prior
        try:
            targets = prior.draw_targets(self.m, rng=rng, band_mflops=self.mflops)
        except SpaceError as error:
            ends = np.stack([networks.smallest, networks.largest])
            smallest, largest = networks.cost(ends)["macs"] / 1e6
            raise SettingsError(
                f"{type(self).__name__}: {error}; the smallest network has {smallest:.4g}, the "
                f"largest {largest:.4g} MFLOPs"
            ) from None
        return prior.sample(self.m * k, rng=rng, targets=np.repeat(targets, k))
