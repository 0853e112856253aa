"""Lengths of sequences that a traced network takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from torch.export import ExportedProgram

LEAST = 2  # what torch says of any size: it traces 0 and 1 as cases of their own


@dataclass(frozen=True)
class Span:
    """Lengths that one input of tokens may have.

    Attributes:
        traced: the one that it was traced with.
        least: the smallest.
        most: the largest; ``None``: there is no limit.
    """

    traced: int
    least: int
    most: int | None

    @property
    def free(self) -> bool:
        """True if there are several."""
        return self.most is None or self.least < self.most

    @property
    def shorter(self) -> int:
        """A length below the traced one, if there is one."""
        return min(max(self.least, self.traced // 2), self.traced)

    @property
    def longer(self) -> int:
        """A length above the traced one, if there is one."""
        wanted = self.traced + self.traced // 2 + 1
        return wanted if self.most is None else min(wanted, self.most)

    def __str__(self) -> str:
        if not self.free:
            return f"{self.traced} tokens only"
        if self.most is None:
            return "any number of tokens" if self.least <= LEAST else f"{self.least} tokens or more"
        return f"{'up' if self.least <= LEAST else self.least} to {self.most} tokens"


def sequences(inputs: tuple[Tensor, ...]) -> tuple[bool, ...]:
    """Tell which inputs are tokens: whole numbers, whose last dimension is the length."""
    return tuple(x.dim() > 1 and not x.is_floating_point() for x in inputs)


def spans_of(program: ExportedProgram, inputs: tuple[Tensor, ...]) -> tuple[Span | None, ...]:
    """Return the lengths that each input of a program may have; ``None`` if it is no sequence.

    Args:
        program: traced with ``inputs``.
        inputs: ``(b, ..., t)`` each.
    """
    found = []
    for x, sizes, sequence in zip(inputs, _sizes(program), sequences(inputs), strict=True):
        found.append(_span(x.shape[-1], sizes[-1], program) if sequence else None)
    return tuple(found)


def _span(traced: int, size: Any, program: ExportedProgram) -> Span:
    """Return the lengths of an input whose last size is a number, or a symbol of torch."""
    symbol = None if isinstance(size, int) else size.node.expr
    allowed = program.range_constraints.get(symbol)
    if allowed is None:  # a symbol that has become a number
        return Span(traced, traced, traced)
    most = int(allowed.upper) if allowed.upper.is_Integer else None
    return Span(traced, max(int(allowed.lower), 1), most)


def called(spans: tuple[Span | None, ...]) -> str:
    """Write the lengths of all sequences: ``"up to 48 tokens"``; nothing if there are none."""
    return " and ".join(dict.fromkeys(str(span) for span in spans if span is not None))


def name_sizes(graph: Any, program: ExportedProgram) -> None:
    """Name sizes that are free in an ONNX graph: ``batch``, ``length`` in place of ``s77``."""
    names: dict[str, str] = {}
    for sizes in _sizes(program):
        for place, size in enumerate(sizes):
            if str(size).isidentifier():
                lengths = sum(name != "batch" for name in names.values())
                other = f"length_{lengths + 1}" if lengths else "length"
                names.setdefault(str(size), other if place else "batch")
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param.isdigit():  # a symbol that has become a number
                dim.dim_value = int(dim.dim_param)
            elif dim.dim_param:
                dim.dim_param = re.sub(
                    r"\w+", lambda found: names.get(found[0], found[0]), dim.dim_param
                )


def _sizes(program: ExportedProgram) -> list[tuple[Any, ...]]:
    """Return the sizes of a program's inputs: whole numbers, or symbols of torch."""
    wanted = program.graph_signature.user_inputs
    return [
        tuple(node.meta["val"].shape)
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in wanted
    ]
