"""Base class of the spaces that are built like AttentiveNAS's.

Decisions stand in the order of AttentiveNAS's released accuracy predictor: resolution, all widths,
then depths, kernel sizes and expansions of the stages (its released sampler has another order).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archrank.checks import quoted, whole
from archrank.errors import ArchitectureError, SpaceError
from archrank.spaces.base import Choice, Space
from archrank.spaces.images import ImageSizes, image_sizes
from archrank.spaces.mobile.attentive_options import HEAD_EXPAND, NetworkOptions, StageOptions
from archrank.spaces.mobile.attentivenas_cost import halved, head_cost, stage_cost, stem_cost
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.attentivenas import AttentiveNASNetwork, Settings
    from archrank.networks.blueprint import Blueprint
    from archrank.supernets.base import Supernet
    from archrank.tasks.base import Task


class AttentiveSpace(Space):
    """Base class of spaces of a resolution, and a width, depth, kernel and expansion per stage.

    MACs count convolutions and the classifier, as AttentiveNAS's "FLOPs" do, parameters all layers.
    Images of another size are resized to the resolution inside the network. There is no graph view.

    Args:
        resolutions: options of the resolution, pixels along each side.

    Attributes:
        options: of the parts of the network.
        images: sizes of the images that networks without a task are built for.
        names: strings of architectures that have a name.

    Raises:
        SpaceError: resolutions are not different positive whole numbers.
    """

    drawing = "attentivenas"
    supernet_options = ("dropout", "drop_connect", "zero_gamma")
    options: ClassVar[NetworkOptions]
    images: ClassVar[ImageSizes]
    names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    usual: ClassVar[tuple[int, ...]]
    """Resolutions that need not be told."""

    def __init__(self, resolutions: Sequence[int]) -> None:
        try:
            resolutions = tuple(whole(r, "a resolution") for r in resolutions)
        except TypeError:
            raise SpaceError(
                f"resolutions are different positive numbers, got {quoted(resolutions)}"
            ) from None
        if not resolutions or len(set(resolutions)) != len(resolutions) or min(resolutions) < 1:
            raise SpaceError(f"resolutions are different positive numbers, got {resolutions!r}")
        self.resolutions = resolutions
        first, stages, last = self.options
        widths = [("first_conv", first), *((s.name, s.widths) for s in stages), ("last_conv", last)]
        self.choices = (
            Choice("resolution", self.resolutions),
            *(Choice(f"width_{name}", options) for name, options in widths),
            *(Choice(f"depth_{s.name}", s.depths) for s in stages),
            *(Choice(f"kernel_{s.name}", s.kernels) for s in stages),
            *(Choice(f"expand_{s.name}", s.expands) for s in stages),
        )

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``resolution:widths:depths:kernels:expansions``, widths separated by commas."""
        k, strings = len(self.options.stages), []
        for row in self.predictor_vector(archs).tolist():
            widths, rest = row[1 : k + 3], row[k + 3 :]
            digits = ["".join(map(str, rest[j : j + k])) for j in (0, k, 2 * k)]
            strings.append(":".join([str(row[0]), ",".join(map(str, widths)), *digits]))
        return strings

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings of :meth:`format`, and names of :attr:`names`: ``(n, d)``.

        Raises:
            ArchitectureError: not of this form, or a value that its decision does not offer.
        """
        rows = np.empty((len(strings), self.d), dtype=np.uint8)
        codes = [{int(o): k for k, o in enumerate(c.options)} for c in self.choices]
        for n, text in enumerate(strings):
            for j, value in enumerate(self._read(text, n)):
                if value not in codes[j]:
                    options = ", ".join(map(str, codes[j]))
                    raise ArchitectureError(
                        f"architecture {n}: {self.choices[j].name} is one of {options}, got "
                        f"{value} in {text!r}"
                    )
                rows[n, j] = codes[j][value]
        return rows

    def _read(self, text: str, n: int) -> list[int]:
        """Return the numbers in string ``n``, in the order of the decisions."""
        k = len(self.options.stages)
        form = rf"(\d+):(\d+(?:,\d+){{{k + 1}}}):(\d{{{k}}}):(\d{{{k}}}):(\d{{{k}}})"
        found = re.fullmatch(form, self.names.get(text.strip(), text.strip()), flags=re.ASCII)
        if found is None:
            smallest = self.format(np.zeros((1, self.d), dtype=np.uint8))[0]
            raise ArchitectureError(
                f"architecture {n}: expected resolution:{k + 2} widths:{k} depths:{k} kernels:{k} "
                f"expansions like {smallest}, got {text!r}"
            )
        values = [found[1], *found[2].split(","), *found[3], *found[4], *found[5]]
        return list(map(int, values))

    # ---- views ---------------------------------------------------------------------------------

    def predictor_vector(self, archs: Archs) -> Ints:
        """Plain values of all decisions, the input of the published predictor: ``(n, d)``."""
        values: Ints = self._values[np.arange(self.d), archs]
        return values

    @cached_property
    def _values(self) -> Ints:
        table = np.zeros((self.d, int(self.radices.max())), dtype=np.int64)
        for j, choice in enumerate(self.choices):
            table[j, : len(choice.options)] = choice.options
        return table

    # ---- costs ---------------------------------------------------------------------------------

    def _sizes(self, task: Task | None) -> ImageSizes:
        return image_sizes(task, self.name, self.images)

    def _cost(self, archs: Archs, sizes: ImageSizes) -> dict[str, Floats]:
        totals = self._tables(sizes)[self._entries(archs)].sum(axis=1)  # (n, parts, 2) -> (n, 2)
        return {"macs": totals[:, 0], "params": totals[:, 1]}

    def mflops(self, archs: Archs) -> Floats:
        """Millions of MACs of networks for :attr:`images`, MFLOPs in the paper: ``(n,)``."""
        total: Floats = self._mmacs[self._entries(archs)].sum(axis=1)
        return total

    def _entries(self, archs: Archs) -> Ints:
        """Find the table entry of each part of a network: ``(n, parts)``."""
        weights, offsets = self._places
        return (archs.astype(np.float32) @ weights).astype(np.int64) + offsets

    @cached_property
    def _parts(self) -> list[list[int]]:
        """The decisions that each part's cost depends on: stem, stages, head."""
        k = len(self.options.stages)
        stages = [[0, 1 + j, 2 + j, *(k * i + 3 + j for i in (1, 2, 3))] for j in range(k)]
        return [[0, 1], *stages, [0, k + 1, k + 2]]

    @cached_property
    def _places(self) -> tuple[NDArray[np.float32], Ints]:
        """Mixed-radix weights ``(d, parts)`` and the start of each part's table ``(parts,)``."""
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
        return part_costs(tuple(map(tuple, self._parts)), options, self.options.stages, sizes)

    @cached_property
    def _mmacs(self) -> Floats:
        return self._tables(self.images)[:, 0] / 1e6

    # ---- networks ------------------------------------------------------------------------------

    def _settings(self, arch: NDArray[np.uint8]) -> Settings:
        """Return the settings of the network of ``arch: (d,)``."""
        from archrank.networks.attentivenas import Settings, Stage

        values = self.predictor_vector(arch[None])[0].tolist()
        k = len(self.options.stages)
        starts = (2, k + 3, 2 * k + 3, 3 * k + 3)  # of widths, depths, kernels, expansions
        stages = []
        for j, stage in enumerate(self.options.stages):
            width, depth, kernel, expand = (values[start + j] for start in starts)
            stages.append(Stage(width, depth, kernel, expand, stage.stride, stage.se))
        return Settings(values[0], values[1], tuple(stages), values[k + 2])

    def _build(self, arch: NDArray[np.uint8], sizes: ImageSizes) -> nn.Module:
        return self._blueprint(arch, sizes).build()

    def _blueprint(
        self, arch: NDArray[np.uint8], sizes: ImageSizes
    ) -> Blueprint[AttentiveNASNetwork]:
        from archrank.networks.attentivenas import AttentiveNASNetwork
        from archrank.networks.blueprint import Blueprint

        options = {"n_classes": sizes.n_classes, "in_channels": sizes.channels}
        return Blueprint(AttentiveNASNetwork, self._settings(arch), options)

    def _supernet(self, sizes: ImageSizes, **options: Any) -> Supernet:
        from archrank.supernets.attentivenas import AttentiveNASSupernet

        first, stages, _ = self.options
        return AttentiveNASSupernet(
            self,
            largest=self._settings((self.radices - 1).astype(np.uint8)),
            widths=[first, *(stage.widths for stage in stages)],
            settings=self._settings,
            build=lambda arch: self._build(arch, sizes),
            n_classes=sizes.n_classes,
            in_channels=sizes.channels,
            **options,
        )

    def fingerprint(self) -> str:
        """Return the name, and the resolutions if they are not the usual ones."""
        return self.name if self.resolutions == self.usual else f"{self.name}{self.resolutions}"


