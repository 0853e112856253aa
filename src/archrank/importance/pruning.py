"""Smaller spaces: decisions of little importance are fixed as in the best known architecture.

RankNAS, section 3.2: features whose importance is below a threshold are kept fixed during the
search. The paper does not say at what; here, at what the best architecture has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from archrank.checks import number
from archrank.errors import SettingsError, SpaceError
from archrank.importance.permutation import Importance
from archrank.spaces.base import Space

THRESHOLDS = {"hardware_aware": (200, 1.15), "high_accuracy": (300, 1.25)}
"""Architectures in the sample and threshold of the paper's two searches (section 4.1)."""

Measured: TypeAlias = "Importance | Sequence[Importance]"


@dataclass(frozen=True, eq=False)
class Pruning:
    """A pruned space.

    Attributes:
        space: The smaller space, of :meth:`.Space.restrict`.
        kept: Names of the groups that are searched.
        frozen: ``{decision: option}`` of all others.
        names: Names of the groups that are frozen.
        importance: ``{group: I(f)}``, the largest where there are several objectives.
        threshold: Importance below which a group was frozen.
    """

    space: Space
    kept: tuple[str, ...]
    frozen: dict[str, str | int | float]
    names: tuple[str, ...]
    importance: dict[str, float]
    threshold: float


def prune(
    space: Space,
    importance: Measured,
    best: NDArray[np.generic],
    threshold: float = THRESHOLDS["hardware_aware"][1],
) -> Pruning:
    """Fix the decisions whose importance is below a threshold, as the best architecture has them.

    Args:
        space: The space that ``importance`` was measured in.
        importance: Of one ranker, or of several, such as of losses and of latencies: what matters
            to any of them is kept.
        best: ``(d,)`` the best known architecture of ``space``.
        threshold: At least 1, the importance of a decision that does not matter. The paper has 1.15
            for hardware-aware and 1.25 for high-accuracy search (:data:`THRESHOLDS`).

    Raises:
        SettingsError: The threshold is below 1; or importances of different groups.
        SpaceError: Nothing would be left to choose.

    Example:
        >>> import numpy as np
        >>> from archrank.importance import permutation_importance
        >>> from archrank.rankers import Linear
        >>> from archrank.spaces import HAT
        >>> space = HAT("small")
        >>> archs = space.sample(100, rng=np.random.default_rng(0))
        >>> scores = -5.0 * space.values(archs, "dec_layers")[:, 0] - np.arange(100) / 50
        >>> found = permutation_importance(Linear(space), archs, scores, folds=5)
        >>> prune(space, found, archs[scores.argmax()], threshold=1.5).kept
        ('dec_layers',)
    """
    threshold = number(threshold, "threshold", error=SettingsError)
    if threshold < 1:
        raise SettingsError(
            f"threshold {threshold:g} is below 1, the importance of a decision that does not "
            "matter: nothing would be frozen; RankNAS has 1.15 and 1.25"
        )
    several = [importance] if isinstance(importance, Importance) else list(importance)
    if not several or any(set(one.names) != set(several[0].names) for one in several):
        raise SettingsError("importances must be of the same groups of decisions, one or more")
    columns = dict(zip(several[0].names, several[0].columns, strict=True))
    largest = _largest(several)
    kept = tuple(name for name in columns if not largest[name] < threshold)
    if not kept:
        first = max(largest, key=lambda name: largest[name])
        raise SpaceError(
            f"nothing would be left to choose: no decision has an importance of {threshold:g} or "
            f"more; the highest is {largest[first]:.3g} of {first!r}. Give a smaller threshold or "
            "more labels"
        )
    row = space.validate(np.asarray(best)[None])[0]
    names = tuple(name for name in columns if name not in kept)
    frozen = {
        space.choices[j].name: space.choices[j].options[row[j]]
        for name in names
        for j in columns[name]
    }
    smaller = space.restrict(frozen) if frozen else space
    return Pruning(smaller, kept, frozen, names, largest, float(threshold))


def _largest(several: Sequence[Importance]) -> dict[str, float]:
    """Return the largest importance of each group."""
    means = [dict(zip(one.names, one.mean.tolist(), strict=True)) for one in several]
    return {name: max(mean[name] for mean in means) for name in several[0].names}
