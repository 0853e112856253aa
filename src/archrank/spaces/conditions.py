"""Decisions that exist only under conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archrank.types import Archs, Bools


@dataclass(frozen=True, eq=False)
class Condition:
    """A decision exists where an earlier one exists and has one of some options.

    Attributes:
        parent: column of the earlier decision.
        allows: per option of the earlier decision, whether this one exists then: ``(options,)``.
    """

    parent: int
    allows: Bools


Conditions = Sequence["Condition | None"]  # one per decision; None: it always exists


def existing(archs: Archs, conditions: Conditions) -> Bools:
    """Tell which decisions of ``archs: (n, d)`` exist: ``(n, d)``."""
    result = np.ones(archs.shape, dtype=bool)
    for j, condition in enumerate(conditions):
        if condition is not None:
            parent = condition.parent
            result[:, j] = result[:, parent] & condition.allows[archs[:, parent]]
    return result
