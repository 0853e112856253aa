"""Supernets of the NDS spaces: two kinds of cells, sliced to a width, repeated to a depth.

As AceNAS trains them, width and depth are decisions like others: a narrow network uses the first
channels of every weight, a shallow one the first cells of each of the three stages (see
:mod:`archrank.supernets.nds_places`). Inside a cell each node has one weight per input and
operation, so the order of a node's two terms does not matter, and two terms with the same input and
operation share their weights. The output of a cell joins states, and so do the inputs of what
follows: their weights lie in blocks, one per state and ``width`` channels each, of which a network
takes the first channels of the blocks of its own states. An input has weights of its own for each
kind of cell that it may come from, and that may be the stem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.networks.nds import Cell, CellGenotype, NDSNetwork, Stem, run_cell, stem_widths, stems
from archrank.networks.nds_operations import FactorizedReduce, operation, reduce_factorized
from archrank.networks.operations import ReLUConvBN
from archrank.supernets.base import Supernet
from archrank.supernets.nds_places import Place, Source, needed, places
from archrank.supernets.slicing import convolve, copy_first, normalise, run_first
from archrank.supernets.statistics import use_batch_statistics, without_affine
from archrank.training.layout import LEAST

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Row = NDArray[np.uint8]


class Design(NamedTuple):
    """Description of the network of a row.

    Attributes:
        normal: the cell that keeps the size.
        reduce: the cell that halves it.
        width: channels of a node in the first stage.
        depth: number of cells.
        stem: channels of the stem, in widths.
    """

    normal: CellGenotype
    reduce: CellGenotype
    width: int
    depth: int
    stem: int

    def cell(self, *, reduces: bool) -> CellGenotype:
        """Return one of the two cells."""
        return self.reduce if reduces else self.normal

    def part(self, source: Source) -> Part:
        """Return which channels of an input this network has."""
        if source.kind == "stem":
            return Part((0,), self.width * self.stem)
        cell = self.cell(reduces=source.kind == "reduce")
        return Part(tuple(k - 2 for k in cell.concat), self.width << source.stage)


class Part(NamedTuple):
    """Part of an input that lies in blocks: the numbers of the blocks, the channels of each."""

    blocks: tuple[int, ...]
    channels: int


class Joint(nn.Module):
    """Layer whose input joins the states of a cell.

    Args:
        blocks: number of states that may be joined.
    """

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.blocks = blocks

    def pick(self, weight: Tensor, out: int, part: Part) -> Tensor:
        """Return the part of a weight ``(out channels, in channels, ...)`` that a network has."""
        if weight.shape[:2] == (out, len(part.blocks) * part.channels):
            return weight
        width = weight.shape[1] // self.blocks
        per_block = weight[:out].view(out, self.blocks, width, *weight.shape[2:])
        per_block = per_block[:, :, : part.channels]
        if len(part.blocks) < self.blocks:
            per_block = torch.stack([per_block[:, k] for k in part.blocks], dim=1)
        return per_block.flatten(1, 2)


class Entry(Joint):
    """1x1 convolution that brings an input of a cell to its channels and its size.

    Args:
        blocks: number of states that may be joined.
        width: channels of each.
        channels: channels of the output.
        halves: halve the size.
    """

    def __init__(self, blocks: int, width: int, channels: int, *, halves: bool) -> None:
        super().__init__(blocks)
        c_in = blocks * width
        self.layer = FactorizedReduce(c_in, channels) if halves else ReLUConvBN(c_in, channels, 1)

    def forward(self, x: Tensor, channels: int, part: Part) -> Tensor:
        """Map (b, blocks of the part * its channels, h, w) to (b, channels, h', w')."""
        if isinstance(self.layer, FactorizedReduce):
            odd = channels // 2
            x = reduce_factorized(
                x,
                lambda x: self._convolve(self.layer.even, x, channels - odd, part),  # type: ignore[arg-type]
                lambda x: self._convolve(self.layer.odd, x, odd, part),  # type: ignore[arg-type]
            )
            return normalise(self.layer.norm, x)
        return normalise(self.layer[2], self._convolve(self.layer[1], x.relu(), channels, part))  # type: ignore[arg-type]

    def _convolve(self, layer: nn.Conv2d, x: Tensor, channels: int, part: Part) -> Tensor:
        return convolve(layer, x, self.pick(layer.weight, channels, part))

    @torch.no_grad()
    def fill(self, alone: nn.Module, part: Part) -> None:
        """Copy the weights of a part into a layer of its own."""
        for name, weight in alone.named_parameters():
            shared = self.layer.get_parameter(name)
            if weight.dim() > 1:
                weight.copy_(self.pick(shared, len(weight), part))
            else:
                weight.copy_(shared[: len(weight)])


class Classifier(Joint):
    """Linear layer on joined states.

    Args:
        blocks: number of states that may be joined.
        width: channels of each.
        n_classes: size of the output.
    """

    def __init__(self, blocks: int, width: int, n_classes: int) -> None:
        super().__init__(blocks)
        self.layer = nn.Linear(blocks * width, n_classes)

    def forward(self, x: Tensor, part: Part) -> Tensor:
        """Map (b, blocks of the part * its channels) to (b, n_classes)."""
        return nn.functional.linear(
            x, self.pick(self.layer.weight, len(self.layer.weight), part), self.layer.bias
        )

    @torch.no_grad()
    def fill(self, alone: nn.Linear, part: Part) -> None:
        """Copy the weights of a part into a layer of its own."""
        alone.weight.copy_(self.pick(self.layer.weight, len(alone.weight), part))
        alone.bias.copy_(self.layer.bias)


class SharedCell(nn.Module):
    """Every operation on every input of every node of one cell.

    Args:
        at: the places where it may stand.
        entry: makes the layer for an input, given the channels of the cell.
        ops: names of the operations.
        nodes: number of nodes.
        channels: channels of a node, at most.
    """

    def __init__(
        self,
        at: Sequence[Place],
        entry: Callable[[Source, int], Entry],
        *,
        ops: Sequence[str],
        nodes: int,
        channels: int,
    ) -> None:
        super().__init__()
        self._channels = channels
        self.before = nn.ModuleDict({p.before.name: entry(p.before, channels) for p in at})
        self.last = nn.ModuleDict({p.last.name: entry(p.last, channels) for p in at})
        strides = [2 if at[0].reduces and source < 2 else 1 for source in range(nodes + 1)]
        self.nodes = nn.ModuleList(
            nn.ModuleList(
                nn.ModuleDict({op: operation(op, channels, strides[source]) for op in ops})
                for source in range(node + 2)
            )
            for node in range(nodes)
        )

    def forward(self, before: Tensor, last: Tensor, place: Place, design: Design) -> Tensor:
        """Map the outputs of the last two cells to (b, concatenated * channels, h', w')."""
        genotype, channels = design.cell(reduces=place.reduces), design.width << place.stage
        pairs = genotype.pairs
        first = self.before[place.before.name](before, channels, design.part(place.before))
        second = self.last[place.last.name](last, channels, design.part(place.last))

        def operate(term: int, x: Tensor) -> Tensor:
            operation = self._operation(term, *pairs[term])
            if channels == self._channels:
                return operation(x)  # type: ignore[no-any-return]
            return run_first(operation, x, channels)

        sources = [source for _, source in pairs]
        return run_cell([first, second], sources, genotype.concat, operate=operate)

    def _operation(self, term: int, op: str, source: int) -> nn.Module:
        found: nn.Module = self.nodes[term // 2][source][op]  # type: ignore[index]
        return found

    def fill(self, alone: Cell, place: Place, design: Design) -> None:
        """Copy the weights that a network uses into a cell of its own."""
        for shared, source, entry in (
            (self.before, place.before, alone.before),
            (self.last, place.last, alone.last),
        ):
            shared[source.name].fill(entry, design.part(source))  # type: ignore[operator]
        pairs = design.cell(reduces=place.reduces).pairs
        for term, own in enumerate(alone.operations):
            copy_first(self._operation(term, *pairs[term]), own)


class NDSSupernet(Supernet):
    """Supernet of an NDS space.

    Args:
        space: space of the networks.
        design: describes the network of a row.
        build: makes the stand-alone network of a row.
        ops: names of the operations.
        nodes: number of nodes of a cell.
        widths: widths of the networks, in channels.
        depths: depths of the networks, in cells.
        n_classes: size of the output.
        in_channels: channels of the images.
        stem: ``cifar`` or ``imagenet``.
        affine: True for batch norms of cells with a scale and a shift.
    """

    def __init__(
        self,
        space: Space,
        *,
        design: Callable[[Row], Design],
        build: Callable[[Row], nn.Module],
        ops: Sequence[str],
        nodes: int,
        widths: Sequence[int],
        depths: Sequence[int],
        n_classes: int,
        in_channels: int,
        stem: Stem,
        affine: bool = True,
    ) -> None:
        super().__init__()
        self.space, self.options = space, {"affine": affine}
        self._design, self._build, self._imagenet = design, build, stem == "imagenet"
        width = max(widths)
        self.stem, self.stem_last = stems(stem, in_channels, width)

        def blocks(source: Source) -> tuple[int, int]:
            """Return how many blocks of how many channels an input has at most."""
            if source.kind == "stem":
                return 1, width * stem_widths(stem)
            return nodes, width << source.stage

        def entry(source: Source, channels: int) -> Entry:
            return Entry(*blocks(source), channels, halves=source.halves)

        cells, heads = needed(depths, imagenet=self._imagenet)
        self.cells = nn.ModuleDict()
        for at in cells:
            channels = width << at[0].stage
            cell = SharedCell(at, entry, ops=ops, nodes=nodes, channels=channels)
            self.cells[at[0].name] = cell if affine else without_affine(cell)
        self.classifiers = nn.ModuleDict(
            {head.name: Classifier(*blocks(head), n_classes) for head in heads}
        )
        use_batch_statistics(self)
        _tell_least_channels(self, min(widths) / width)

    def forward(self, x: Tensor, arch: Row) -> Tensor:
        """Run ``arch: (d,)`` with the shared weights: ``x: (b, c, h, w)`` -> ``(b, classes)``."""
        design = self._design(arch)
        found, head = places(design.depth, imagenet=self._imagenet)
        before, last = self._stem(x, design.width)
        for place in found:
            before, last = last, self.cells[place.name](before, last, place, design)
        outputs: Tensor = self.classifiers[head.name](last.mean(dim=(2, 3)), design.part(head))
        return outputs

    def _stem(self, x: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Return the first two states, of a narrow stem."""
        if not self._imagenet:
            state = run_first(self.stem, x, width * stem_widths("cifar"))
            return state, state
        half, rest = self.stem[:3], self.stem[3:]  # type: ignore[index]
        before = run_first(rest, run_first(half, x, width // 2), width)
        return before, run_first(self.stem_last, before, width)

    def extract(self, arch: Row) -> nn.Module:
        """Return the network that the space builds for ``arch: (d,)``, with copies of the weights.

        Its outputs equal those of :meth:`forward` for the same input and mode; its batch norms
        normalise by the batch, until they are recalibrated.
        """
        design = self._design(arch)
        network = use_batch_statistics(self.placed(self._build(arch)))
        assert isinstance(network, NDSNetwork)
        copy_first(self.stem, network.stem)
        copy_first(self.stem_last, network.stem_last)
        found, head = places(design.depth, imagenet=self._imagenet)
        for place, alone in zip(found, network.cells, strict=True):
            if not self.options["affine"]:
                without_affine(alone)
            self.cells[place.name].fill(alone, place, design)  # type: ignore[operator]
        self.classifiers[head.name].fill(network.classifier, design.part(head))  # type: ignore[operator]
        return network


def _tell_least_channels(supernet: nn.Module, share: float) -> None:
    """Note on the strided convolutions how few channels they run with, for the layout's sake."""
    for module in supernet.modules():
        blocks = module.blocks if isinstance(module, Entry) else 1
        layer = module.layer if isinstance(module, Entry) else module
        if isinstance(layer, FactorizedReduce):
            for part in (layer.even, layer.odd):
                fewest = int(part.in_channels * share / blocks)
                setattr(part, LEAST, min(fewest, getattr(part, LEAST, fewest)))
