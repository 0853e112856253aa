"""Smaller spaces: some options of another space, by rows of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import SpaceError
from archrank.spaces.base import ENUMERABLE, Choice, Graphs, Space
from archrank.spaces.conditions import existing
from archrank.spaces.moves import mutate_existing, redraw
from archrank.spaces.networks import Networks
from archrank.spaces.restriction import Restriction, read_kept
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

DRAWS = 4096  # rounds of drawing in which a valid row must have been found


class RestrictedSpace(Space):
    """A space that keeps some options of another one; see :meth:`Space.restrict`.

    Strings, costs, networks and what rankers see are those of the other space. Canonical rows are
    rows of this space. They tell exactly what is isomorphic if it has up to a million
    configurations, or if the other space's canonical row is inside; elsewhere some isomorphic
    architectures may be told apart.

    Args:
        origin: the whole space.
        restriction: options that are kept.

    Raises:
        SpaceError: no architecture is left.
    """

    def __init__(self, origin: Space, restriction: Restriction) -> None:
        instance(origin, Space, "RestrictedSpace: origin")
        instance(restriction, Restriction, "RestrictedSpace: restriction", "see Space.restrict")
        self._origin = origin
        self._restriction = restriction
        self.name = f"{origin.name}_restricted"
        self.drawing = origin.drawing
        self.supernet_options = origin.supernet_options
        self.supernet_recipe = origin.supernet_recipe
        self.choices = tuple(
            Choice(c.name, tuple(c.options[k] for k in kept), c.order)
            for c, kept in zip(origin.choices, restriction.kept, strict=True)
        )
        if any(condition is not None for condition in restriction.conditions):
            self.conditions = tuple(restriction.conditions)
        self.subsets = restriction.subsets
        self._radices = np.array([len(c.options) for c in self.choices], dtype=np.int64)
        self._all_valid = type(origin).valid is Space.valid
        self.sample(1, rng=np.random.default_rng(0))  # refuses what is left, if it is nothing

    @property
    def origin(self) -> Space:
        """The whole space."""
        return self._origin

    def to_origin(self, archs: Archs) -> Archs:
        """Return ``archs: (n, d)`` as rows of :attr:`origin`: ``(n, d)``."""
        return self._restriction.up(archs)

    def from_origin(self, rows: Archs) -> tuple[Archs, Bools]:
        """Return rows of :attr:`origin` as rows of this space, and which of them are inside.

        Args:
            rows: ``(n, d)``.

        Returns:
            ``(n, d)``, option 0 where an option is left out; and ``(n,)``.
        """
        return self._restriction.down(rows)

    def restrict(self, options: Mapping[str, Any]) -> Space:
        """Return a space that is smaller still; see :meth:`Space.restrict`."""
        chosen = read_kept(options, self)
        pairs = zip(chosen, self._restriction.kept, strict=True)
        kept = tuple(tuple(mine[k] for k in indices) for indices, mine in pairs)
        return RestrictedSpace(self._origin, Restriction(kept, self._origin))

    @property
    def radices(self) -> Ints:
        """Options per decision: ``(d,)``."""
        return self._radices

    # ---- validity ------------------------------------------------------------------------------

    def valid(self, archs: Archs) -> Bools:
        """Tell which rows are architectures of the whole space: ``(n,)``."""
        return self._origin.valid(self.to_origin(archs))

    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as ``(n, d)`` uint8.

        Raises:
            ArchitectureError: wrong shape, a choice out of range, or no architecture of the whole
                space.
        """
        rows = super().validate(archs)
        self._origin.validate(self.to_origin(rows))
        return rows

    def _settled(self, archs: Archs) -> Archs:
        """Put decisions that do not exist to option 0: ``(n, d)``."""
        if not self.conditions:
            return archs
        return np.where(existing(archs, self.conditions), archs, 0).astype(np.uint8)

    # ---- moving through the space --------------------------------------------------------------

    @cached_property
    def _listed(self) -> Archs | None:
        """All valid rows of a small space that has invalid ones, to draw from."""
        return None if self._all_valid or self.size > ENUMERABLE else self.enumerate()

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` valid rows uniformly over the choices, with repetition: ``(n, d)``."""
        draw = super().sample
        if self._all_valid:
            return self._settled(draw(n, rng=rng))
        if self._listed is not None:
            self._require_some(len(self._listed) > 0)
            found: Archs = self._listed[rng.integers(len(self._listed), size=n)]
            return found
        rows = self._settled(draw(n, rng=rng))
        left = redraw(
            rows, self.valid, lambda bad: self._settled(draw(len(bad), rng=rng)), tries=DRAWS
        )
        self._require_some(not len(left))
        return rows

    def _require_some(self, some: bool) -> None:
        """Refuse a space of which no architecture is left, or hardly any."""
        if not some:
            raise SpaceError(
                f"{self._origin.name} has no architecture with only the options that are kept, or "
                "hardly any; keep more of them"
            )

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change every decision with probability ``rate``, to valid rows; at least one: ``(n, d)``.

        Invalid mutants are drawn again up to 64 times; then a valid neighbour takes their place.
        """
        if not (self.radices > 1).any():
            return archs.copy()
        rates = None if rate is None else np.broadcast_to(rate, (len(archs), 1))

        def draw(at: Ints) -> Archs:
            some = None if rates is None else rates[at]
            if not self.conditions:
                return Space.mutate(self, archs[at], rng=rng, rate=some)
            exists = existing(archs[at], self.conditions)
            moved = mutate_existing(archs[at], exists, self.radices, rng=rng, rate=some)
            return self._completed(moved, moved != archs[at], rng)

        mutants = draw(np.arange(len(archs)))
        if not self._all_valid:
            for i in redraw(mutants, self.valid, draw):
                near = self.neighbors(archs[i])
                mutants[i] = rng.choice(near) if len(near) else archs[i]
        return mutants

    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Take each decision from ``a`` or ``b``: ``(n, d)`` valid children of valid parents."""
        draw = super().crossover
        children = draw(a, b, rng=rng)
        if not self._all_valid:
            left = redraw(children, self.valid, lambda bad: draw(a[bad], b[bad], rng=rng))
            children[left] = a[left]
        return children

    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """All valid rows that differ from ``arch: (d,)`` in exactly one decision."""
        near = super().neighbors(arch)
        return near[self.valid(near)]

    # ---- identity ------------------------------------------------------------------------------

    def active(self, archs: Archs) -> Bools:
        """Mark the decisions that influence the network: ``(n, d)``."""
        return self._origin.active(self.to_origin(archs))

    def canonical(self, archs: Archs) -> Archs:
        """One representative row per set of equivalent architectures: ``(n, d)``."""
        rows = self._settled(archs)
        if self._classes is not None:
            return self.from_index(self._classes[self.index(rows)])
        canonical, inside = self._restriction.down(self._origin.canonical(self.to_origin(rows)))
        return np.where((inside & self.valid(canonical))[:, None], canonical, rows)

    @cached_property
    def _classes(self) -> Ints | None:
        """Per number of a small space the smallest one that is isomorphic: ``(size,)``."""
        if self.size > ENUMERABLE:
            return None
        rows = self.enumerate()
        canonical = np.ascontiguousarray(self._origin.canonical(self.to_origin(rows)))
        _, first, group = np.unique(canonical, axis=0, return_index=True, return_inverse=True)
        numbers, classes = self.index(rows), np.arange(self.size)
        classes[numbers] = numbers[first[group.reshape(-1)]]
        return classes

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """Return what is chosen in ``arch: (d,)``, as the whole space does."""
        return self._origin.config(self.to_origin(arch[None])[0])

    def from_config(self, config: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Inverse of :meth:`config`; sets and blocks are read by the whole space.

        Raises:
            ArchitectureError: no configuration, or an option that is left out.
        """
        if not self._origin.subsets and type(self._origin).config is Space.config:
            return super().from_config(config)
        rows = self._origin.from_config(config)[None]
        archs, inside = self._restriction.down(rows)
        self._restriction.require_inside(rows, inside, self.name)
        row: NDArray[np.uint8] = archs[0]
        return row

    def fingerprint(self) -> str:
        """Return the identity of the whole space, and the options that are kept of it."""
        pairs = zip(self._origin.choices, self.choices, strict=True)
        kept = [
            f"{mine.name}={'|'.join(map(str, mine.options))}"
            for theirs, mine in pairs
            if theirs.options != mine.options
        ]
        return f"{self._origin.fingerprint()} restricted to {';'.join(kept)}"

    # ---- strings and views ---------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """Write each architecture as the whole space does."""
        return self._origin.format(self.to_origin(archs))

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings written by :meth:`format`: ``(n, d)``.

        Raises:
            ArchitectureError: a string that is not of this form, or has an option that is left
                out.
        """
        rows = self._origin.parse(strings)
        archs, inside = self._restriction.down(rows)
        self._restriction.require_inside(rows, inside, self.name)
        return archs

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers for tabular rankers, those of the whole space: ``(n, f)``."""
        return self._origin.features(self.to_origin(archs))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`."""
        return self._origin.feature_names

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """Integers for sequence rankers, those of the whole space: ``(n, l)``."""
        return self._origin.tokens(self.to_origin(archs))

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary of :meth:`tokens`."""
        return self._origin.n_tokens

    def graph(self, archs: Archs) -> Graphs:
        """Dense graphs for graph rankers, those of the whole space."""
        return self._origin.graph(self.to_origin(archs))

    def edge_graph(self, archs: Archs) -> Graphs:
        """Dense graphs whose operations lie on edges, those of the whole space."""
        return self._origin.edge_graph(self.to_origin(archs))

    def common_features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers that mean the same in other spaces, those of the whole space: ``(n, f)``."""
        return self._origin.common_features(self.to_origin(archs))

    # ---- networks ------------------------------------------------------------------------------

    def networks(self, task: Task | None = None) -> RestrictedNetworks:
        """Return the networks of the whole space for ``task``, by rows of this one."""
        return RestrictedNetworks(self, task)

    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        return self._origin._build(self.to_origin(arch[None])[0], sizes)


Space._restricted = RestrictedSpace


class RestrictedNetworks(Networks):
    """The networks of a restricted space: those of the whole one, by rows of the smaller."""

    @cached_property
    def whole(self) -> Networks:
        """The networks of the space that was restricted."""
        return self.space.origin.networks(self.task)

    @property
    def sizes(self) -> Any:
        """As of the whole space."""
        return self.whole.sizes

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """Return multiply-accumulates and trainable parameters of ``archs: (n, d)``."""
        return self.whole.cost(self.space.to_origin(archs))

    def build(self, arch: NDArray[np.uint8]) -> nn.Module:
        """Build the network of ``arch: (d,)``, untrained."""
        row = self.space.validate(arch[None])
        return self.whole.build(self.space.to_origin(row)[0])

    def blueprint(self, arch: NDArray[np.uint8]) -> Blueprint[Any] | None:
        """Return the call that builds the network of ``arch: (d,)``."""
        row = self.space.validate(arch[None])
        return self.whole.blueprint(self.space.to_origin(row)[0])

    def supernet(self, **options: Any) -> Supernet:
        """Return a new supernet, which takes rows of the smaller space.

        It has all weights of the whole space's; those that only other architectures use stay as
        they were initialised.

        Args:
            **options: of the whole space's supernet.

        Raises:
            SpaceError: the whole space has none, or not that option.
        """
        from archrank.supernets.restricted import RestrictedSupernet

        return RestrictedSupernet(self.space, self.whole.supernet(**options))
