"""Networks of the NDS cell spaces: stacks of a normal and a reduction cell.

Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019: ``depth`` cells,
with reductions at ``depth // 3`` and ``2 * depth // 3`` that double the width. Auxiliary heads and
drop path, which some of the published networks are trained with, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from archrank.errors import ArchitectureError, SpaceError
from archrank.networks.nds_operations import FactorizedReduce, operation
from archrank.networks.operations import ReLUConvBN

Stem = Literal["cifar", "imagenet"]


class CellGenotype(NamedTuple):
    """Description of a cell: two (operation, input) pairs per node, and the states of the output.

    States 0 and 1 are the outputs of the cell before the last and of the last cell; state ``2 + i``
    is node ``i``. The output concatenates the listed states.
    """

    pairs: Sequence[tuple[str, int]]  # (2 nodes)
    concat: Sequence[int]


class Cell(nn.Module):
    """Cell in which every node is the sum of two operations.

    Args:
        genotype: Operations, inputs and outputs of the nodes.
        c_before: Channels of the output of the cell before the last.
        c_last: Channels of the output of the last cell.
        channels: Channels of every node.
        reduce: Halve the size: operations on states 0 and 1 have stride 2.
        after_reduce: The last cell halved the size, so state 0 is twice as large as state 1.
    """

    def __init__(
        self,
        genotype: CellGenotype,
        c_before: int,
        c_last: int,
        channels: int,
        *,
        reduce: bool,
        after_reduce: bool,
    ) -> None:
        super().__init__()
        _check(genotype)
        self.before = (
            FactorizedReduce(c_before, channels)
            if after_reduce
            else ReLUConvBN(c_before, channels, 1)
        )
        self.last = ReLUConvBN(c_last, channels, 1)
        self.operations = nn.ModuleList(
            operation(name, channels, 2 if reduce and source < 2 else 1)
            for name, source in genotype.pairs
        )
        self._sources = [source for _, source in genotype.pairs]
        self._concat = list(genotype.concat)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Map (b, c_before, .., ..), (b, c_last, h, w) to (b, concatenated * channels, h', w')."""
        return run_cell(
            [self.before(before), self.last(last)],
            self._sources,
            self._concat,
            operate=lambda term, x: self.operations[term](x),
        )


def run_cell(
    states: list[Tensor],
    sources: Sequence[int],
    concat: Sequence[int],
    *,
    operate: Callable[[int, Tensor], Tensor],
) -> Tensor:
    """Compute the nodes of a cell and concatenate states: (b, concatenated * channels, h', w').

    Args:
        states: The two inputs, with the channels of a node; the nodes are appended.
        sources: State that each of the (2 nodes) terms reads.
        concat: States of the output.
        operate: ``operate(term, x)`` is the operation of a term.
    """
    for term in range(0, len(sources), 2):
        first, second = (operate(t, states[sources[t]]) for t in (term, term + 1))
        states.append(first + second)  # (b, channels, h', w')
    return torch.cat([states[k] for k in concat], 1)


def _check(genotype: CellGenotype) -> None:
    nodes = len(genotype.pairs) // 2
    late = [k for k, (_, source) in enumerate(genotype.pairs) if not 0 <= source < 2 + k // 2]
    if len(genotype.pairs) % 2 or not nodes or late:
        raise ArchitectureError(
            "an NDS cell has two (operation, input) pairs per node, inputs before the node; got "
            f"{list(genotype.pairs)}"
        )
    if not genotype.concat or any(not 2 <= k < nodes + 2 for k in genotype.concat):
        raise ArchitectureError(
            f"the output of an NDS cell joins nodes 2..{nodes + 1}, got {list(genotype.concat)}"
        )


class NDSNetwork(nn.Module):
    """Image classifier made of two kinds of cells.

    Args:
        normal: The cell that keeps the size.
        reduce: The cell that halves the size.
        width: Channels of a node in the first stage; even.
        depth: Number of cells.
        n_classes: Number of classes, the size of the output.
        in_channels: Channels of the images.
        stem: ``cifar``: one 3x3 convolution to ``3 * width``; ``imagenet``: three of stride 2.
    """

    def __init__(
        self,
        normal: CellGenotype,
        reduce: CellGenotype,
        *,
        width: int = 16,
        depth: int = 20,
        n_classes: int = 10,
        in_channels: int = 3,
        stem: Stem = "cifar",
    ) -> None:
        super().__init__()
        if depth < 3 or width < 2 or width % 2:
            raise SpaceError(
                f"an NDS network needs 3 or more cells and an even width, got {depth} and {width}"
            )
        self.stem, self.stem_last = stems(stem, in_channels, width)
        c_before = c_last = width * stem_widths(stem)
        channels, after = width, stem == "imagenet"
        cells = []
        for i in range(depth):
            reduces = i in (depth // 3, 2 * depth // 3)
            channels *= 2 if reduces else 1
            genotype = reduce if reduces else normal
            cells.append(
                Cell(genotype, c_before, c_last, channels, reduce=reduces, after_reduce=after)
            )
            c_before, c_last, after = c_last, channels * len(genotype.concat), reduces
        self.cells = nn.ModuleList(cells)
        self.classifier = nn.Linear(c_last, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (b, in_channels, h, w) to logits (b, n_classes)."""
        before = self.stem(x)  # (b, c, h, w)
        last = self.stem_last(before)
        for cell in self.cells:
            before, last = last, cell(before, last)
        logits: Tensor = self.classifier(last.mean(dim=(2, 3)))  # (b, n_classes)
        return logits


def stem_widths(stem: Stem) -> int:
    """Return the channels of a stem's outputs, in widths of the network."""
    return 3 if stem == "cifar" else 1


def stems(stem: Stem, c_in: int, width: int) -> tuple[nn.Module, nn.Module]:
    """Make two modules: one from images to state 0, and one from state 0 to state 1."""
    if stem == "cifar":
        c = width * stem_widths(stem)
        first = nn.Conv2d(c_in, c, 3, padding=1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(c)), nn.Identity()
    if stem != "imagenet":
        raise SpaceError(f"stem must be 'cifar' or 'imagenet', got {stem!r}")
    half = nn.Sequential(
        nn.Conv2d(c_in, width // 2, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width // 2),
        nn.ReLU(),
        nn.Conv2d(width // 2, width, 3, 2, 1, bias=False),
        nn.BatchNorm2d(width),
    )
    return half, ReLUConvBN(width, width, 3, 2)
