"""Spaces of named choices where some rows are not architectures."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.base import Space
from archrank.spaces.moves import redraw
from archrank.types import Archs, Bools, Floats


class ConstrainedSpace(Space):
    """A vector space whose moves stay among valid rows, by rejection.

    Subclasses implement :meth:`valid`, :meth:`sample` and :attr:`free`, and refuse invalid rows in
    :meth:`validate`. Some decision of more than one option must be free.
    """

    @abstractmethod
    def valid(self, archs: Archs) -> Bools:
        """Mark the rows that are architectures: ``(n,)``."""

    @property
    @abstractmethod
    def free(self) -> Bools:
        """Decisions whose change never makes a valid row invalid: ``(d,)``."""

    @abstractmethod
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` valid architectures, with repetition: ``(n, d)``."""

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change decisions as :class:`Space` does, to valid rows: ``(n, d)``.

        Invalid mutants are drawn again up to 64 times; then only free decisions change, at least
        one. High rates therefore change less than they say.
        """
        rates = None if rate is None else np.broadcast_to(rate, (len(archs), 1))
        again = super().mutate
        mutants = again(archs, rng=rng, rate=rates)
        bad = redraw(
            mutants,
            self.valid,
            lambda bad: again(archs[bad], rng=rng, rate=None if rates is None else rates[bad]),
        )
        mutants[bad] = np.where(self.free, mutants[bad], archs[bad])
        same = bad[(mutants[bad] == archs[bad]).all(axis=1)]
        column = rng.choice(np.flatnonzero(self.free & (self.radices > 1)), size=len(same))
        radix = self.radices[column]
        mutants[same, column] = (archs[same, column] + rng.integers(1, radix)) % radix
        return mutants

    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Take each decision from ``a`` or ``b``: ``(n, d)`` valid children of valid parents.

        Invalid children are drawn again up to 64 times; then only free decisions are mixed.
        """
        again = super().crossover
        children = again(a, b, rng=rng)
        bad = redraw(children, self.valid, lambda bad: again(a[bad], b[bad], rng=rng))
        children[bad] = np.where(self.free, children[bad], a[bad])
        return children

    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """All valid rows that differ from ``arch: (d,)`` in exactly one decision."""
        near = super().neighbors(arch)
        return near[self.valid(near)]
