"""Block of choices, several times: layers that each have a width and a kernel of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from archrank.checks import quoted, whole
from archrank.errors import SpaceError
from archrank.spaces.custom.options import Int, Ordered

if TYPE_CHECKING:
    from archrank.spaces.custom.declaration import Choices
    from archrank.spaces.custom.rules import Conditions

MAX_TIMES = 256

Times: TypeAlias = "int | tuple[int, int] | Int | Ordered"


@dataclass(frozen=True)
class Repeat:
    """A block of choices ``times`` times, each copy with options of its own.

    ``build`` gets a list of dicts, one per copy. If the number of copies is a choice, it is one
    more decision, drawn uniformly, and copy ``k`` exists only where there are more than ``k``.

    Args:
        choices: of one block, whatever :func:`~archrank.spaces.from_choices` takes, blocks
            included.
        times: number of copies; or the fewest and the most, ``(1, 6)``; or ``Int`` or ``Ordered``.
        active_if: conditions between the choices of one block, as of
            :func:`~archrank.spaces.from_choices`.

    Raises:
        SpaceError: an argument that cannot be used; says which.

    Example:
        >>> import archrank as ar
        >>> block = Repeat({"width": [16, 32], "kernel": [3, 5]}, times=(1, 3))
        >>> space = ar.spaces.from_choices({"blocks": block}, build=lambda config, task: None)
        >>> space.size  # 4 + 4^2 + 4^3
        84
        >>> space.config(space.from_index([0])[0])
        {'blocks': [{'width': 16, 'kernel': 3}]}
        >>> space.format(space.from_index([0]))
        ['blocks=1,blocks.0.width=16,blocks.0.kernel=3']
    """

    choices: Choices
    times: Times
    active_if: Conditions | None = None

    def __post_init__(self) -> None:
        if not self.choices or not isinstance(self.choices, Mapping | list | tuple):
            raise SpaceError(
                "Repeat: choices of a block are {name: options}, such as {'width': [16, 32]}, got "
                f"{quoted(self.choices)}"
            )
        if self.counts[-1] < 1:
            raise SpaceError(f"Repeat: times is {quoted(self.times)}, which leaves no block")

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Possible numbers of copies, ascending."""
        times: Any = self.times
        if isinstance(times, Int | Ordered):
            return tuple(sorted({_count(t) for t in times.options}))
        if isinstance(times, tuple):
            if len(times) != 2 or not _count(times[0]) <= _count(times[1]):
                raise SpaceError(
                    f"Repeat: times is a range (fewest, most) such as (1, 6), got {quoted(times)}"
                )
            return tuple(range(int(times[0]), int(times[1]) + 1))
        if isinstance(times, list | range):
            raise SpaceError(
                f"Repeat: times is {quoted(times)}; write a range as (1, 6), single numbers as "
                "ar.Ordered([2, 4, 8])"
            )
        return (_count(times),)


def _count(times: object) -> int:
    return whole(times, "Repeat: times", at_least=0, at_most=MAX_TIMES, error=SpaceError)
