"""Outline of a user's space: its decisions as a run has stored them, without its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchrankError, SpaceError
from archrank.spaces.base import Choice
from archrank.spaces.custom.conditional import ConditionalSpace
from archrank.spaces.custom.declaration import read_space
from archrank.spaces.subsets import Members
from archrank.study.record import Description, Record

if TYPE_CHECKING:
    from torch import nn


class Outline(ConditionalSpace):
    """A space with the decisions of a run, which builds nothing.

    Args:
        name: of the run's space.
        choices: in column order.
        subsets: sets among them.
    """

    def __init__(
        self, name: str, choices: tuple[Choice, ...], subsets: tuple[Members, ...] = ()
    ) -> None:
        super().__init__(choices, (None,) * len(choices), subsets)
        self.name = name

    def _build(self, arch: NDArray[np.uint8], sizes: Any) -> nn.Module:
        raise ArchrankError(f"{self.name} is not at hand, only what its decisions are")


def outline(description: Description, record: Record | None = None) -> Outline:
    """Return a space with the decisions of a run, which builds nothing and runs no code.

    Args:
        description: of the run.
        record: leave out the decisions that do not exist in this evaluation; its string tells
            which decisions are members of sets.

    Raises:
        ArchrankError: decisions that no list of choices can stand for.
    """
    decisions = description.decisions
    named = [] if record is None else [e.partition("=")[0] for e in record.string.split(",")]
    sets = [name for name in named if name not in decisions]
    owners = {d: next((s for s in sets if d.startswith(f"{s}.")), None) for d in decisions}
    if record is not None and set(sets) <= set(owners.values()):
        choices = tuple(Choice(d, decisions[d]) for d in decisions if owners[d] or d in named)
        return Outline(
            description.space, choices, tuple(_members(s, choices, owners) for s in sets)
        )
    try:
        return Outline(description.space, read_space(decisions).choices)
    except SpaceError as error:
        raise ArchrankError(
            f"space {description.space!r} is your own, and its decisions are no plain choices "
            f"({error}); add --own-code to run its code"
        ) from None


def _members(name: str, choices: tuple[Choice, ...], owners: dict[str, str | None]) -> Members:
    """Return a set whose members are told by the names of decisions, of any size."""
    at = [j for j, choice in enumerate(choices) if owners[choice.name] == name]
    labels = tuple(choices[j].name.removeprefix(f"{name}.") for j in at)
    options = tuple(tuple(map(bool, choices[j].options)) for j in at)
    return Members(name, labels, tuple(at), options, 0, len(at))
