"""An architecture in its place among the proposals of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.identity import json_value
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Key = tuple[int, int]  # round and slot


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An architecture that was proposed, or that somebody told of.

    Attributes:
        round: number of the round, from 0.
        slot: place in the round's proposals, from 0.
        round_size: number of proposals of the round, which tells when it is complete.
        arch: ``(d,)`` architecture.
        string: the architecture as text.
        canonical: text of the architecture that stands for all isomorphic ones.
        config: chosen options of the active decisions, as JSON has them: members as lists.
    """

    round: int
    slot: int
    round_size: int
    arch: NDArray[np.uint8]
    string: str
    canonical: str = ""
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Place in proposal order: round and slot."""
        return self.round, self.slot

    def arguments(self) -> dict[str, Any]:
        """Return these fields, to make something else of the same place with."""
        return {each.name: getattr(self, each.name) for each in fields(Proposal)}


def proposals(
    space: Space, archs: Archs, number: int, slots: Sequence[int], size: int
) -> list[Proposal]:
    """Return architectures in places of one round.

    Args:
        space: of the architectures.
        archs: ``(k, d)``.
        number: of the round.
        slots: place of each: ``k``.
        size: number of proposals of the round.
    """
    texts = zip(
        slots, archs, space.format(archs), space.format(space.canonical(archs)), strict=True
    )
    return [
        Proposal(
            round=number,
            slot=slot,
            round_size=size,
            arch=arch,
            string=string,
            canonical=canonical,
            config=json_value(space.config(arch)),
        )
        for slot, arch, string, canonical in texts
    ]
