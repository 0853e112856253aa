"""A part of a space, by rows of the whole: strategies move in it, rankers know all of the space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.base import Graphs, Space
from archrank.spaces.networks import Networks
from archrank.spaces.restricted import RestrictedSpace
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from archrank.tasks.base import Task


class Inside(Space):
    """A restricted space whose rows are those of the space that was restricted.

    What is drawn, mutated, mixed, listed and counted lies in the smaller space. Architectures that
    do not are moved there first: a mutant of one has the decisions that are fixed. All views are
    those of the whole space, so evaluations from before stay of use.

    Args:
        whole: The space.
        smaller: ``whole.restrict(...)``.
    """

    def __init__(self, whole: Space, smaller: RestrictedSpace) -> None:
        self.whole, self.smaller = whole, smaller
        self.name, self.choices, self.conditions = whole.name, whole.choices, whole.conditions
        self.subsets, self.drawing = whole.subsets, whole.drawing
        self._fixed = np.array([len(choice.options) == 1 for choice in smaller.choices])
        self._values = self._up(smaller.sample(1, rng=np.random.default_rng(0)))[0]

    def _up(self, archs: Archs) -> Archs:
        """Return rows of the smaller space as rows of the whole one."""
        rows = self.smaller.to_origin(archs)
        if isinstance(self.whole, RestrictedSpace):  # both come from a larger one
            rows, _ = self.whole.from_origin(rows)
        return self.whole.canonical(rows) if self.conditions else rows

    def _down(self, archs: Archs) -> Archs:
        """Return rows of the whole space, moved inside, as rows of the smaller one."""
        moved = np.where(self._fixed, self._values, archs)
        rows, _ = self.smaller.from_origin(self.whole.to_origin(moved))
        return self.smaller._completed(rows, None, None)

    def contains(self, archs: Archs) -> Bools:
        """Mark the rows that lie in the smaller space: ``(n,)``."""
        _, inside = self.smaller.from_origin(self.whole.to_origin(archs))
        return inside

    def fingerprint(self) -> str:
        """Return the identity of the smaller space."""
        return self.smaller.fingerprint()

    # ---- what lies in the smaller space --------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of configurations of the smaller space."""
        return self.smaller.size

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures of the smaller space: ``(n, d)``."""
        return self._up(self.smaller.sample(n, rng=rng))

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change decisions that are not fixed, of architectures that are moved inside."""
        return self._up(self.smaller.mutate(self._down(archs), rng=rng, rate=rate))

    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Mix architectures that are moved inside."""
        return self._up(self.smaller.crossover(self._down(a), self._down(b), rng=rng))

    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """Architectures inside that differ from ``arch: (d,)``, moved inside, in one decision."""
        return self._up(self.smaller.neighbors(self._down(arch[None])[0]))

    def index(self, archs: Archs) -> Ints:
        """Number architectures that are moved inside, as the smaller space does."""
        return self.smaller.index(self._down(archs))

    def from_index(self, index: Ints) -> Archs:
        """Inverse of :meth:`index` inside."""
        return self._up(self.smaller.from_index(index))

    def enumerate(self) -> Archs:
        """Every valid configuration of the smaller space: ``(k, d)``."""
        return self._up(self.smaller.enumerate())

    # ---- what is the whole space's -------------------------------------------------------------

    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as rows of the whole space."""
        return self.whole.validate(archs)

    def valid(self, archs: Archs) -> Bools:
        """Tell which rows are architectures of the whole space."""
        return self.whole.valid(archs)

    def active(self, archs: Archs) -> Bools:
        """Mark decisions with an effect on the network."""
        return self.whole.active(archs)

    def canonical(self, archs: Archs) -> Archs:
        """Canonical rows of the whole space."""
        return self.whole.canonical(archs)

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """Return what is chosen in ``arch: (d,)``."""
        return self.whole.config(arch)

    def format(self, archs: Archs) -> list[str]:
        """Write architectures as the whole space does."""
        return self.whole.format(archs)

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read architectures as the whole space does."""
        return self.whole.parse(strings)

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers for tabular rankers."""
        return self.whole.features(archs)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`."""
        return self.whole.feature_names

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """Integers for sequence rankers."""
        return self.whole.tokens(archs)

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary of :meth:`tokens`."""
        return self.whole.n_tokens

    def graph(self, archs: Archs) -> Graphs:
        """Dense graphs for graph rankers."""
        return self.whole.graph(archs)

    def edge_graph(self, archs: Archs) -> Graphs:
        """Dense graphs with operations on edges."""
        return self.whole.edge_graph(archs)

    def networks(self, task: Task | None = None) -> Networks:
        """Return the networks of the whole space."""
        return self.whole.networks(task)

    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        return self.whole._build(arch, sizes)


def whole_of(space: Space) -> Space:
    """Return the space that rankers learn in: the whole of a part, else ``space`` itself."""
    return space.whole if isinstance(space, Inside) else space
