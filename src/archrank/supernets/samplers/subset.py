"""Sampling from a fixed set of architectures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.errors import ArchitectureError, SettingsError
from archrank.supernets.samplers.base import Sampler, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks


@dataclass(frozen=True, eq=False)
class Subset(Sampler):
    """Some architectures of the space alike, such as those of a table or of a pruned space.

    Attributes:
        archs: ``(n, d)``.
        m: architectures per update.

    Raises:
        SettingsError: no architectures, or ``m`` is no whole number of at least 1.
    """

    archs: Archs
    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if np.ndim(self.archs) != 2 or not len(self.archs):
            raise SettingsError(
                f"Subset needs architectures (n, d), n of at least 1; got an array of shape "
                f"{np.shape(self.archs)}"
            )

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: a row is not of the space.
        """
        rows = np.asarray(self.archs)[rng.integers(0, len(self.archs), self.m)]
        try:
            return networks.space.validate(rows)
        except ArchitectureError as error:
            raise SettingsError(f"Subset: {error}") from None

    def describe(self) -> dict[str, Any]:
        """Return the settings; of the architectures their number and a hash."""
        content = np.ascontiguousarray(self.archs, dtype=np.uint8).tobytes()
        return {
            "name": "Subset",
            "m": self.m,
            "n": len(self.archs),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
