"""Sets of limited size: decisions that each put one member in or leave it out.

``k`` of ``L`` members are ``L`` columns of a row, one per member, with a limit on how many are in.
So a ranker sees each member in a place of its own, and two rows with one member more in common are
nearer to each other; ``k`` columns of sorted numbers would shift whenever a small member comes in.
What the limit costs is paid here: rows are completed after they were drawn, changed or mixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np
from numpy.typing import NDArray

from archrank.errors import ArchitectureError, SpaceError
from archrank.types import Archs, Bools, Floats, Ints

LATER = 2.0  # added to the keys of columns that change only where no others are left


@dataclass(frozen=True, eq=False)
class Members:
    """One set: its columns, one per member, and how many may be in.

    All of its columns exist under the same condition.

    Attributes:
        name: of the set.
        labels: of the members: ``L``.
        columns: their decisions: ``L``, ascending.
        options: per member, whether each option of its decision puts it in: (False, True), or one
            of the two where a smaller space has fixed it.
        least: members at least.
        most: members at most.
    """

    name: str
    labels: tuple[str | int | float, ...]
    columns: tuple[int, ...]
    options: tuple[tuple[bool, ...], ...]
    least: int
    most: int

    @cached_property
    def at(self) -> Ints:
        """Columns: ``(L,)``."""
        return np.array(self.columns, dtype=np.int64)

    @cached_property
    def table(self) -> Bools:
        """Options of the members as an array, the last one repeated: ``(L, 2)``."""
        return np.array([(o[0], o[-1]) for o in self.options], dtype=bool)

    @cached_property
    def free(self) -> Bools:
        """Members that may be in or out: ``(L,)``."""
        return np.array([len(o) == 2 for o in self.options], dtype=bool)

    @property
    def decisions(self) -> tuple[str, ...]:
        """Names of the members' decisions: ``L``."""
        return tuple(f"{self.name}.{label}" for label in self.labels)

    @property
    def fixed(self) -> int:
        """Members that are always in."""
        return sum(o == (True,) for o in self.options)

    @property
    def sizes(self) -> tuple[int, int]:
        """Free members that may be in: least and most; none may if the first is larger."""
        free = int(self.free.sum())
        return max(self.least - self.fixed, 0), min(self.most - self.fixed, free)

    def inside(self, archs: Archs) -> Bools:
        """Tell which members are in: ``(n, L)``."""
        found: Bools = self.table[np.arange(len(self.columns)), archs[:, self.at]]
        return found

    def fits(self, archs: Archs) -> Bools:
        """Tell in which rows the number of members is right: ``(n,)``."""
        count = self.inside(archs).sum(axis=1)
        found: Bools = (count >= self.least) & (count <= self.most)
        return found

    def keep(self, options: Sequence[tuple[int, ...]] | Mapping[int, tuple[int, ...]]) -> Members:
        """Return the set of a smaller space, some of whose members may be fixed by the limit.

        Args:
            options: indices of the options that are kept, per decision of the space.

        Raises:
            SpaceError: no set of the right size is left.
        """
        kept = tuple(
            tuple(mine[k] for k in options[j])
            for j, mine in zip(self.columns, self.options, strict=True)
        )
        small = Members(self.name, self.labels, self.columns, kept, self.least, self.most)
        low, high = small.sizes
        free = int(small.free.sum())
        if low > high or low > free:
            raise SpaceError(
                f"{self.name} needs {sizes_text(self.least, self.most)} members; with the options "
                f"that are kept it has {small.fixed} to {small.fixed + free}; keep more of them"
            )
        if high > 0 and low < free:
            return small
        always = (high > 0,)  # all free members are in, or none is
        settled = tuple(always if len(o) == 2 else o for o in kept)
        return Members(self.name, self.labels, self.columns, settled, self.least, self.most)


Subsets = Sequence[Members]


def sizes_text(least: int, most: int) -> str:
    """Write how many members a set may have.

    >>> sizes_text(4, 4), sizes_text(0, 4)
    ('4', '0 to 4')
    """
    return str(least) if least == most else f"{least} to {most}"


