"""The Space contract: what can be built, as arrays.

A population is an integer matrix ``archs: (n, d)`` of choice indices, dtype ``uint8``. Everything
a space knows is a vectorised function of such a matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted
from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces.conditions import Condition, existing
from archrank.spaces.features import DecisionFeatures
from archrank.spaces.given import row_of
from archrank.spaces.guard import guard
from archrank.spaces.moves import mutate_any, one_away
from archrank.spaces.networks import Networks
from archrank.spaces.numbering import NUMBERED, Numbering
from archrank.spaces.numbers import Order
from archrank.spaces.restriction import Restriction, read_kept
from archrank.spaces.strings import read_rows, write_rows
from archrank.spaces.subsets import Members, complete, draw, fitting, require_fitting, swapped
from archrank.types import Archs, Bools, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task


ENUMERABLE = 1_000_000  # spaces up to this size may be listed and tabulated whole


@dataclass(frozen=True)
class Choice:
    """One decision: its name and its options, in index order.

    Attributes:
        name: of the decision.
        options: in index order.
        order: how rankers place the options on a scale, see :mod:`archrank.spaces.numbers`.
    """

    name: str
    options: tuple[str | int | float, ...]
    order: Order = field(default="auto", compare=False)


@dataclass(frozen=True)
class Graphs:
    """Architectures as dense graphs; row = source, column = target of an edge."""

    adjacency: Bools  # (n, v, v)
    ops: NDArray[np.uint8]  # (n, v) index into op_names
    mask: Bools  # (n, v) nodes that exist
    op_names: tuple[str, ...]
    edge_ops: NDArray[np.uint8] | None = None  # (n, v, v) index into edge_op_names
    extra: NDArray[np.float32] | None = None  # (n, f) beside the graph, such as width and depth
    edge_op_names: tuple[str, ...] = ()
    none_ops: tuple[int, ...] = ()  # of op_names: nodes with these do not exist
    skip_ops: tuple[int, ...] = ()  # of op_names: the identity


class Space(ABC):
    """A search space: named choices, and whatever follows from them.

    A subclass sets :attr:`choices` and implements :meth:`_build`. It overrides what it knows
    better: costs in closed form (:meth:`_cost`), which decisions are active, what is isomorphic,
    published strings, richer views. Immutable: copying a space returns itself.

    :attr:`size`, :meth:`index`, :meth:`from_index` and :meth:`enumerate` count configurations:
    settings of the decisions that exist. Where all decisions always exist, these are the rows.
    Where some exist only under :attr:`conditions` (a user's, or layers beyond the depth), rows that
    differ in the others are one configuration, of which :meth:`sample`, :meth:`parse`,
    :meth:`from_index` and :meth:`enumerate` return the canonical row. Isomorphic configurations
    count separately; only :meth:`canonical` tells. Configurations that are not :meth:`valid` have
    numbers, but are not listed.
    """

    name: str = "space"
    choices: tuple[Choice, ...]
    drawing: str = "choices"
    """Kind of picture, a key of :data:`archrank.drawing.STYLES`; it may need more of the space."""
    conditions: tuple[Condition | None, ...] = ()
    """Conditions under which decisions exist, by column; empty where all always do."""
    subsets: tuple[Members, ...] = ()
    """Sets of limited size among the decisions, one column per member."""
    supernet_options: tuple[str, ...] = ()
    """Names of the options that :meth:`Networks.supernet` takes."""
    supernet_recipe: str = "cpu"
    """Name of the recipe that a supernet is trained by unless another is given."""
    _restricted: ClassVar[Callable[[Space, Restriction], Space]]  # set where it is defined

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put checks around the methods that a subclass overrides."""
        super().__init_subclass__(**kwargs)
        guard(cls)

    # ---- size and validity ---------------------------------------------------------------------

    @property
    def d(self) -> int:
        """Number of decisions."""
        return len(self.choices)

    @property
    def size(self) -> int:
        """Number of configurations."""
        if self.conditions or self.subsets:
            return self._numbering.size
        return prod(len(c.options) for c in self.choices)

    @property
    def radices(self) -> Ints:
        """Options per decision: ``(d,)``."""
        return np.array([len(c.options) for c in self.choices], dtype=np.int64)

    def validate(self, archs: NDArray[np.generic]) -> Archs:
        """Return ``archs`` as ``(n, d)`` uint8.

        Raises:
            ArchitectureError: wrong shape, non-integers, or a choice out of range (row, decision).
        """
        try:
            a = np.asarray(archs)
        except ValueError:  # rows of different lengths
            raise ArchitectureError(
                f"{self.name} expects archs of shape (n, {self.d}), got {quoted(archs)}"
            ) from None
        if a.ndim != 2 or a.shape[1] != self.d:
            raise ArchitectureError(
                f"{self.name} expects archs of shape (n, {self.d}), got {a.shape}"
                + ("; wrap a single architecture as arch[None]" if a.shape == (self.d,) else "")
            )
        if not np.issubdtype(a.dtype, np.integer):
            raise ArchitectureError(
                f"{self.name} expects integer choice indices, got dtype {a.dtype}"
            )
        bad = (a < 0) | (a >= self.radices)
        if bad.any():
            row, column = map(int, np.argwhere(bad)[0])
            choice = self.choices[column]
            raise ArchitectureError(
                f"architecture {row}: choice {a[row, column]} of decision {choice.name!r} is out "
                f"of range 0..{len(choice.options) - 1} ({', '.join(map(str, choice.options))})"
            )
        rows = a.astype(np.uint8, copy=False)
        if self.subsets:
            require_fitting(rows, existing(rows, self.conditions), self.subsets)
        return rows

    def valid(self, archs: Archs) -> Bools:
        """Tell which rows, with options in range, are architectures: ``(n,)``; all by default.

        Where there are :attr:`subsets`, those with the right number of members in each.
        """
        if not self.subsets:
            return np.ones(len(archs), dtype=bool)
        return fitting(archs, existing(archs, self.conditions), self.subsets)

    # ---- moving through the space --------------------------------------------------------------

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` architectures uniformly over the choices, with repetition: ``(n, d)``."""
        if (self.radices == self.radices[0]).all():  # one draw for all, several times faster
            rows = rng.integers(int(self.radices[0]), size=(n, self.d), dtype=np.uint8)
        else:
            rows = rng.integers(self.radices, size=(n, self.d)).astype(np.uint8)
        return draw(rows, self.subsets, rng=rng) if self.subsets else rows

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change every decision with probability ``rate`` to another option: ``(n, d)``.

        At least one changeable decision of each row changes, always to a different value.
        ``rate=None`` changes exactly one, as regularized evolution does; ``(n, 1)`` rates are one
        per row. A member that makes a set too large or small takes another's place, at random.
        """
        mutants = mutate_any(archs, self.radices, rng=rng, rate=rate)
        return self._completed(mutants, mutants != archs, rng)

    def crossover(self, a: Archs, b: Archs, *, rng: np.random.Generator) -> Archs:
        """Take each decision from ``a`` or ``b`` with probability 1/2 (uniform crossover).

        Sets get as many members as they need, of those that ``a`` and ``b`` do not share.
        """
        return self._completed(np.where(rng.random(a.shape) < 0.5, a, b), a == b, rng)

    def neighbors(self, arch: NDArray[np.uint8]) -> Archs:
        """All architectures that differ from ``arch: (d,)`` in exactly one decision.

        Or in one member of a set, which has taken the place of another. A set that exists only in
        the neighbour has its first members.
        """
        near = one_away(arch, self.radices)
        if not self.subsets:
            return near
        exists = existing(arch[None], self.conditions)
        near = near[fitting(near, exists & existing(near, self.conditions), self.subsets)]
        near = self._completed(near, None, None)
        return np.concatenate([near, swapped(arch, exists[0], self.subsets)])

    def _completed(
        self, archs: Archs, settled: Bools | None, rng: np.random.Generator | None
    ) -> Archs:
        """Give all sets of ``archs: (n, d)`` the right size, see :func:`.subsets.complete`."""
        if not self.subsets:
            return archs
        exists = existing(archs, self.conditions)
        return complete(archs, exists, self.subsets, settled=settled, rng=rng)

    # ---- identity ------------------------------------------------------------------------------

    def active(self, archs: Archs) -> Bools:
        """Mark decisions with an effect on the network: ``(n, d)``; all that exist, by default."""
        return existing(archs, self.conditions)

    def canonical(self, archs: Archs) -> Archs:
        """One representative row per set of equivalent architectures: ``(n, d)``.

        Idempotent; two rows are equivalent exactly if their canonical rows are equal. The default
        puts inactive decisions to option 0.
        """
        return np.where(self.active(archs), archs, 0).astype(np.uint8)

    def index(self, archs: Archs) -> Ints:
        """Number the configuration of each row, ``0..size - 1``: ``(n,)``.

        First decisions are most significant.

        Raises:
            ArchitectureError: a set has too many or too few members.
            SpaceError: the space does not fit into 63 bits.
        """
        if self.conditions or self.subsets:
            require_fitting(archs, existing(archs, self.conditions), self.subsets)
            return self._numbering.index(archs)
        if self.size > NUMBERED:
            raise SpaceError(f"{self.name} has {self.size:.3g} architectures: too many to number")
        if self.d == 0:
            return np.zeros(len(archs), dtype=np.int64)
        code = archs[:, 0].astype(np.int64)
        for column in range(1, self.d):
            code *= int(self.radices[column])
            code += archs[:, column]
        return code

    def from_index(self, index: Ints) -> Archs:
        """Inverse of :meth:`index`: ``(n,)`` numbers -> ``(n, d)``."""
        if self.conditions or self.subsets:
            return self._numbering.from_index(index)
        columns = np.unravel_index(np.asarray(index), tuple(self.radices.tolist()))
        return np.stack(columns, axis=1).astype(np.uint8)

    @cached_property
    def _numbering(self) -> Numbering:
        return Numbering(self.radices, self.conditions, self.subsets, self.name)

    def enumerate(self) -> Archs:
        """Every valid configuration in index order: ``(size, d)``, fewer where some are not valid.

        Raises:
            SpaceError: the space has more than a million configurations.
        """
        if self.size > ENUMERABLE:
            raise SpaceError(
                f"{self.name} has {self.size:.3g} architectures: too many to list; "
                "use sample() or a strategy that does not enumerate"
            )
        rows = self.from_index(np.arange(self.size))
        return rows[self.valid(rows)]

    # ---- names and strings ---------------------------------------------------------------------

    def config(self, arch: NDArray[np.uint8]) -> dict[str, Any]:
        """Return ``{decision: chosen option}`` of ``arch: (d,)``, for decisions that exist.

        Decisions without an effect are in it, such as operations on edges that lead nowhere:
        networks that are built with them may be slower all the same.
        """
        existent = existing(arch[None], self.conditions)[0].tolist()
        chosen = zip(self.choices, arch.tolist(), existent, strict=True)
        return {c.name: c.options[k] for c, k, exists in chosen if exists}

    def from_config(self, config: Mapping[str, Any]) -> NDArray[np.uint8]:
        """Inverse of :meth:`config`: the row ``(d,)`` of chosen options, keys in any order.

        Raises:
            ArchitectureError: an unknown decision or option, or a decision that is missing.
        """
        return row_of(self, config)

    def format(self, archs: Archs) -> list[str]:
        """Write each architecture as a string; the published form where there is one."""
        return write_rows(archs, self.choices)

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings written by :meth:`format`: ``(n, d)``.

        Raises:
            ArchitectureError: a string that is not of this form (with its number).
        """
        return read_rows(strings, self.choices, self.name)

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers for tabular rankers: ``(n, f)``; here views of the decisions.

        See :class:`~archrank.spaces.features.DecisionFeatures`.
        """
        return self._decision_features.of(archs, self.active(archs))

    @cached_property
    def _decision_features(self) -> DecisionFeatures:
        return DecisionFeatures(self.choices, self.subsets)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`, ``group:what``.

        Groups are what the default ranker gives a kernel each. Columns of one decision share what
        stands before ``=``.
        """
        return self._decision_features.names

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """Integers for sequence rankers: ``(n, l)`` in ``0..n_tokens - 1``; 0 means inactive."""
        offsets = 1 + np.concatenate([[0], np.cumsum(self.radices[:-1])])
        return np.where(self.active(archs), archs + offsets, 0).astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary of :meth:`tokens`."""
        return 1 + int(self.radices.sum())

    def graph(self, archs: Archs) -> Graphs:
        """Dense graphs for graph rankers.

        Raises:
            SpaceError: the space has no graph view.
        """
        raise SpaceError(f"{self.name} has no graph view; use a ranker on features or tokens")

    def edge_graph(self, archs: Archs) -> Graphs:
        """Dense graphs whose operations lie on edges (:attr:`Graphs.edge_ops`).

        Raises:
            SpaceError: the space has no such view.
        """
        raise SpaceError(f"{self.name} has no operations on edges")

    def common_features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers that mean the same in other spaces: ``(n, f)``, see :mod:`.spaces.common`.

        Raises:
            SpaceError: other spaces share none of this one's, as by default.
        """
        raise SpaceError(
            f"{self.name} has no features that other spaces share; spaces of cells have: "
            "nasbench101, nasbench201, transnas101_micro, those of NDS, your own cells"
        )

    # ---- smaller spaces ------------------------------------------------------------------------

    def restrict(self, options: Mapping[str, Any]) -> Space:
        """Return the smaller space that keeps only some options of some decisions.

        Args:
            options: ``{decision: options that are kept}``; a single option fixes the decision. Of
                a set of :attr:`subsets`, by its name: the members that may be in.

        Raises:
            UnknownNameError: no decision has that name.
            SpaceError: an option that its decision does not have, no option, or no architecture
                that is left.

        Example:
            >>> from archrank.spaces import NASBench201
            >>> space = NASBench201().restrict({"0->1": "nor_conv_3x3", "0->3": ["none"]})
            >>> space.size, space.format(space.enumerate()[:1])[0][:16]
            (625, '|nor_conv_3x3~0|')
        """
        return Space._restricted(self, Restriction(read_kept(options, self), self))

    @property
    def origin(self) -> Space:
        """The space that this one was restricted from; itself, if it was not."""
        return self

    def to_origin(self, archs: Archs) -> Archs:
        """Return ``archs: (n, d)`` as rows of :attr:`origin`: ``(n, d)``."""
        return archs

    # ---- networks ------------------------------------------------------------------------------

    def networks(self, task: Task | None = None) -> Networks:
        """Return the networks for ``task``: what they cost, and how one is built.

        Args:
            task: what they are built for; ``None`` for the published networks.

        Raises:
            SpaceError: the task does not suit the space, or there is none and nothing was
                published.
        """
        return Networks(self, task)

    def cost(self, archs: Archs) -> dict[str, Floats]:
        """Costs of the published networks: ``space.networks().cost(archs)``, ``(n,)`` each.

        Raises:
            SpaceError: there are none; costs depend on the task.
        """
        return self._published.cost(archs)

    @cached_property
    def _published(self) -> Networks:
        return self.networks()

    def _sizes(self, task: Task | None) -> Any:
        """Return what networks for ``task`` depend on beside the architecture.

        The task itself, unless a space knows better; :meth:`_cost` and :meth:`_build` receive it.

        Raises:
            SpaceError: see :meth:`networks`.
        """
        if task is None:
            raise SpaceError(
                f"{self.name} has no published networks: costs depend on the task; use "
                "space.networks(task).cost(archs)"
            )
        return task

    @abstractmethod
    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        """Build the network of a valid ``arch: (d,)``, untrained.

        Args:
            arch: what to build.
            sizes: what :meth:`_sizes` returned: the task, unless a space says otherwise.
        """

    def _blueprint(self, arch: NDArray[np.uint8], sizes: Any) -> Blueprint[Any] | None:
        """Return the call by which :meth:`_build` builds the network.

        It is of archrank's plain modules, or of a user's ``build``. Exports write it down as code.
        ``None``, as by default: the space's own code builds the network.
        """
        return None

    def _cost(self, archs: Archs, sizes: Any) -> dict[str, Floats] | None:
        """Return ``{"macs": (n,), "params": (n,)}`` in closed form.

        ``None``, as by default, lets every network be counted by running it once without
        arithmetic (:mod:`archrank.spaces.counting`).
        """
        return None

    def _supernet(self, sizes: Any, **options: Any) -> Supernet:
        """Return a new supernet for networks of these sizes.

        Args:
            sizes: what :meth:`_sizes` returned.
            **options: of this space's supernet.

        Raises:
            SpaceError: there is none, as by default.
        """
        raise SpaceError(f"{self.name} has no supernet; train its networks one by one")

    # ---- the space as a value ------------------------------------------------------------------

    def fingerprint(self) -> str:
        """Return the identity of the space: its name and choices."""
        options = ";".join(f"{c.name}={'|'.join(map(str, c.options))}" for c in self.choices)
        return f"{self.name}({options})"

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is computed when first used: workers receive spaces often."""
        computed = {
            name
            for name in dir(type(self))
            if isinstance(getattr(type(self), name, None), cached_property)
        }
        return {name: value for name, value in self.__dict__.items() if name not in computed}

    def __copy__(self) -> Space:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Space:
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.d} decisions, size {self.size:,}>"


guard(Space)
