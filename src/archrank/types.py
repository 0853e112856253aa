"""Array types, and the letters that all docstrings use for shapes.

``n`` architectures, ``d`` decisions, ``f`` features, ``v`` graph nodes, ``l`` tokens, ``k`` kept or
listed architectures, ``b`` batch, ``m`` objectives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Archs: TypeAlias = NDArray[np.uint8]
"""A population: ``(n, d)`` choice indices, one row per architecture."""

Floats: TypeAlias = NDArray[np.float64]
"""Scores, metrics and costs: ``(n,)`` or ``(n, m)``. Scores are always higher-is-better."""

Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""Function that is called with the amount of work done and the total amount, in the same unit."""
