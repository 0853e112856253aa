"""The ProxylessNAS space: 21 inverted residual blocks, 6^6 * 7^15 = 2.2e17 networks.

Cai, Zhu and Han, ICLR 2019, as TuNAS (Bender et al., CVPR 2020) and AceNAS (Zhang et al., 2021)
search it: kernel 3, 5 or 7 and expansion 3 or 6 per block; blocks 2 to 4 of a stage may be skipped.
The first, depthwise-separable block is fixed to kernel 3, as AceNAS has it (TuNAS searches it too).
AceNAS prints 6^5 * 7^16 = 2.58e17 networks; six blocks cannot be skipped, so it is 6^6 * 7^15.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import Choice, Graphs, Space
from archrank.spaces.images import IMAGENET, ImageSizes, image_sizes
from archrank.spaces.mobile.tunas import NAMED, checked_numbers, flat_numbers
from archrank.spaces.numbers import ORDERED
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.blueprint import Blueprint
    from archrank.networks.proxylessnas import Block, ProxylessNASNetwork
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task

OPS = ("k3e3", "k3e6", "k5e3", "k5e6", "k7e3", "k7e6", "skip")  # index order of AceNAS
SKIP = OPS.index("skip")
PARTS = ("depth", "kernel", "expand")  # of a block, or their sums over a stage
KERNEL = np.array([3, 3, 5, 5, 7, 7, 0])
EXPAND = np.array([3, 6, 3, 6, 3, 6, 0])
STAGES = (  # number, blocks, stride of the first block, width
    (2, 4, 2, 32),
    (3, 4, 2, 40),
    (4, 4, 2, 80),
    (5, 4, 1, 96),
    (6, 4, 2, 192),
    (7, 1, 1, 320),
)
STEM, FIRST, HEAD = 32, 16, 1280  # channels before, at the start of and after the searched blocks
TUNAS = np.array([0, 2, 4, 1, 3, 5, 6], dtype=np.uint8)  # their numbers -> ours


def _blocks() -> Iterator[tuple[str, int, int, int, int]]:
    """Name, stage number, input width, width and stride of every block."""
    c = FIRST
    for stage, blocks, stride, width in STAGES:
        for k in range(blocks):
            yield f"s{stage}b{k + 1}", stage, c, width, stride if k == 0 else 1
            c = width


BLOCKS = tuple(_blocks())
D = len(BLOCKS)
STAGE = np.array([stage for _, stage, *_ in BLOCKS]) - STAGES[0][0]  # (d,) 0..5


class ProxylessNAS(Space):
    """Chains of inverted residual blocks.

    MACs count convolutions and the classifier, parameters batch norms too; at 224 pixels
    ProxylessNAS-mobile has 320 million MACs.

    Example:
        >>> space = ProxylessNAS()
        >>> f"{space.size:.4g}"
        '2.215e+17'
        >>> space.format(space.named("ProxylessNAS-mobile"))[0][:34]
        'k5e3,k3e3,skip,skip|k7e3,k3e3,k5e3'
    """

    name = "proxylessnas"
    drawing = "proxylessnas"
    supernet_options = ("affine", "dropout")
    choices = tuple(
        Choice(name, OPS if stride == 1 and c_in == width else OPS[:SKIP])
        for name, _, c_in, width, stride in BLOCKS
    )

    # ---- sampling and identity -----------------------------------------------------------------

    def sample(self, n: int, *, rng: np.random.Generator, skip: float | None = None) -> Archs:
        """Draw ``n`` architectures: ``(n, 21)``.

        Args:
            n: how many.
            rng: draws them.
            skip: probability that a block is skipped which may be, the other operations sharing
                the rest; 0.5 in AceNAS's supernet. ``None``: all options alike, 1/7.

        Raises:
            SpaceError: ``skip`` is no probability.
        """
        if skip is not None and not 0 <= skip <= 1:
            raise SpaceError(f"skip is a probability, got {skip}")
        archs = super().sample(n, rng=rng)
        if skip is not None:
            kept = np.where(archs == SKIP, rng.integers(SKIP, size=archs.shape), archs)
            skips = (self.radices > SKIP) & (rng.random(archs.shape) < skip)
            archs = np.where(skips, SKIP, kept)
        return archs.astype(np.uint8)

    def canonical(self, archs: Archs) -> Archs:
        """Skipped blocks at the end of their stage: ``(n, 21)``.

        The blocks of a stage after its first have one shape, so the network is the same; latency
        models fitted per position see a difference of some hundredths of a millisecond.
        """
        out = archs.copy()
        for stage in range(len(STAGES)):
            columns = np.flatnonzero(stage == STAGE)[1:]
            if len(columns):
                order = np.argsort(archs[:, columns] == SKIP, axis=1, kind="stable")
                out[:, columns] = np.take_along_axis(archs[:, columns], order, axis=1)
        return out

    # ---- strings -------------------------------------------------------------------------------

    def named(self, name: str) -> Archs:
        """A published network: ``(1, 21)``; ``ProxylessNAS-mobile`` or ``AceNAS-M1``."""
        if name not in NAMED:
            raise UnknownNameError("ProxylessNAS network", name, NAMED)
        return self.from_tunas(np.array([NAMED[name]]))

    def format(self, archs: Archs) -> list[str]:
        """Operations of the blocks, stages separated by ``|``: ``k5e3,k3e3,skip,skip|...``."""
        ends = "".join("," if a == b else "|" for a, b in pairwise(STAGE))
        return [
            "".join(OPS[k] + end for k, end in zip(row, (*ends, ""), strict=True))
            for row in archs.tolist()
        ]

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings of :meth:`format`, published names and index strings of TuNAS.

        Raises:
            ArchitectureError: an unknown operation, another number of blocks, a wrong skip.
        """
        rows = np.empty((len(strings), D), dtype=np.uint8)
        for n, given in enumerate(strings):
            text = given.strip()
            if text in NAMED:
                rows[n] = self.named(text)[0]
            elif ":" in text:
                rows[n] = TUNAS[flat_numbers(text, n)]
            else:
                ops = [op.strip() for op in text.replace("|", ",").split(",")]
                wrong = next((op for op in ops if op not in OPS), None)
                if wrong is not None:
                    unknown = UnknownNameError("operation", wrong, OPS)
                    raise ArchitectureError(f"architecture {n}: {unknown}; in {given!r}")
                if len(ops) != D:
                    raise ArchitectureError(
                        f"architecture {n}: {given!r} has {len(ops)} blocks, {self.name} has {D}"
                    )
                rows[n] = [OPS.index(op) for op in ops]
        self._refuse_skips(rows)
        return rows

    def from_tunas(self, ids: NDArray[np.generic]) -> Archs:
        """Convert TuNAS's flat operation numbers ``(n, 21)``, which have another order.

        Raises:
            ArchitectureError: wrong shape, a number out of range, a skip where none is allowed.
        """
        rows: Archs = TUNAS[checked_numbers(np.asarray(ids))]
        self._refuse_skips(rows)
        return rows

    def to_tunas(self, archs: Archs) -> Archs:
        """Inverse of :meth:`from_tunas`: ``(n, 21)``."""
        ids: Archs = np.argsort(TUNAS).astype(np.uint8)[archs]
        return ids

    def _refuse_skips(self, rows: Archs) -> None:
        bad = np.argwhere((rows == SKIP) & (self.radices <= SKIP))
        if len(bad):
            row, column = map(int, bad[0])
            raise ArchitectureError(
                f"architecture {row}: block {BLOCKS[column][0]} cannot be skipped, it changes the "
                "shape; blocks 2 to 4 of stages 2 to 6 can"
            )

    # ---- views ---------------------------------------------------------------------------------

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """Numbers of every block, operations, sums per stage, of the canonical row: ``(n, f)``.

        Groups: ``ordered`` kernel size and expansion of each block, from 1 to 2, 0 if skipped;
        ``choice`` one-hot per block; ``depth`` kept blocks of a stage, ``kernel`` and ``expand``
        the sums of its kernel sizes and expansions.
        """
        one = self.canonical(archs)
        stages = np.eye(len(STAGES), dtype=np.float32)[STAGE]  # (d, stages)
        per_block = (one != SKIP, KERNEL[one], EXPAND[one])
        sums = [values.astype(np.float32) @ stages for values in per_block]  # (n, stages) each
        scaled = [
            np.where(v > 0, 1 + (v - 3) / (high - 3), 0)
            for v, high in zip(per_block[1:], (7, 6), strict=True)
        ]
        return np.concatenate([*scaled, super().features(one), *sums], axis=1, dtype=np.float32)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per column of :meth:`features`, ``group:what``."""
        scaled = [f"{ORDERED}:{c.name} {what}" for what in PARTS[1:] for c in self.choices]
        sums = [f"{what}:s{s}" for what in PARTS for s, *_ in STAGES]
        return (*scaled, *super().feature_names, *sums)

    def tokens(self, archs: Archs) -> NDArray[np.int64]:
        """The operation of every block of the canonical row: ``(n, 21)`` in 0..6."""
        return self.canonical(archs).astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Number of operations."""
        return len(OPS)

    def graph(self, archs: Archs) -> Graphs:
        """The chain of blocks that are not skipped: ``(n, 21)`` nodes, the last ones masked.

        AceNAS gives a node two one-hot codes, of its operation and of its stage
        (:meth:`node_features`); ``ops`` holds the pair as one number, ``6 * stage + operation``.
        Self-loops are left to the ranker; the fixed first block is left out, as published.
        """
        kept = archs != SKIP
        order = np.argsort(~kept, axis=1, kind="stable")
        mask = np.take_along_axis(kept, order, axis=1)
        pairs = np.where(kept, archs + SKIP * STAGE, 0)
        ops = np.take_along_axis(pairs, order, axis=1).astype(np.uint8)
        adjacency = np.zeros((len(archs), D, D), dtype=bool)
        before = np.arange(D - 1)
        adjacency[:, before, before + 1] = mask[:, 1:]  # a chain: both ends exist
        names = tuple(f"s{s}:{op}" for s, *_ in STAGES for op in OPS[:SKIP])
        return Graphs(adjacency, ops, mask, names)

    def node_features(self, archs: Archs) -> NDArray[np.float32]:
        """AceNAS's nodes: one-hot operation and one-hot stage, ``(n, 21, 6 + 6)``."""
        graphs = self.graph(archs)
        op = np.eye(SKIP, dtype=np.float32)[graphs.ops % SKIP]  # (n, v, 6)
        stage = np.eye(len(STAGES), dtype=np.float32)[graphs.ops // SKIP]  # (n, v, 6)
        both: NDArray[np.float32] = np.concatenate([op, stage], axis=2) * graphs.mask[..., None]
        return both

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, IMAGENET)

    def _cost(self, archs: Archs, sizes: ImageSizes) -> dict[str, Floats]:
        fixed, table = costs(sizes)
        totals = fixed + table[np.arange(D), archs].sum(axis=1)  # (n, d, 2) -> (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: ImageSizes
    ) -> Blueprint[ProxylessNASNetwork]:
        from archrank.networks.blueprint import Blueprint
        from archrank.networks.proxylessnas import ProxylessNASNetwork

        blocks = [_block(j, op) for j, op in enumerate(arch.tolist()) if op != SKIP]
        options = {"n_classes": sizes.n_classes, "in_channels": sizes.channels}
        return Blueprint(ProxylessNASNetwork, (blocks,), options)

    def _supernet(self, sizes: ImageSizes, **options: Any) -> Supernet:
        from archrank.supernets.proxylessnas import ProxylessNASSupernet

        return ProxylessNASSupernet(
            self,
            blocks=[
                (c, [_block(j, op) for op in range(SKIP)]) for j, (_, _, c, *_) in enumerate(BLOCKS)
            ],
            build=lambda arch: self._build(arch, sizes),
            n_classes=sizes.n_classes,
            in_channels=sizes.channels,
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name: nothing else can be chosen."""
        return self.name


def _block(j: int, op: int) -> Block:
    """Return the settings of operation ``op`` of block ``j``."""
    from archrank.networks.proxylessnas import Block

    _, _, _, width, stride = BLOCKS[j]
    return Block(width, int(KERNEL[op]), int(EXPAND[op]), stride)


@lru_cache(maxsize=4)
def costs(sizes: ImageSizes) -> tuple[Floats, Floats]:
    """Return (MACs, params) of the fixed part ``(2,)``, of every block's options ``(d, 7, 2)``."""
    c_in, h, w = sizes.input_shape
    h, w = (h + 1) // 2, (w + 1) // 2  # an odd size is rounded up
    stem, depthwise, pointwise = 9 * c_in * STEM, 9 * STEM, STEM * FIRST
    weights = stem + depthwise + pointwise
    fixed = np.array([weights * h * w, weights + 2 * (STEM + STEM + FIRST)], dtype=np.float64)
    table = np.zeros((D, len(OPS), 2))
    for j, (_, _, c, width, stride) in enumerate(BLOCKS):
        before = h * w
        h, w = (h + stride - 1) // stride, (w + stride - 1) // stride
        for op in range(SKIP):
            mid = c * int(EXPAND[op])
            inner = mid * int(KERNEL[op]) ** 2 + mid * width
            table[j, op] = (
                c * mid * before + inner * h * w,
                c * mid + inner + 2 * (mid + mid + width),
            )
    mix, linear = width * HEAD, HEAD * sizes.n_classes
    fixed += [mix * h * w + linear, mix + 2 * HEAD + linear + sizes.n_classes]
    return fixed, table