@lru_cache(maxsize=8)
def part_costs(
    parts: tuple[tuple[int, ...], ...],
    options: tuple[tuple[int, ...], ...],
    stages: tuple[StageOptions, ...],
    sizes: ImageSizes,
) -> Floats:
    """Return (MACs, params) of every part with every combination of its options: ``(entries, 2)``.

    Args:
        parts: the decisions that the cost of each part depends on: stem, stages, head.
        options: values of every decision.
        stages: of the network.
        sizes: of the network; its images are resized.
    """
    rows = [
        part_cost(part, stages, sizes, *values)
        for part, columns in enumerate(parts)
        for values in product(*(options[j] for j in columns))
    ]
    return np.array(rows)


def part_cost(
    part: int, stages: Sequence[StageOptions], sizes: ImageSizes, resolution: int, *options: int
) -> Floats:
    """Return (MACs, params) of the stem (0), a stage (from 1) or the head (last): ``(2,)``.

    Args:
        part: number of the part.
        stages: of the network.
        sizes: of the network.
        resolution: pixels along each side of its images.
        options: values of the part's decisions.
    """
    if part == 0:
        return stem_cost(resolution, options[0], sizes.channels)
    side = halved(resolution, 2)
    for stage in stages[: part - 1]:
        side = halved(side, stage.stride)
    if part <= len(stages):
        stage = stages[part - 1]
        c_in, width, depth, kernel, expand = options
        return stage_cost(side, c_in, width, depth, kernel, expand, stage.stride, stage.se)
    width, last = options
    return head_cost(side, width, HEAD_EXPAND * width, last, sizes.n_classes)
