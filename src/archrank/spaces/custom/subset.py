"""Choice of some members out of several: which layers carry attention, which are quantised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TypeAlias

from archrank.checks import quoted, whole
from archrank.errors import SpaceError

MAX_MEMBERS = 256
JOIN, NOTHING = "+", "none"  # strings: attention=3+7+11, attention=none

Count: TypeAlias = "int | tuple[int, int]"


@dataclass(frozen=True)
class Subset:
    """``count`` different members out of ``members``; ``build`` gets a tuple of them, in order.

    A row has a decision per member, in or out (:mod:`archrank.spaces.subsets` says why). Samples
    are uniform over all sets. A mutation replaces a member by another one; a mixture of two
    architectures has the members that they share, and some of the others.

    Args:
        members: their number ``L``, which makes them ``0`` to ``L - 1``; or their names, strings
            or whole numbers, up to 256.
        count: how many are chosen, or the fewest and the most, ``(0, 4)``.

    Raises:
        SpaceError: an argument that cannot be used; says which.

    Example:
        >>> import archrank as ar
        >>> space = ar.spaces.from_choices({"attention": Subset(24, 4)}, build=lambda c, task: None)
        >>> space.size  # 24 over 4
        10626
        >>> space.config(space.parse(["attention=3+7+11+20"])[0])
        {'attention': (3, 7, 11, 20)}
    """

    members: int | Sequence[str | int]
    count: Count

    def __post_init__(self) -> None:
        labels = self.labels
        least, most = self.least, self.most
        if not 0 <= least <= most <= len(labels):
            wanted = least if least == most else f"{least} to {most}"
            raise SpaceError(f"Subset: {wanted} of {len(labels)} members cannot be chosen")

    @property
    def labels(self) -> tuple[str | int, ...]:
        """Names of the members: ``L``."""
        if isinstance(self.members, str | set | frozenset):
            raise SpaceError(
                f"Subset: members are {quoted(self.members)}, expected their number, or a list of "
                "names"
            )
        if not isinstance(self.members, Sequence | range):
            number = whole(
                self.members,
                "Subset: members",
                at_least=1,
                at_most=MAX_MEMBERS,
                error=SpaceError,
            )
            return tuple(range(number))
        labels = tuple(map(_label, self.members))
        if not 1 <= len(labels) <= MAX_MEMBERS:
            raise SpaceError(f"Subset: 1 to {MAX_MEMBERS} members, got {len(labels) or 'none'}")
        texts = list(map(str, labels))
        double = next((text for text in texts if texts.count(text) > 1), None)
        if double is not None:
            raise SpaceError(f"Subset: member {double!r} is listed twice; rename one of the two")
        return labels

    @property
    def least(self) -> int:
        """Members at least."""
        return self._sizes[0]

    @property
    def most(self) -> int:
        """Members at most."""
        return self._sizes[1]

    @property
    def _sizes(self) -> tuple[int, int]:
        if isinstance(self.count, tuple | list):
            if len(self.count) != 2:
                raise SpaceError(
                    f"Subset: count is a number, or the fewest and the most such as (0, 4), got "
                    f"{quoted(self.count)}"
                )
            least, most = (whole(c, "Subset: count", error=SpaceError) for c in self.count)
            return least, most
        count = whole(self.count, "Subset: count", error=SpaceError)
        return count, count


def _label(member: object) -> str | int:
    if isinstance(member, str):
        bad = not member or member != member.strip() or not member.isprintable()
        if bad or "," in member or JOIN in member or member == NOTHING:
            raise SpaceError(
                f"Subset: member {member!r}: names are written into lists, so they have no commas, "
                f"plus signs, line breaks or outer spaces, are not empty, and not {NOTHING!r}"
            )
        return member
    if not isinstance(member, Integral):
        raise SpaceError(
            f"Subset: member {quoted(member)} is no name; members are strings or whole numbers"
        )
    return whole(member, "Subset: member", error=SpaceError)
