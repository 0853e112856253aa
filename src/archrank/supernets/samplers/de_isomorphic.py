"""De-isomorphic sampling: every class of isomorphic architectures alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import SettingsError
from archrank.supernets.samplers.base import Sampler, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

TRIES = 1000  # batches of draws without any representative, before the space is given up
BATCH = 256


@dataclass(frozen=True)
class DeIsomorphic(Sampler):
    """One row of each class of isomorphic rows, all classes alike (Surgery, section 5.1).

    Rows are drawn until one is its own canonical row. Each class has exactly one, so classes are
    drawn alike, however many rows they have, and no table of classes is needed: the space may be
    as large as it likes.

    Attributes:
        m: architectures per update.

    Raises:
        SettingsError: ``m`` is no whole number of at least 1.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> rows = DeIsomorphic(m=4).sample(space, rng=np.random.default_rng(0))
        >>> bool((space.canonical(rows) == rows).all())
        True
    """

    m: int = 1

    def __post_init__(self) -> None:
        require_count(self, self.m)

    def sample(self, space: Space, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: hardly any row of the space is its own canonical row.
        """
        found: list[Archs] = []
        missing = self.m
        for _ in range(TRIES):
            rows = space.sample(BATCH, rng=rng)
            own = rows[(space.canonical(rows) == rows).all(axis=1)][:missing]
            found.append(own)
            missing -= len(own)
            if not missing:
                return np.concatenate(found)
        raise SettingsError(
            f"DeIsomorphic: of {TRIES * BATCH:,} draws from {space.name}, {self.m - missing} were "
            "their own canonical rows; use Uniform sampling"
        )
