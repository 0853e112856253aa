"""What tabular rankers read of an architecture: its features, or its choices as they are."""

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
    """Architectures ``(n, d)`` as numbers ``(n, f)``.

    Args:
        space: whose architectures they are.
        archs: ``(n, d)``.
        encoding: ``features`` of the space; ``one_hot``: one column per option of every decision;
            ``ordinal``: the choice indices, ``f = d``.

    Raises:
        UnknownNameError: no such encoding.
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
    """Number of columns of :func:`encode`."""
    if encoding == "features":
        return len(space.feature_names)
    return int(encode(space, np.zeros((1, space.d), dtype=np.uint8), encoding).shape[1])
