"""NDS architectures as strings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from archrank.errors import ArchitectureError, UnknownNameError

Terms = list[tuple[str, str]]  # (operation, input)
_TEXT = re.compile(r"normal=([^|]*)\|reduce=([^|]*)\|width=(\d+)\|depth=(\d+)")


def join_genotypes(normal: list[str], reduce: list[str], width: int, depth: int) -> str:
    """Write ``normal=a~0+b~1/.../...|reduce=...|width=16|depth=20`` from the terms of two cells."""
    cells = (
        "/".join(f"{a}+{b}" for a, b in zip(terms[::2], terms[1::2], strict=True))
        for terms in (normal, reduce)
    )
    return "normal={}|reduce={}|width={}|depth={}".format(*cells, width, depth)


def split_genotypes(text: str, n: int) -> tuple[Terms, Terms, int, int]:
    """Inverse of :func:`join_genotypes`, unchecked: both cells, width and depth.

    Raises:
        ArchitectureError: not of this form; ``n`` is the number of the string.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ArchitectureError(
            f"architecture {n}: expected normal=<cell>|reduce=<cell>|width=<number>|"
            f"depth=<number> with cells <op>~<input>+<op>~<input>/..., got {text!r}"
        )
    cells: list[Terms] = []
    for part in match.groups()[:2]:
        terms = (term.rpartition("~") for term in re.split(r"[+/]", part))
        cells.append([(op, state) for op, _, state in terms])
    return cells[0], cells[1], int(match[3]), int(match[4])


def encode_cell(
    genotype: Sequence[tuple[str, int | str]], kind: str, ops: tuple[str, ...], nodes: int
) -> list[int]:
    """A cell's terms (operation, input) as codes: operation, input, operation, input, ...

    Raises:
        ArchitectureError: wrong length, unknown operation, or an input that is not there yet.
    """
    if len(genotype) != 2 * nodes:
        raise ArchitectureError(
            f"a {kind} cell of this space has {2 * nodes} operations, got {len(genotype)}"
        )
    codes = []
    for t, (op, state) in enumerate(genotype):
        if op not in ops:
            unknown = UnknownNameError("operation", str(op), ops)
            raise ArchitectureError(f"{kind} cell, node {t // 2}: {unknown}")
        if str(state) not in map(str, range(t // 2 + 2)):
            raise ArchitectureError(
                f"{kind} cell, node {t // 2}: input {state!r} is not one of 0..{t // 2 + 1}"
            )
        codes += [ops.index(op), int(state)]
    return codes
