"""Stacks of layers: what can be chosen in one, and how choices are written.

A stack is written ``name=value`` per decision, the values of its layers joined by ``-``, without
what is inactive: ``embed_dim=384,bias=0,n_layer=3,n_head=4-4-12,mlp_ratio=2-2-3``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError
from archrank.spaces.base import Choice
from archrank.types import Archs


@dataclass(frozen=True)
class Stack:
    """One stack of layers: the decisions for all of it, its depth, the decisions of each layer."""

    shared: tuple[Choice, ...]
    depth: Choice
    layers: tuple[Choice, ...]

    @property
    def depths(self) -> list[int]:
        """The options of :attr:`depth`."""
        return [int(option) for option in self.depth.options]

    @property
    def deepest(self) -> int:
        """Layers of the deepest option."""
        return max(self.depths)

    def widths(self, depth: int) -> list[tuple[Choice, int]]:
        """Every decision of the stack, in gene order, and of how many layers."""
        once = [(choice, 1) for choice in (*self.shared, self.depth)]
        return once + [(choice, depth) for choice in self.layers]


def format_stacks(stacks: Sequence[Stack], starts: Mapping[str, int], archs: Archs) -> list[str]:
    """One string per row of ``archs: (n, d)``; ``starts``: the first column of each decision."""
    lines = []
    for row in archs.tolist():
        parts = []
        for stack in stacks:
            depth = stack.depths[row[starts[stack.depth.name]]]
            for choice, width in stack.widths(depth):
                at = starts[choice.name]
                chosen = [str(choice.options[k]) for k in row[at : at + width]]
                parts.append(f"{choice.name}={'-'.join(chosen)}")
        lines.append(",".join(parts))
    return lines


def parse_stacks(
    stacks: Sequence[Stack], starts: Mapping[str, int], d: int, strings: Sequence[str]
) -> Archs:
    """Inverse of :func:`format_stacks`: ``(n, d)``, 0 where inactive.

    Raises:
        ArchitectureError: a string that is not of this form (with its number).
    """
    rows = np.zeros((len(strings), d), dtype=np.uint8)
    for n, text in enumerate(strings):
        where = f"architecture {n}: {text!r}"
        given: dict[str, str] = {}
        for part in text.strip().split(","):
            name, _, value = (piece.strip() for piece in part.partition("="))
            if name not in starts or name in given:
                fault = f"{name!r} twice" if name in given else f"unknown decision {name!r}"
                form = ",".join(f"{known}=..." for known in starts)
                raise ArchitectureError(f"{where}: {fault}; expected {form}")
            given[name] = value
        missing = [name for name in starts if name not in given]
        if missing:
            raise ArchitectureError(f"{where} lacks {', '.join(missing)}")
        for stack in stacks:
            _read(stack, starts, given, rows[n], where)
    return rows


def _read(
    stack: Stack,
    starts: Mapping[str, int],
    given: Mapping[str, str],
    row: NDArray[np.uint8],
    where: str,
) -> None:
    """Write the options that ``given`` names into ``row: (d,)``."""
    text = given[stack.depth.name]
    depth = int(text) if text in map(str, stack.depths) else 1  # a wrong one is named below
    for choice, width in stack.widths(depth):
        options = {str(option): i for i, option in enumerate(choice.options)}
        values = [value.strip() for value in given[choice.name].split("-")]
        for value in values:
            if value not in options:
                raise ArchitectureError(
                    f"{where}: {choice.name} is one of {', '.join(options)}, not {value!r}"
                )
        if len(values) != width:
            raise ArchitectureError(
                f"{where}: {choice.name} has {len(values)} values, expected {width}"
            )
        at = starts[choice.name]
        row[at : at + width] = [options[value] for value in values]
