"""Architectures as strings: ``name=option`` of every decision, joined by commas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import ArchitectureError
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Choice


def write_rows(archs: Archs, choices: Sequence[Choice]) -> list[str]:
    """Write ``name=option`` of every decision of ``archs: (n, d)``, joined by commas."""
    options = [[str(o) for o in c.options] for c in choices]
    return [
        ",".join(f"{c.name}={options[j][row[j]]}" for j, c in enumerate(choices))
        for row in archs.tolist()
    ]


def read_rows(strings: Sequence[str], choices: Sequence[Choice], space: str) -> Archs:
    """Read strings written by :func:`write_rows`: ``(n, d)``.

    Args:
        strings: ``n`` of them.
        choices: of the space.
        space: its name, for messages.

    Raises:
        ArchitectureError: a string that is not of this form (with its number).
    """
    rows = np.zeros((len(strings), len(choices)), dtype=np.uint8)
    options = [{str(o): i for i, o in enumerate(c.options)} for c in choices]
    for n, text in enumerate(strings):
        parts = text.strip().split(",")
        if len(parts) != len(choices):
            raise ArchitectureError(
                f"architecture {n}: {text!r} has {len(parts)} decisions, {space} has {len(choices)}"
            )
        for j, (part, choice) in enumerate(zip(parts, choices, strict=True)):
            name, _, value = part.partition("=")
            if name.strip() != choice.name or value.strip() not in options[j]:
                raise ArchitectureError(
                    f"architecture {n}: expected {choice.name}=<{'|'.join(options[j])}>, "
                    f"got {part!r} in {text!r}"
                )
            rows[n, j] = options[j][value.strip()]
    return rows
