"""The Space contract: what can be built, as arrays.

A population is an integer matrix ``archs: (n, d)`` of choice indices, dtype ``uint8``. Everything
a space knows is a vectorised function of such a matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.spaces.custom.declaration import Choices, Conditions
    from archrank.spaces.custom.space import CustomSpace
    from archrank.tasks.base import Task


@dataclass(frozen=True)
class Choice:
    """One decision: its name and its options, in index order."""

    name: str
    options: tuple[str | int | float, ...]


@dataclass(frozen=True)
class Graphs:
    """Architectures as dense graphs; row = source, column = target of an edge."""

    adjacency: Bools  # (n, v, v)
    ops: NDArray[np.uint8]  # (n, v) index into op_names
    mask: Bools  # (n, v) nodes that exist
    op_names: tuple[str, ...]
    edge_ops: NDArray[np.uint8] | None = None  # (n, v, v) where operations lie on edges
    extra: NDArray[np.float32] | None = None  # (n, f) what the graph leaves out (width, depth)


class Space(ABC):
    """A search space. Immutable: copying one returns itself.

    :class:`~archrank.spaces.vector.VectorSpace` implements all but :meth:`cost` and :meth:`build`
    for any list of choices.
    """

    name: str = "space"
    choices: tuple[Choice, ...]

    @staticmethod
    def from_choices(
        choices: Choices,
        build: Callable[[dict[str, Any], Task], nn.Module],
        *,
        active_if: Conditions | None = None,
        name: str = "custom",
    ) -> CustomSpace:
        """Your own space; see :class:`~archrank.spaces.custom.space.CustomSpace`."""
        from archrank.spaces.custom.space import CustomSpace

        return CustomSpace(choices, build, name, active_if=active_if)

    @property
    def d(self) -> int:
        """Number of decisions."""
        return len(self.choices)

    @property
    def size(self) -> int:
        """Number of distinct rows, before isomorphism."""
        return prod(len(c.options) for c in self.choices)

    @abstractmethod
    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as ``(n, d)`` uint8; raise ``ArchitectureError`` if it is not."""

    @abstractmethod
    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures uniformly over the choices, with repetition: ``(n, d)``."""

    @abstractmethod
    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change each decision with probability ``rate`` (``None``: exactly one): ``(n, d)``."""

    @abstractmethod
    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Mix parents ``a`` and ``b``, each ``(n, d)``, into ``(n, d)`` children."""

    @abstractmethod
    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """All architectures one decision away from ``arch: (d,)``: ``(k, d)``."""

    @abstractmethod
    def active(self, archs: Archs) -> Bools:
        """Which decisions influence the network: ``(n, d)``."""

    @abstractmethod
    def canonical(self, archs: Archs) -> Archs:
        """One representative row per set of equivalent architectures: ``(n, d)``, idempotent."""

    @abstractmethod
    def index(self, archs: Archs) -> Ints:
        """Number each row, ``0..size - 1``: ``(n,)``."""

    @abstractmethod
    def from_index(self, index: Ints) -> Archs:
        """Inverse of :meth:`index`: ``(n,)`` -> ``(n, d)``."""

    @abstractmethod
    def enumerate(self) -> Archs:
        """Every row in index order, ``(size, d)``; raise ``SpaceError`` where that is too many."""

    @abstractmethod
    def format(self, archs: Archs) -> list[str]:
        """Write each architecture as a string; the published form where there is one."""

    @abstractmethod
    def parse(self, strings: Sequence[str]) -> Archs:
        """Inverse of :meth:`format`; raise ``ArchitectureError`` naming string and fault."""

    @abstractmethod
    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers for tabular rankers: ``(n, f)``."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`."""

    @abstractmethod
    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """Integers for sequence rankers: ``(n, l)`` in ``0..n_tokens - 1``."""

    @property
    @abstractmethod
    def n_tokens(self) -> int:
        """Size of the vocabulary of :meth:`tokens`."""

    @abstractmethod
    def graph(self, archs: Archs) -> Graphs:
        """Dense graphs for graph rankers; raise ``SpaceError`` where there is no such view."""

    @abstractmethod
    def for_task(self, task: Task) -> Space:
        """Return the space whose :meth:`cost` counts the networks that are built for ``task``."""

    @abstractmethod
    def cost(self, archs: Archs) -> dict[str, Floats]:
        """Multiply-accumulates and trainable parameters: ``{"macs": (n,), "params": (n,)}``."""

    @abstractmethod
    def build(self, arch: NDArray[np.uint8], task: Task) -> nn.Module:
        """Build the network of one architecture ``(d,)`` for ``task``, untrained."""

    @abstractmethod
    def fingerprint(self) -> str:
        """What must agree for two runs to be of the same space."""
