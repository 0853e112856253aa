"""The AttentiveNAS space: 31 decisions, 4.40e11 networks.

Wang et al., "AttentiveNAS: Improving Neural Architecture Search via Attentive Sampling", CVPR 2021,
Table 2: image resolution, and width, depth, kernel size and expansion of each stage. Decisions
stand in the order of the released accuracy predictor: resolution, 9 widths, 7 depths, 7 kernel
sizes, 7 expansions (the released sampler has another order). Three expansions have one option.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted, whole
from archrank.errors import ArchitectureError, SpaceError, UnknownNameError
from archrank.spaces.base import Choice, Space
from archrank.spaces.images import IMAGENET, ImageSizes, image_sizes
from archrank.spaces.mobile.attentivenas_cost import halved, head_cost, stage_cost, stem_cost
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.tasks.base import Task


class StageOptions(NamedTuple):
    """One row of Table 2."""

    name: str
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    kernels: tuple[int, ...]
    expands: tuple[int, ...]
    se: bool
    stride: int


RESOLUTIONS = (192, 224, 256, 288)
FIRST, LAST = (16, 24), (1792, 1984)  # widths of the first and the last convolution
STAGES = (
    StageOptions("mb1", (16, 24), (1, 2), (3, 5), (1,), False, 1),
    StageOptions("mb2", (24, 32), (3, 4, 5), (3, 5), (4, 5, 6), False, 2),
    StageOptions("mb3", (32, 40), (3, 4, 5, 6), (3, 5), (4, 5, 6), True, 2),
    StageOptions("mb4", (64, 72), (3, 4, 5, 6), (3, 5), (4, 5, 6), False, 2),
    StageOptions("mb5", (112, 120, 128), (3, 4, 5, 6, 7, 8), (3, 5), (4, 5, 6), True, 1),
    StageOptions("mb6", (192, 200, 208, 216), (3, 4, 5, 6, 7, 8), (3, 5), (6,), True, 2),
    StageOptions("mb7", (216, 224), (1, 2), (3, 5), (6,), True, 1),
)
HEAD_EXPAND = 6

NAMED = {  # the released configurations
    "A0": "192:16,16,24,32,64,112,192,216,1792:1333331:3333333:1444466",
    "A1": "224:16,16,24,32,64,112,192,216,1984:1333331:3335353:1444466",
    "A2": "224:16,16,24,32,64,112,200,224,1984:1333341:3333353:1454466",
    "A3": "224:16,16,24,32,64,112,208,224,1984:2334351:3335333:1444466",
    "A4": "256:16,16,24,32,64,112,192,216,1984:1334351:3335353:1445466",
    "A5": "256:16,16,24,32,72,112,192,216,1792:1333461:3335333:1454466",
    "A6": "288:16,16,24,32,64,112,216,224,1984:1334461:3333353:1465466",
}
_FORM = re.compile(r"(\d+):(\d+(?:,\d+){8}):(\d{7}):(\d{7}):(\d{7})")


def _choices(resolutions: tuple[int, ...]) -> tuple[Choice, ...]:
    widths = [("first_conv", FIRST), *((s.name, s.widths) for s in STAGES), ("last_conv", LAST)]
    return (
        Choice("resolution", resolutions),
        *(Choice(f"width_{name}", options) for name, options in widths),
        *(Choice(f"depth_{s.name}", s.depths) for s in STAGES),
        *(Choice(f"kernel_{s.name}", s.kernels) for s in STAGES),
        *(Choice(f"expand_{s.name}", s.expands) for s in STAGES),
    )


class AttentiveNAS(Space):
    """The AttentiveNAS space.

    MACs count convolutions and the classifier, as the paper's "FLOPs" do, parameters all layers. A
    task's images are resized to the resolution. There is no graph view: the published predictor
    reads the 31 numbers.

    Args:
        resolutions: options of the resolution; the published ones are for ImageNet.

    Example:
        >>> space = AttentiveNAS()
        >>> f"{space.size:.3g}"
        '4.4e+11'
        >>> a0 = AttentiveNAS.named("A0")
        >>> f"{space.mflops(a0)[0]:.2f}"
        '203.39'
        >>> space.format(a0)
        ['192:16,16,24,32,64,112,192,216,1792:1333331:3333333:1444466']
    """

    name = "attentivenas"
    drawing = "attentivenas"

    def __init__(self, resolutions: Sequence[int] = RESOLUTIONS) -> None:
        try:
            resolutions = tuple(whole(r, "a resolution") for r in resolutions)
        except TypeError:
            raise SpaceError(
                f"resolutions are different positive numbers, got {quoted(resolutions)}"
            ) from None
        if not resolutions or len(set(resolutions)) != len(resolutions) or min(resolutions) < 1:
            raise SpaceError(f"resolutions are different positive numbers, got {resolutions!r}")
        self.resolutions = tuple(resolutions)
        self.choices = _choices(self.resolutions)

    @classmethod
    def named(cls, name: str) -> Archs:
        """A published network, ``A0`` to ``A6``, as a row of the published space: ``(1, 31)``."""
        if name not in NAMED:
            raise UnknownNameError("AttentiveNAS network", name, NAMED)
        return cls().parse([NAMED[name]])

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``resolution:widths:depths:kernels:expansions``, as in :data:`NAMED`."""
        strings = []
        for row in self.predictor_vector(archs).tolist():
            digits = ["".join(map(str, row[k : k + 7])) for k in (10, 17, 24)]
            strings.append(":".join([str(row[0]), ",".join(map(str, row[1:10])), *digits]))
        return strings

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings of :meth:`format`, and the names ``A0`` to ``A6``: ``(n, 31)``.

        Raises:
            ArchitectureError: not of this form, or a value that its decision does not offer.
        """
        rows = np.empty((len(strings), self.d), dtype=np.uint8)
        codes = [{int(o): k for k, o in enumerate(c.options)} for c in self.choices]
        for n, text in enumerate(strings):
            found = _FORM.fullmatch(NAMED.get(text.strip(), text.strip()))
            if found is None:
                raise ArchitectureError(
                    f"architecture {n}: expected resolution:9 widths:7 depths:7 kernels:7 "
                    f"expansions like {NAMED['A0']}, got {text!r}"
                )
            values = [found[1], *found[2].split(","), *found[3], *found[4], *found[5]]
            for j, value in enumerate(map(int, values)):
                if value not in codes[j]:
                    options = ", ".join(map(str, codes[j]))
                    raise ArchitectureError(
                        f"architecture {n}: {self.choices[j].name} is one of {options}, got "
                        f"{value} in {text!r}"
                    )
                rows[n, j] = codes[j][value]
        return rows

    # ---- views ---------------------------------------------------------------------------------

    def predictor_vector(self, archs: Archs) -> Ints:
        """The input of the released accuracy predictor, plain values: ``(n, 31)``."""
        values: Ints = self._values[np.arange(self.d), archs]
        return values

    @cached_property
    def _values(self) -> Ints:
        table = np.zeros((self.d, int(self.radices.max())), dtype=np.int64)
        for j, choice in enumerate(self.choices):
            table[j, : len(choice.options)] = choice.options
        return table

    # ---- networks ------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, IMAGENET)

    def _cost(self, archs: Archs, sizes: ImageSizes) -> dict[str, Floats]:
        totals = self._tables(sizes)[self._entries(archs)].sum(axis=1)  # (n, 9, 2) -> (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def mflops(self, archs: Archs) -> Floats:
        """Millions of MACs of the published networks, MFLOPs in the paper: ``(n,)``."""
        total: Floats = self._mmacs[self._entries(archs)].sum(axis=1)
        return total

    def _entries(self, archs: Archs) -> Ints:
        """Find the table entry of each of the nine parts of a network: ``(n, 9)``."""
        weights, offsets = self._places
        return (archs.astype(np.float32) @ weights).astype(np.int64) + offsets

    @cached_property
    def _parts(self) -> list[list[int]]:
        """The decisions that each part's cost depends on: stem, seven stages, head."""
        stages = [[0, 1 + k, 2 + k, 10 + k, 17 + k, 24 + k] for k in range(len(STAGES))]
        return [[0, 1], *stages, [0, 8, 9]]

    @cached_property
    def _places(self) -> tuple[NDArray[np.float32], Ints]:
        """Mixed-radix weights ``(d, 9)`` and the start of each part's table ``(9,)``."""
        weights = np.zeros((self.d, len(self._parts)), dtype=np.float32)
        sizes = []
        for part, columns in enumerate(self._parts):
            radices = self.radices[columns]
            weights[columns, part] = np.cumprod([1, *radices[:0:-1]])[::-1]
            sizes.append(int(radices.prod()))
        return weights, np.cumsum([0, *sizes[:-1]])

    def _tables(self, sizes: ImageSizes) -> Floats:
        """(MACs, params) of every part with every combination of its options: ``(entries, 2)``."""
        options = tuple(tuple(map(int, c.options)) for c in self.choices)
        return part_costs(tuple(map(tuple, self._parts)), options, sizes)

    @cached_property
    def _mmacs(self) -> Floats:
        return self._tables(IMAGENET)[:, 0] / 1e6

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        from archrank.networks.attentivenas import AttentiveNASNetwork, Stage

        values = self.predictor_vector(arch[None])[0].tolist()
        stages = [
            Stage(values[2 + k], values[10 + k], values[17 + k], values[24 + k], s.stride, s.se)
            for k, s in enumerate(STAGES)
        ]
        return AttentiveNASNetwork(
            values[0],
            values[1],
            stages,
            values[9],
            n_classes=sizes.n_classes,
            in_channels=sizes.channels,
        )

    def fingerprint(self) -> str:
        """Return the name, and the resolutions if they are not the published ones."""
        published = self.resolutions == RESOLUTIONS
        return self.name if published else f"{self.name}{self.resolutions}"


