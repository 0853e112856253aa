"""Views of decisions as numbers, for rankers that read tables of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.spaces.numbers import CHOICE, ORDERED, is_ordered, places
from archrank.spaces.subsets import Members
from archrank.types import Archs, Bools

if TYPE_CHECKING:
    from archrank.spaces.base import Choice

SET = "set"  # group of features: members of a set up to each place


class DecisionFeatures:
    """Features of a space's decisions: in order, one by one, and members of sets up to a place.

    ``ordered``: one column per decision whose options have an order, with its place on a scale from
    1 to 2 (:func:`~archrank.spaces.numbers.places`), 0 where inactive. ``choice``: all decisions
    one-hot, all zero where inactive. ``set``: of every set of numbered members, such as layers, how
    many of the first 1, 2, ... members are in. So sets with members next to each other are near,
    which one-hot columns do not tell.

    Args:
        choices: of the space.
        subsets: sets among them.
        one_by_one: most options of an ordered decision that is one-hot, too; ``None`` is any.
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        subsets: Sequence[Members],
        one_by_one: int | None = None,
    ) -> None:
        self._radices = np.array([len(c.options) for c in choices], dtype=np.int64)
        ordered = [j for j, choice in enumerate(choices) if is_ordered(choice)]
        self._ordered = np.array(ordered, dtype=np.int64)
        self._scale = np.zeros((len(ordered), int(self._radices.max())), dtype=np.float32)
        for row, j in zip(self._scale, ordered, strict=True):
            row[: len(choices[j].options)] = places(choices[j])
        self._apart = [
            j
            for j, c in enumerate(choices)
            if one_by_one is None or len(c.options) <= one_by_one or j not in ordered
        ]
        self._sets = [one for one in subsets if not any(isinstance(m, str) for m in one.labels)]
        self.names = (
            *(f"{ORDERED}:{choices[j].name}" for j in ordered),
            *(f"{CHOICE}:{choices[j].name}={o}" for j in self._apart for o in choices[j].options),
            *(f"{SET}:{one.name}.upto.{m}" for one in self._sets for m in one.labels[:-1]),
        )

    def of(self, archs: Archs, active: Bools) -> NDArray[np.float32]:
        """Return the features of ``archs: (n, d)``, ``(n, f)``; ``active: (n, d)`` decisions."""
        at = np.arange(len(self._ordered))
        ordered = self._scale[at, archs[:, self._ordered]] * active[:, self._ordered]
        upto = [
            np.cumsum(one.inside(archs), axis=1)[:, :-1] * active[:, one.columns[:1]]
            for one in self._sets
        ]
        parts = [ordered, self._one_hot(archs, active), *upto]
        return np.concatenate(parts, axis=1).astype(np.float32, copy=False)

    def _one_hot(self, archs: Archs, active: Bools) -> NDArray[np.float32]:
        """One column per option of every decision, all zero where inactive: ``(n, options)``."""
        radices = self._radices[self._apart]
        blocks = [
            (archs[:, j, None] == np.arange(radix))
            for j, radix in zip(self._apart, radices.tolist(), strict=True)
        ]
        if not blocks:
            return np.zeros((len(archs), 0), dtype=np.float32)
        if len(blocks) < len(self._radices):
            active = active[:, self._apart]
        known = np.repeat(active, radices, axis=1)
        return (np.concatenate(blocks, axis=1) & known).astype(np.float32)
