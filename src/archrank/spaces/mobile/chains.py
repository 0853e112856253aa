"""Chains of blocks, some of which may be left out: what ProxylessNAS and FBNet have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, UnknownNameError
from archrank.spaces.base import Graphs, Space
from archrank.spaces.images import ImageSizes
from archrank.spaces.numbers import ORDERED
from archrank.types import Archs, Bools, Floats, Ints


class Position(NamedTuple):
    """Place of a block in the chain: its name, and what it must do to the shape."""

    name: str
    stage: int  # number, as published
    c_in: int
    width: int  # channels behind it
    stride: int

    @property
    def keeps_shape(self) -> bool:
        """True where a block that is skipped is the identity."""
        return self.stride == 1 and self.c_in == self.width


def positions(c_in: int, stages: Iterable[tuple[int, int, int, int]]) -> Iterator[Position]:
    """Yield the place of every block.

    Args:
        c_in: channels before the first block.
        stages: number, blocks, stride of the first block, and width of each.
    """
    for stage, blocks, stride, width in stages:
        for k in range(blocks):
            yield Position(f"s{stage}b{k + 1}", stage, c_in, width, stride if k == 0 else 1)
            c_in = width


class BlockChain(Space):
    """Chains of blocks, one decision each; the last operation skips the block.

    Where a block keeps the shape, skipping it is the identity, and it is left out of the network.

    Attributes:
        ops: operations in index order; the last one is ``skip``.
        nodes: those that may be a node of the graph, the first ones of ``ops``.
        settings: what operations are made of, by name: a number of each one, 0 of ``skip``.
        positions: places of the blocks, ``d`` of them.
        names: published networks by name, as strings of :meth:`format`.
    """

    ops: ClassVar[tuple[str, ...]]
    nodes: ClassVar[tuple[str, ...]]
    settings: ClassVar[Mapping[str, Ints]]
    positions: tuple[Position, ...]
    names: ClassVar[Mapping[str, str]]

    @property
    def skip(self) -> int:
        """Index of the operation that skips a block."""
        return len(self.ops) - 1

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """Numbers of the stages, in order."""
        return tuple(dict.fromkeys(p.stage for p in self.positions))

    @cached_property
    def stage_of(self) -> Ints:
        """Stage of each block, counted from 0: ``(d,)``."""
        return np.array([self.stages.index(p.stage) for p in self.positions])

    @cached_property
    def _keeps_shape(self) -> Bools:
        return np.array([p.keeps_shape for p in self.positions])

    def kept(self, archs: Archs) -> Bools:
        """Mark the blocks that are in the network: ``(n, d)``."""
        kept: Bools = (archs != self.skip) | ~self._keeps_shape
        return kept

    # ---- identity ------------------------------------------------------------------------------

    def canonical(self, archs: Archs) -> Archs:
        """Put skipped blocks at the end of their stage: ``(n, d)``.

        The blocks of a stage that keep the shape have one shape, so the network is the same.
        """
        out = archs.copy()
        for stage in range(len(self.stages)):
            columns = np.flatnonzero((stage == self.stage_of) & self._keeps_shape)
            if len(columns) > 1:
                order = np.argsort(archs[:, columns] == self.skip, axis=1, kind="stable")
                out[:, columns] = np.take_along_axis(archs[:, columns], order, axis=1)
        return out

    # ---- strings -------------------------------------------------------------------------------

    def named(self, name: str) -> Archs:
        """A published network, by its name: ``(1, d)``.

        Raises:
            UnknownNameError: no published network of this space has the name.
        """
        if name not in self.names:
            raise UnknownNameError(f"{type(self).__name__} network", name, self.names)
        return self.parse([self.names[name]])

    def format(self, archs: Archs) -> list[str]:
        """Operations of the blocks, stages separated by ``|``: ``k5e3,k3e3,skip,skip|...``."""
        ends = "".join("," if a == b else "|" for a, b in pairwise(self.stage_of))
        return [
            "".join(self.ops[k] + end for k, end in zip(row, (*ends, ""), strict=True))
            for row in archs.tolist()
        ]

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings of :meth:`format`, and names of published networks.

        Raises:
            ArchitectureError: an unknown operation, another number of blocks, a wrong skip.
        """
        rows = np.empty((len(strings), self.d), dtype=np.uint8)
        for n, given in enumerate(strings):
            rows[n] = self._row(given, n)
        self._refuse_skips(rows)
        return rows

    def _row(self, given: str, n: int) -> Sequence[int] | NDArray[np.generic]:
        """Return the options ``(d,)`` of architecture ``n`` of those that are read."""
        text = given.strip()
        text = self.names.get(text, text)
        ops = [op.strip() for op in text.replace("|", ",").split(",")]
        wrong = next((op for op in ops if op not in self.ops), None)
        if wrong is not None:
            unknown = UnknownNameError("operation", wrong, self.ops)
            raise ArchitectureError(f"architecture {n}: {unknown}; in {given!r}")
        if len(ops) != self.d:
            raise ArchitectureError(
                f"architecture {n}: {given!r} has {len(ops)} blocks, {self.name} has {self.d}"
            )
        return [self.ops.index(op) for op in ops]

    def _refuse_skips(self, rows: Archs) -> None:
        """Refuse rows that skip a block without the option to."""
        bad = np.argwhere((rows == self.skip) & (self.radices <= self.skip))
        if len(bad):
            row, column = map(int, bad[0])
            free = [c.name for c in self.choices if len(c.options) > self.skip]
            raise ArchitectureError(
                f"architecture {row}: block {self.choices[column].name} cannot be skipped, it "
                f"changes the shape; {', '.join(free)} can"
            )

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers of every block, operations, sums per stage, of the canonical row: ``(n, f)``.

        Groups: ``ordered`` each of :attr:`settings` of each block, from 1 to 2, 0 if skipped;
        ``choice`` one-hot per block; ``depth`` kept blocks of a stage, and a group of the sums over
        a stage for each of :attr:`settings`.
        """
        one = self.canonical(archs)
        stages = np.eye(len(self.stages), dtype=np.float32)[self.stage_of]  # (d, stages)
        values = [numbers[one] for numbers in self.settings.values()]
        sums = [v.astype(np.float32) @ stages for v in (self.kept(one), *values)]  # (n, stages)
        scaled = [_scale(numbers)[one] for numbers in self.settings.values()]
        return np.concatenate([*scaled, super().features(one), *sums], axis=1, dtype=np.float32)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`, ``group:what``."""
        scaled = [f"{ORDERED}:{c.name} {what}" for what in self.settings for c in self.choices]
        sums = [f"{what}:s{s}" for what in ("depth", *self.settings) for s in self.stages]
        return (*scaled, *super().feature_names, *sums)

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """The operation of every block of the canonical row: ``(n, d)``."""
        return self.canonical(archs).astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Number of operations."""
        return len(self.ops)

    def graph(self, archs: Archs) -> Graphs:
        """The chain of blocks that are in the network: ``(n, d)`` nodes, the last ones masked.

        A node's operation and its stage are one number, ``len(nodes) * stage + operation``;
        :meth:`node_features` has the two apart. Self-loops are left to the ranker.
        """
        kept = self.kept(archs)
        order = np.argsort(~kept, axis=1, kind="stable")
        mask = np.take_along_axis(kept, order, axis=1)
        pairs = np.where(kept, archs + len(self.nodes) * self.stage_of, 0)
        ops = np.take_along_axis(pairs, order, axis=1).astype(np.uint8)
        adjacency = np.zeros((len(archs), self.d, self.d), dtype=bool)
        before = np.arange(self.d - 1)
        adjacency[:, before, before + 1] = mask[:, 1:]  # a chain: both ends exist
        names = tuple(f"s{s}:{op}" for s in self.stages for op in self.nodes)
        return Graphs(adjacency, ops, mask, names)

    def node_features(self, archs: Archs) -> NDArray[np.float32]:
        """Nodes as AceNAS has them: one-hot operation and one-hot stage, ``(n, d, f)``."""
        graphs, kinds = self.graph(archs), len(self.nodes)
        op = np.eye(kinds, dtype=np.float32)[graphs.ops % kinds]  # (n, v, kinds)
        stage = np.eye(len(self.stages), dtype=np.float32)[graphs.ops // kinds]  # (n, v, stages)
        both: NDArray[np.float32] = np.concatenate([op, stage], axis=2) * graphs.mask[..., None]
        return both

    # ---- networks ------------------------------------------------------------------------------

    @abstractmethod
    def _costs(self, sizes: ImageSizes) -> tuple[Floats, Floats]:
        """Return (MACs, params) of the fixed part ``(2,)``, of every block's options.

        The second array is ``(d, len(ops), 2)``.
        """

    def _cost(self, archs: Archs, sizes: ImageSizes) -> dict[str, Floats]:
        fixed, table = self._costs(sizes)
        totals = fixed + table[np.arange(self.d), archs].sum(axis=1)  # (n, d, 2) -> (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}


def _scale(numbers: Ints) -> Floats:
    """Scale the numbers of operations from 1 for the smallest to 2 for the largest; 0 stays."""
    some = numbers[numbers > 0]
    return np.where(numbers > 0, 1 + (numbers - some.min()) / (some.max() - some.min()), 0.0)
