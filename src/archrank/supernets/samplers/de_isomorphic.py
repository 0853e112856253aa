"""De-isomorphic sampling: every class of isomorphic architectures alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from archrank.checks import whole
from archrank.errors import SettingsError, SpaceError
from archrank.supernets.samplers.base import TRIES, Sampler, collected, require_count
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space
    from archrank.spaces.networks import Networks

BATCH = 256


@runtime_checkable
class DrawsClasses(Protocol):
    """Space that draws canonical rows itself, because few of its rows are canonical."""

    def sample_classes(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` canonical rows, all classes alike, with repetition: ``(n, d)``."""


@dataclass(frozen=True)
class DeIsomorphic(Sampler):
    """One row of each class of isomorphic rows, all classes alike (Surgery, section 4.3).

    By default the row is the canonical one, and rows are drawn until one is its own canonical row.
    Each class has exactly one, so classes are drawn alike, however many rows they have, and no
    table of classes is needed: the space may be as large as it likes.

    The Surgery's code goes another way, and keeps a dictionary: the first row that it draws of a
    class becomes the only one that it accepts of it. Its representatives are thus random members of
    their classes, and while many classes are new, large ones are trained more often. Both depend on
    everything that was drawn before, which a resumed training would have to store.
    ``representatives`` draws such random members once, by a seed and out of the table of classes.

    Attributes:
        m: architectures per update.
        table: list the space and draw from the table of its classes; up to a million rows.
        representatives: seed with which each class's row is drawn from all its rows; ``None``: the
            canonical rows. Needs the table, too.

    Raises:
        SettingsError: ``m`` is no whole number of at least 1, or the seed none of at least 0.

    Example:
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> rows = DeIsomorphic(m=4).sample(space.networks(), rng=np.random.default_rng(0))
        >>> bool((space.canonical(rows) == rows).all())
        True
    """

    m: int = 1
    table: bool = False
    representatives: int | None = None

    def __post_init__(self) -> None:
        require_count(self, self.m)
        if self.representatives is not None:
            what = "DeIsomorphic: representatives"
            whole(self.representatives, what, at_least=0, error=SettingsError)

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows.

        Raises:
            SettingsError: hardly any row of the space is its own canonical row, or the space is too
                large for a table.
        """
        space = networks.space
        if self.table or self.representatives is not None:
            rows = representatives(space, self.representatives)
            return rows[rng.integers(len(rows), size=self.m)]
        if isinstance(space, DrawsClasses):
            return space.sample_classes(self.m, rng=rng)
        return self._by_rejection(space, rng)

    def _by_rejection(self, space: Space, rng: np.random.Generator) -> Archs:
        def own() -> Archs:
            rows = space.sample(BATCH, rng=rng)
            canonical: Archs = rows[(space.canonical(rows) == rows).all(axis=1)]
            return canonical

        found = collected(self.m, own)
        if len(found) == self.m:
            return found
        raise SettingsError(
            f"DeIsomorphic: of {TRIES * BATCH:,} draws from {space.name}, {len(found)} were "
            "their own canonical rows; use Uniform sampling"
        )


@lru_cache(maxsize=2)
def representatives(space: Space, seed: int | None = None) -> Archs:
    """Return one row of each class of a space: ``(classes, d)``.

    Args:
        space: of up to a million rows.
        seed: draws the row of each class from all its rows; ``None``: the canonical ones.

    Raises:
        SettingsError: the space is too large.
    """
    try:
        rows = space.enumerate()
    except SpaceError:
        raise SettingsError(
            f"DeIsomorphic: {space.name} has {space.size:.3g} architectures, too many for a table "
            "of their classes; sample without one"
        ) from None
    canonical = space.canonical(rows)
    if seed is None:
        return np.unique(canonical, axis=0)
    order = np.random.default_rng(seed).permutation(len(rows))
    _, first = np.unique(canonical[order], axis=0, return_index=True)
    return rows[order[first]]
