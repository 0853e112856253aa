"""Decisions that belong together: those of the layers of one stack, as one feature of a paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from archrank.checks import quoted
from archrank.errors import ArgumentError, SettingsError, UnknownNameError
from archrank.spaces.base import Space

Groups: TypeAlias = "Literal['kind', 'decision'] | Mapping[str, Sequence[str]]"
_NUMBER = re.compile(r"(?<=[A-Za-z])[_.\-]?\d+$")  # of a layer or block, not of an edge "0->1"
_COPY = re.compile(r"(?<=[A-Za-z0-9_])\.\d+(?=\.)")  # of a block: blocks.0.width


def decision_groups(space: Space, by: Groups = "kind") -> dict[str, tuple[int, ...]]:
    """Return the columns of every group of decisions: ``{name: columns}``.

    Decisions with a single option are left out: nothing can be permuted or frozen. The members of a
    set of limited size belong together always, since none can change alone.

    Args:
        space: The space.
        by: ``"kind"``: decisions whose names differ in a number at their end, such as
            ``dec_ffn_0`` to ``dec_ffn_5``, or in the number of a block, such as
            ``blocks.0.width``, and whose options are the same, are one group; ``"decision"``: each
            is one of its own; or ``{name: decisions}``, of a set its name.

    Raises:
        SettingsError: A decision in two groups, or no decision with several options.
        UnknownNameError: No decision, or no such way to group, has that name.

    Example:
        >>> from archrank.spaces import GPTS
        >>> {name: len(columns) for name, columns in decision_groups(GPTS()).items()}
        {'embed_dim': 1, 'bias': 1, 'n_layer': 1, 'n_head': 12, 'mlp_ratio': 12}
    """
    if isinstance(by, Mapping):
        return _given(space, by)
    if by not in ("kind", "decision"):
        raise UnknownNameError("way to group decisions", str(by), ("kind", "decision"))
    sets = {j: one.name for one in space.subsets for j in one.columns}
    found: dict[tuple[object, ...], list[int]] = {}
    for j, choice in enumerate(space.choices):
        if len(choice.options) < 2:
            continue
        if by == "kind":
            stem = _COPY.sub("", sets[j] if j in sets else _NUMBER.sub("", choice.name))
        else:
            stem = sets.get(j, "")
        key = (stem, choice.options) if stem else (choice.name, j)
        found.setdefault(key, []).append(j)
    if not found:
        raise SettingsError(f"{space.name} has no decision with several options")
    names = [
        str(key[0]) if len(columns) > 1 else space.choices[columns[0]].name
        for key, columns in found.items()
    ]
    alone = [name if names.count(name) == 1 else "" for name in names]  # one stem, other options
    return {
        name or f"{shared} ({space.choices[columns[0]].name}, ...)": tuple(columns)
        for name, shared, columns in zip(alone, names, found.values(), strict=True)
    }


def _given(space: Space, groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, ...]]:
    """Translate groups of names into groups of columns."""
    columns: dict[str, tuple[int, ...]] = {c.name: (j,) for j, c in enumerate(space.choices)}
    columns |= {one.name: one.columns for one in space.subsets}
    owner: dict[str, str] = {}
    for group, names in groups.items():
        if isinstance(names, str) or not isinstance(names, Sequence) or not names:
            raise ArgumentError(f"group {group!r} is a list of decisions, got {quoted(names)}")
        for name in names:
            if name not in columns:
                raise UnknownNameError(f"decision of {space.name}", str(name), columns)
            if name in owner:
                raise SettingsError(
                    f"decision {name!r} is in the groups {owner[name]!r} and {group!r}; leave it "
                    "in one of them"
                )
            owner[name] = group
    if not groups:
        raise SettingsError("no groups of decisions; give {name: [decisions]}")
    return {
        group: tuple(j for name in names for j in columns[name]) for group, names in groups.items()
    }
