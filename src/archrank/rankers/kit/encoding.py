"""Encodings of architectures as numbers for rankers that read tables of features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from archrank.errors import UnknownNameError
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Encoding = Literal["features", "one_hot", "ordinal"]
ENCODINGS = ("features", "one_hot", "ordinal")


def encode(space: Space, archs: Archs, encoding: Encoding) -> NDArray[np.float32]:
    """Encode architectures ``(n, d)`` as numbers ``(n, f)``.

    Args:
        space: The space of the architectures.
        archs: ``(n, d)``.
        encoding: ``features``: those of the space; ``one_hot``: one column per option of every
            decision; ``ordinal``: the indices of the chosen options, ``f = d``.

    Raises:
        UnknownNameError: No encoding has that name.
    """
    if encoding == "features":
        return np.ascontiguousarray(space.features(archs), dtype=np.float32)
    if encoding == "ordinal":
        return archs.astype(np.float32)
    if encoding == "one_hot":
        columns = [
            archs[:, j, None] == np.arange(len(choice.options))
            for j, choice in enumerate(space.choices)
        ]
        return np.concatenate(columns, axis=1).astype(np.float32)  # (n, sum of options)
    raise UnknownNameError("encoding", encoding, ENCODINGS)


def width(space: Space, encoding: Encoding) -> int:
    """Return the number of columns that :func:`encode` gives."""
    if encoding == "features":
        return len(space.feature_names)
    return int(encode(space, np.zeros((1, space.d), dtype=np.uint8), encoding).shape[1])