def fitting(archs: Archs, exists: Bools, subsets: Subsets) -> Bools:
    """Tell in which rows all sets that exist have the right number of members: ``(n,)``.

    Args:
        archs: ``(n, d)``.
        exists: which decisions do: ``(n, d)``.
        subsets: of the space.
    """
    fine = np.ones(len(archs), dtype=bool)
    for one in subsets:
        fine &= one.fits(archs) | ~exists[:, one.columns[0]]
    return fine


def require_fitting(archs: Archs, exists: Bools, subsets: Subsets) -> None:
    """Refuse rows ``(n, d)`` with too many or too few members.

    Raises:
        ArchitectureError: names the first row, the set and what it needs.
    """
    for one in subsets:
        bad = np.flatnonzero(~one.fits(archs) & exists[:, one.columns[0]])
        if len(bad):
            count = int(one.inside(archs[bad[:1]]).sum())
            raise ArchitectureError(
                f"architecture {bad[0]}: {one.name} has {count} members, expected "
                f"{sizes_text(one.least, one.most)}"
            )


def draw(archs: Archs, subsets: Subsets, *, rng: np.random.Generator) -> Archs:
    """Return ``archs: (n, d)`` with new members, uniform over all sets of the right sizes."""
    rows = archs.copy()
    for one in subsets:
        (low, high), free = one.sizes, int(one.free.sum())
        ways = [comb(free, size) for size in range(low, high + 1)]
        share = np.array([way / sum(ways) for way in ways])
        size = low + rng.choice(len(ways), size=len(rows), p=share)
        rank = rng.random((len(rows), free)).argsort(axis=1).argsort(axis=1)
        rows[:, one.at[one.free]] = rank < size[:, None]
    return rows


def complete(
    archs: Archs,
    exists: Bools,
    subsets: Subsets,
    *,
    settled: Bools | None = None,
    rng: np.random.Generator | None,
) -> Archs:
    """Return ``archs: (n, d)`` with members put in or left out until all sets have the right size.

    Args:
        archs: ``(n, d)``.
        exists: which decisions do: ``(n, d)``; sets that do not exist stay as they are.
        subsets: of the space.
        settled: ``(n, d)`` decisions that change only if no others are left. After a mutation:
            those that changed, so it is never undone; after a mixture: those that both parents
            share.
        rng: chooses among members; ``None`` takes the first ones.
    """
    rows = archs.copy()
    for one in subsets:
        bad = np.flatnonzero(~one.fits(archs) & exists[:, one.columns[0]])
        if not len(bad):
            continue
        inside = one.inside(archs[bad])  # (b, L)
        count = inside.sum(axis=1)
        change = np.clip(count, one.least, one.most) - count  # members to be put in; < 0: out
        usable = (inside == (change < 0)[:, None]) & one.free
        keys = _keys(inside.shape, rng)
        if settled is not None:
            keys = keys + LATER * settled[np.ix_(bad, one.at)]
        rank = np.where(usable, keys, np.inf).argsort(axis=1, kind="stable").argsort(axis=1)
        flip = usable & (rank < np.abs(change)[:, None])
        part: NDArray[np.uint8] = rows[np.ix_(bad, one.at)]
        rows[np.ix_(bad, one.at)] = part ^ flip  # free members have options out, in
    return rows


def _keys(shape: tuple[int, ...], rng: np.random.Generator | None) -> Floats:
    """Return the order in which members are put in or left out: in [0, 1)."""
    if rng is not None:
        return rng.random(shape)
    return np.broadcast_to(np.arange(shape[1]) / shape[1], shape)


def swapped(arch: NDArray[np.uint8], exists: Bools, subsets: Subsets) -> Archs:
    """List the rows in which one member has taken the place of another: ``(k, d)``.

    Args:
        arch: ``(d,)``.
        exists: which decisions do: ``(d,)``.
        subsets: of the space.
    """
    found = [arch[None][:0]]
    for one in subsets:
        if not exists[one.columns[0]]:
            continue
        inside = one.inside(arch[None])[0]
        out, into = (one.at[one.free & of] for of in (inside, ~inside))
        rows = np.repeat(arch[None], len(out) * len(into), axis=0)
        pairs = np.arange(len(rows))
        for columns in (np.repeat(out, len(into)), np.tile(into, len(out))):
            rows[pairs, columns] ^= 1
        found.append(rows)
    return np.concatenate(found)
