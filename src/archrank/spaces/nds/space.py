"""The cell spaces of NDS: DARTS, ENAS, PNAS, Amoeba and NASNet (Radosavovic et al., ICCV 2019).

Every network has a normal and a reduction cell, a width and a depth. A cell has four (DARTS) or
five nodes, each the sum of two operations on one of the two cells before or an earlier node.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import Choice, Graphs, Space
from archrank.spaces.common import common_features
from archrank.spaces.images import CIFAR10, IMAGENET, ImageSizes, image_sizes
from archrank.spaces.nds import cells
from archrank.spaces.nds.cost import cell_costs, network_cost
from archrank.spaces.nds.families import FAMILIES, different_sizes
from archrank.spaces.nds.strings import encode_cell, join_genotypes, split_genotypes
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.nds import CellGenotype, NDSNetwork
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

Stem = Literal["cifar", "imagenet"]
KINDS = ("normal", "reduce")
DRAWS = 512  # rows that are drawn at once in search of canonical cells
CIFAR_WIDTHS, CIFAR_DEPTHS = (16, 24, 32), (4, 8, 12, 16, 20)
IMAGENET_WIDTHS, IMAGENET_DEPTHS = (32, 48, 64, 80, 96), (6, 10, 14, 18, 22)


class NDS(Space):
    """One of the NDS cell spaces.

    Decisions are, per cell (normal, reduce), node and term, the operation and its input, then width
    and depth. Rows are the same network if cells agree up to the order of terms and of nodes.

    Costs leave out auxiliary heads, which part of the published networks were trained with.

    Args:
        family: ``darts``, ``enas``, ``pnas``, ``amoeba`` or ``nasnet``.
        stem: ``cifar`` or ``imagenet``; decides the default widths and depths.
        widths: channels of the first stage, even; ``None``: as published.
        depths: numbers of cells, at least 3; ``None``: as published.

    Example:
        >>> space = NDS("darts", widths=(16,), depths=(20,))
        >>> space.op_count, space.d
        (16777216, 34)
        >>> import numpy as np
        >>> space.format(space.sample(1, rng=np.random.default_rng(0)))[0][-18:]
        '|width=16|depth=20'
    """

    drawing = "nds"
    supernet_options = ("affine", "dropout")

    def __init__(
        self,
        family: str = "darts",
        stem: Stem = "cifar",
        *,
        widths: Sequence[int] | None = None,
        depths: Sequence[int] | None = None,
    ) -> None:
        if not isinstance(family, str) or family not in FAMILIES:
            raise UnknownNameError("NDS family", family, FAMILIES)
        if not isinstance(stem, str) or stem not in ("cifar", "imagenet"):
            raise UnknownNameError("stem", stem, ("cifar", "imagenet"))
        self.family, self.stem = family, stem
        made = FAMILIES[family]
        self.ops, self.nodes, self.loose = made.ops, made.nodes, made.loose
        self.none = self.ops.index("none") if "none" in self.ops else None
        cifar = stem == "cifar"
        if widths is None:
            widths = CIFAR_WIDTHS if cifar else IMAGENET_WIDTHS[: made.imagenet_widths]
        if depths is None:
            depths = CIFAR_DEPTHS if cifar else IMAGENET_DEPTHS
        self.widths, self.depths = (
            different_sizes("widths", widths),
            different_sizes("depths", depths),
        )
        if min(self.depths) < 3 or any(w % 2 for w in self.widths):
            raise SpaceError(
                f"NDS networks have 3 or more cells and even widths, got depths {self.depths} and "
                f"widths {self.widths}"
            )
        fixed = "_fixwd" if (self.widths, self.depths) == ((16,), (20,)) else ""
        self.name = f"nds_{family}{fixed}" + ("" if cifar else "_in")
        self.choices = (
            *(c for kind in KINDS for i in range(self.nodes) for c in self._terms(kind, i)),
            Choice("width", self.widths),
            Choice("depth", self.depths),
        )

    def _terms(self, kind: str, node: int) -> list[Choice]:
        states = tuple(range(node + 2))
        pairs = (("op", self.ops), ("input", states))
        return [Choice(f"{kind}{node}{k}_{what}", options) for k in "ab" for what, options in pairs]

    @property
    def op_count(self) -> int:
        """Cells of one kind, inputs ignored, ``ops^(2 nodes)``: AceNAS, table 1."""
        return int(len(self.ops) ** (2 * self.nodes))

    @property
    def cell_count(self) -> int:
        """Cells of one kind, inputs counted."""
        return prod((len(self.ops) * (i + 2)) ** 2 for i in range(self.nodes))

    def _cell(self, archs: Archs, kind: int) -> tuple[Archs, Archs]:
        """Operations and inputs of one kind of cell, ``(n, p)`` each."""
        block = self._columns(archs, kind)
        return block[:, ::2], block[:, 1::2]

    def _columns(self, archs: NDArray[Any], kind: int) -> NDArray[Any]:
        """Return a view of the decisions of one kind of cell: ``(n, 4 nodes)``."""
        start = 4 * self.nodes * kind
        return archs[:, start : start + 4 * self.nodes]

    def active(self, archs: Archs) -> Bools:
        """All decisions but the inputs of ``none``: ``(n, d)``."""
        active = np.ones(archs.shape, dtype=bool)
        if self.none is not None:
            active[:, 1:-2:2] = archs[:, :-2:2] != self.none
        return active

    def canonical(self, archs: Archs) -> Archs:
        """One row per set of equal cells, exact: ``(n, d)``."""
        rows = archs.copy()
        for kind in range(2):
            chosen, inputs = self._cell(rows, kind)  # views
            chosen[:], inputs[:] = cells.canonical_cells(chosen, inputs, len(self.ops), self.none)
        return rows

    def sample_classes(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw ``n`` canonical rows, all different networks alike: ``(n, d)``.

        Each kind of cell is drawn by itself until it is canonical, which one in some hundreds is.
        """
        rows = self.sample(n, rng=rng)
        found: list[Archs] = [rows[:0], rows[:0]]  # canonical cells of each kind
        while min(map(len, found)) < n:
            drawn = self.sample(DRAWS, rng=rng)
            same = self.canonical(drawn) == drawn
            for kind in range(2):
                own = drawn[self._columns(same, kind).all(axis=1)]
                found[kind] = np.concatenate([found[kind], own])
        for kind in range(2):
            self._columns(rows, kind)[:] = self._columns(found[kind], kind)[:n]
        return rows

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``normal=<op>~<input>+<op>~<input>/.../...|reduce=...|width=16|depth=20``."""
        return [self._text(row) for row in archs.tolist()]

    def _text(self, row: list[int]) -> str:
        terms = [f"{self.ops[k]}~{s}" for k, s in zip(row[:-2:2], row[1:-2:2], strict=True)]
        half = 2 * self.nodes
        return join_genotypes(
            terms[:half], terms[half:], self.widths[row[-2]], self.depths[row[-1]]
        )

    def parse(self, strings: Sequence[str]) -> Archs:
        """Inverse of :meth:`format`: ``(n, d)``.

        Raises:
            ArchitectureError: not of this form, or not of this space.
        """
        rows = np.empty((len(strings), self.d), dtype=np.uint8)
        for n, text in enumerate(strings):
            normal, reduce, width, depth = split_genotypes(text, n)
            try:
                rows[n] = self.row(normal, reduce, width, depth)
            except ArchitectureError as error:
                raise ArchitectureError(f"architecture {n}: {error}; in {text!r}") from None
        return rows

    def row(
        self,
        normal: Sequence[tuple[str, int | str]],
        reduce: Sequence[tuple[str, int | str]],
        width: int,
        depth: int,
    ) -> NDArray[np.uint8]:
        """The row of two published genotypes, lists of (operation, input): ``(d,)``.

        Raises:
            ArchitectureError: not of this space; says where.
        """
        codes: list[int] = []
        for kind, genotype in zip(KINDS, (normal, reduce), strict=True):
            codes += encode_cell(genotype, kind, self.ops, self.nodes)
        for what, value, options in (("width", width, self.widths), ("depth", depth, self.depths)):
            if value not in options:
                raise ArchitectureError(f"{what} {value} is not one of {options}")
            codes.append(options.index(value))
        return np.array(codes, dtype=np.uint8)

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Cells, width, depth and size of the canonical row: ``(n, f)``."""
        rows = self.canonical(archs)
        blocks: list[NDArray[np.generic]] = []
        for kind in range(2):
            blocks += cells.cell_features(*self._cell(rows, kind), len(self.ops), loose=self.loose)
        cost = self.cost(rows)
        blocks.append(np.log10(np.column_stack([cost["macs"], cost["params"]])))
        blocks += [self._width(rows)[:, None], self._depth(rows)[:, None]]
        return np.concatenate(blocks, axis=1, dtype=np.float32, casting="unsafe")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature, ``group:what``."""
        columns = (cells.cell_feature_names(kind, self.ops, self.nodes) for kind in KINDS)
        return (
            *chain.from_iterable(columns),
            "size:log macs",
            "size:log params",
            "scale:width",
            "scale:depth",
        )

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """The decisions of the canonical row: ``(n, d)``."""
        return super().tokens(self.canonical(archs))

    def graph(self, archs: Archs) -> Graphs:
        """Both cells side by side, ``v = 2 (3 nodes + 3)``: inputs, terms, sums, output of each.

        Beside the graph: width and depth, over the largest.
        """
        rows = self.canonical(archs)
        names = ("input", "earlier input", "output", *KINDS, *self.ops)
        both = [self._cell(rows, kind) for kind in range(2)]
        adjacency, codes = cells.graphs(both, loose=self.loose)
        extra = np.column_stack(
            [self._width(rows) / max(self.widths), self._depth(rows) / max(self.depths)]
        ).astype(np.float32)
        return Graphs(adjacency, codes, np.ones(codes.shape, dtype=bool), names, extra=extra)

    def common_features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers that mean the same in other spaces: ``(n, f)``, see :mod:`.spaces.common`."""
        rows = self.canonical(archs)
        return common_features(self.graph(rows), self.cost(rows))

    def _width(self, archs: Archs) -> NDArray[np.int64]:
        return np.array(self.widths)[archs[:, -2]]

    def _depth(self, archs: Archs) -> NDArray[np.int64]:
        return np.array(self.depths)[archs[:, -1]]

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, CIFAR10 if self.stem == "cifar" else IMAGENET)

    def _cost(self, archs: Archs, sizes: ImageSizes) -> dict[str, Floats]:
        sums = []
        for kind in range(2):
            chosen, inputs = self._cell(archs, kind)
            ends = cells.joined(inputs, loose=self.loose).sum(axis=1)
            sums.append(cell_costs(self.ops, chosen, inputs, ends, reduce=kind == 1))
        width, depth = self._width(archs), self._depth(archs)
        macs, params = np.zeros((2, len(archs)))
        for cells_ in self.depths:
            at = np.flatnonzero(depth == cells_)
            macs[at], params[at] = network_cost(
                sums[0].take(at),
                sums[1].take(at),
                width[at],
                cells_,
                n_classes=sizes.n_classes,
                input_shape=sizes.input_shape,
                imagenet=self.stem == "imagenet",
            )
        return {"macs": macs, "params": params}

    def genotype(self, arch: NDArray[np.uint8]) -> tuple[CellGenotype, CellGenotype]:
        """The normal and the reduction cell of ``arch: (d,)``."""
        from archrank.networks.nds import CellGenotype

        made = []
        for kind in range(2):
            chosen, inputs = self._cell(arch[None], kind)
            pairs = [(self.ops[k], int(s)) for k, s in zip(chosen[0], inputs[0], strict=True)]
            ends = np.flatnonzero(cells.joined(inputs, loose=self.loose)[0]) + 2
            made.append(CellGenotype(pairs, ends.tolist()))
        return made[0], made[1]

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> Blueprint[NDSNetwork]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.nds import NDSNetwork

        options = {
            "width": self.widths[arch[-2]],
            "depth": self.depths[arch[-1]],
            "n_classes": sizes.n_classes,
            "in_channels": sizes.channels,
            "stem": self.stem,
        }
        return Blueprint(NDSNetwork, self.genotype(arch), options)

    def _supernet(self, sizes: ImageSizes, **options: Any) -> Supernet:
        from archrank.networks.nds import stem_widths
        from archrank.supernets.nds import Design, NDSSupernet

        def design(arch: NDArray[np.uint8]) -> Design:
            width, depth = self.widths[arch[-2]], self.depths[arch[-1]]
            return Design(*self.genotype(arch), width, depth, stem_widths(self.stem))

        return NDSSupernet(
            self,
            design=design,
            build=lambda arch: self._build(arch, sizes),
            ops=self.ops,
            nodes=self.nodes,
            widths=self.widths,
            depths=self.depths,
            n_classes=sizes.n_classes,
            in_channels=sizes.channels,
            stem=self.stem,
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name, and widths and depths."""
        return f"{self.name}{(self.widths, self.depths)}"