@lru_cache(maxsize=4)
def part_costs(
    parts: tuple[tuple[int, ...], ...], options: tuple[tuple[int, ...], ...], sizes: ImageSizes
) -> Floats:
    """Return (MACs, params) of every part with every combination of its options: ``(entries, 2)``.

    Args:
        parts: the decisions that the cost of each part depends on: stem, stages, head.
        options: values of every decision.
        sizes: of the network; its images are resized.
    """
    rows = [
        part_cost(part, sizes, *values)
        for part, columns in enumerate(parts)
        for values in product(*(options[j] for j in columns))
    ]
    return np.array(rows)


def part_cost(part: int, sizes: ImageSizes, resolution: int, *options: int) -> Floats:
    """Return (MACs, params) of the stem (0), a stage (1 to 7) or the head (8): ``(2,)``.

    Args:
        part: number of the part.
        sizes: of the network.
        resolution: pixels along each side of its images.
        options: values of the part's decisions.
    """
    if part == 0:
        return stem_cost(resolution, options[0], sizes.channels)
    side = halved(resolution, 2)
    for stage in STAGES[: part - 1]:
        side = halved(side, stage.stride)
    if part <= len(STAGES):
        stage = STAGES[part - 1]
        c_in, width, depth, kernel, expand = options
        return stage_cost(side, c_in, width, depth, kernel, expand, stage.stride, stage.se)
    width, last = options
    return head_cost(side, width, HEAD_EXPAND * width, last, sizes.n_classes)
