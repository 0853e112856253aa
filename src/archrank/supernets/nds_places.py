"""Places of an NDS supernet: the cells that networks of a depth are made of, and their inputs.

A network has three stages of normal cells with a reduction cell between them. A supernet has as
many cells in each stage as the deepest network needs, and networks of a smaller depth use the first
ones of every stage. So the cells that stand before a cell, and with them its input channels, depend
on the depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Kind = Literal["stem", "normal", "reduce"]


class Source(NamedTuple):
    """Input of a cell: what made it, and how it is brought to the cell's size.

    Attributes:
        kind: kind of the cell whose output it is, or the stem.
        stage: stage of that cell.
        halves: it is twice as large as the cell's other input.
    """

    kind: Kind
    stage: int
    halves: bool = False

    @property
    def name(self) -> str:
        """Name of the input's weights."""
        return f"{self.kind}_halved" if self.halves else self.kind


class Place(NamedTuple):
    """One cell of a network.

    Attributes:
        stage: 0, 1 or 2; nodes have ``width * 2 ** stage`` channels.
        position: place of a normal cell in its stage; -1 for the reduction cell that begins it.
        before: output of the cell before the last.
        last: output of the last cell.
    """

    stage: int
    position: int
    before: Source
    last: Source

    @property
    def reduces(self) -> bool:
        """Tell a reduction cell."""
        return self.position < 0

    @property
    def name(self) -> str:
        """Name of the cell's weights."""
        return f"reduce{self.stage}" if self.reduces else f"normal{self.stage}_{self.position}"


def places(depth: int, *, imagenet: bool) -> tuple[list[Place], Source]:
    """Return the cells of a network in order, and the input of its classifier.

    Args:
        depth: number of cells; reductions stand at ``depth // 3`` and ``2 * depth // 3``.
        imagenet: the stem's first output is twice as large as its second.
    """
    found: list[Place] = []
    before = last = Source("stem", 0)
    stage, position, after = 0, 0, imagenet
    for i in range(depth):
        reduces = i in (depth // 3, 2 * depth // 3)
        if reduces:
            stage, position = stage + 1, -1
        found.append(Place(stage, position, before._replace(halves=after), last))
        before, last = last, Source("reduce" if reduces else "normal", stage)
        position, after = position + 1, reduces
    return found, last


def needed(depths: Sequence[int], *, imagenet: bool) -> tuple[list[list[Place]], list[Source]]:
    """Return the cells and classifiers that networks of some depths need.

    Returns:
        the different places of each cell, cells in their order; the inputs of the classifiers.
    """
    cells: dict[str, dict[Place, None]] = {}
    heads: dict[Source, None] = {}
    for depth in depths:
        found, last = places(depth, imagenet=imagenet)
        heads[last] = None
        for place in found:
            cells.setdefault(place.name, {})[place] = None
    return [list(cells[name]) for name in sorted(cells)], list(heads)
