"""Learning rates that decay more slowly for complex architectures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import SettingsError
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks

SAMPLED = 1000  # architectures that tell how many parameters there may be


class DecayExponents:
    """Exponents of the schedule's decay, linear in the logarithm of the number of parameters.

    Large sub-networks need more updates than small ones, but get as many; a learning rate that
    stays high for longer makes up for that ("Subnet-aware dynamic supernet training", CVPR 2025).

    Args:
        networks: of the space and the task, whose parameters are counted.
        smallest: exponent of the smallest architectures.
        largest: exponent of the largest ones.

    Raises:
        SettingsError: all architectures have the same number of parameters.
    """

    def __init__(self, networks: Networks, smallest: float, largest: float) -> None:
        self._networks, self._ends = networks, (smallest, largest)
        sampled = self._sizes(networks.space.sample(SAMPLED, rng=np.random.default_rng(0)))
        self._range = (float(sampled.min()), float(sampled.max()))
        if self._range[0] == self._range[1]:
            raise SettingsError(
                f"decay_exponents: all architectures of {networks.space.name} have the same "
                "number of parameters, so none is more complex than another"
            )

    def _sizes(self, archs: Archs) -> Floats:
        return np.log(np.maximum(self._networks.cost(archs)["params"], 1.0))

    def __call__(self, archs: Archs) -> Floats:
        """Return the exponents of ``archs: (m, d)``, ``(m,)``.

        Rows beyond the sampled range have those of its ends.
        """
        return np.interp(self._sizes(archs), self._range, self._ends)
