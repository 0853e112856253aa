"""FairNAS: in every update each option of each decision is trained equally often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import SettingsError
from archrank.supernets.samplers.base import Sampler
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


@dataclass(frozen=True)
class FairNAS(Sampler):
    """Strict fairness (Chu, Zhang and Xu, ICCV 2021, section 3.2).

    One update trains ``m`` architectures, ``m`` being the most options that a decision has. Each
    decision is a permutation of its options, so architecture ``k`` takes the ``k``-th of each. The
    paper's decisions all have ``m`` options; one with fewer repeats them in further permutations,
    so that no option is used twice more often than another. Rows that the space does not allow are
    left out, as the Surgery leaves out cells without a path, and drawn again if none is left. Of
    NAS-Bench-101's, every fourth is.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> rows = FairNAS().sample(NASBench201().networks(), rng=np.random.default_rng(0))
        >>> np.sort(rows, axis=0)[:, 0].tolist()
        [0, 1, 2, 3, 4]
    """

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows, fewer where some are not valid.

        Raises:
            SettingsError: no valid row was found in a thousand draws.
        """
        space = networks.space
        m = int(space.radices.max())
        for _ in range(1000):
            rows = np.stack([_column(int(r), m, rng) for r in space.radices], axis=1)
            rows = space._completed(rows, None, rng)
            rows = rows[space.valid(rows)]
            if len(rows):
                return rows
        raise SettingsError(
            f"FairNAS found no valid architecture of {space.name} in 1,000 draws of {m}: use "
            "Uniform sampling"
        )


def _column(options: int, m: int, rng: np.random.Generator) -> Archs:
    """Return permutations of a decision's options, one after the other: ``(m,)``."""
    rounds = -(-m // options)
    column = np.concatenate([rng.permutation(options) for _ in range(rounds)])[:m]
    return column.astype(np.uint8)
