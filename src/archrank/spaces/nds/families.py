"""Operations and sizes of the NDS cell spaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archrank.checks import quoted, whole
from archrank.errors import SpaceError


@dataclass(frozen=True)
class Family:
    """Operations and sizes of one space."""

    ops: tuple[str, ...]  # in the order of the released code
    nodes: int
    loose: bool  # the output joins nodes that no other uses; else all
    imagenet_widths: int  # how many of the widths


_SEP = ("sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7")
_DIL = ("dil_conv_3x3", "dil_conv_5x5")
_POOL = ("avg_pool_3x3", "max_pool_3x3")
FAMILIES = {
    "darts": Family(
        ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", *_SEP[:2], *_DIL),
        4,
        False,
        5,
    ),
    "enas": Family(("skip_connect", *_SEP[:2], *_POOL), 5, True, 4),
    "pnas": Family((*_SEP, "conv_7x1_1x7", "skip_connect", *_POOL, "dil_conv_3x3"), 5, False, 4),
    "amoeba": Family(
        ("skip_connect", *_SEP, *_POOL, "dil_sep_conv_3x3", "conv_7x1_1x7"), 5, True, 4
    ),
    "nasnet": Family(
        (
            *("skip_connect", "conv_3x1_1x3", "conv_7x1_1x7", "dil_conv_3x3", *_POOL),
            *("max_pool_5x5", "max_pool_7x7", "conv_1x1", "conv_3x3", *_SEP),
        ),
        5,
        True,
        3,
    ),
}


def different_sizes(name: str, values: Sequence[int]) -> tuple[int, ...]:
    """Check ``widths`` or ``depths`` of a space.

    Raises:
        SpaceError: no number, a repeated one, or one below 2.
    """
    try:
        values = tuple(whole(value, f"one of the {name}") for value in values)
    except TypeError:
        raise SpaceError(f"{name} are several whole numbers, got {quoted(values)}") from None
    if not values or len(set(values)) != len(values) or min(values) < 2:
        raise SpaceError(f"{name} must be different numbers of at least 2, got {tuple(values)}")
    return tuple(values)
