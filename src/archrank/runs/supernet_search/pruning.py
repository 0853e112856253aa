"""Pruning before a search in a supernet: decisions that matter little are fixed.

RankNAS (Hu et al., EMNLP 2021), section 3.2: the importance of decisions to the rankers of losses
and of latencies tells which of them are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archrank.errors import SettingsError, SpaceError
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.importance import Pruning
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

FOLDS = 5


@dataclass(frozen=True)
class Prune:
    """Rule that prunes: sample of architectures, and importance below which a decision is fixed.

    Attributes:
        archs: labels that importance is measured with.
        threshold: of the importance; 1 is that of a decision that does not matter.
    """

    archs: int
    threshold: float

    @classmethod
    def parse(cls, text: str) -> Prune:
        """Read ``N:THRESHOLD``, such as ``200:1.15``.

        Raises:
            SettingsError: the text has another form, or a number is too small.
        """
        after, _, threshold = text.partition(":")
        try:
            found = cls(int(after), float(threshold))
        except ValueError:
            raise SettingsError(
                f"--prune {text}: write N:THRESHOLD, a number of architectures and an importance, "
                "such as 200:1.15"
            ) from None
        if found.archs < 2 * FOLDS or not found.threshold >= 1:
            raise SettingsError(
                f"--prune {text}: at least {2 * FOLDS} architectures are needed, and a threshold "
                "of at least 1, the importance of a decision that does not matter"
            )
        return found

    def require_labels(self, labels: int, option: str) -> None:
        """Refuse fewer labels than the rule needs.

        Raises:
            SettingsError: there are fewer; ``option`` asks for more.
        """
        if labels < self.archs:
            raise SettingsError(
                f"--prune {self.archs}:{self.threshold:g} measures importance with {self.archs} "
                f"architectures, and {labels} have labels; ask for more with {option} "
                f"{self.archs}, or prune with fewer"
            )

    def prune(
        self,
        ranker: Ranker,
        labels: list[tuple[Archs, Floats]],
        best: Archs,
        *,
        seed: int,
    ) -> tuple[Space, Pruning]:
        """Return the pruned space, by rows of the whole one, and what was fixed.

        What matters to any of the labels is kept.

        Args:
            ranker: that importance is measured with; copies of it are fitted.
            labels: architectures, ``(n, d)``, and scores, ``(n,)``, higher is better, such as of
                losses and of latencies.
            best: ``(1, d)`` the architecture whose decisions are fixed.
            seed: of the permutations.

        Raises:
            SpaceError: no decision is so important.
        """
        from archrank.importance import permutation_importance, prune
        from archrank.spaces.restricted import RestrictedSpace
        from archrank.strategies.inside import Inside

        several = [
            permutation_importance(
                ranker, archs[: self.archs], scores[: self.archs], folds=FOLDS, seed=seed
            )
            for archs, scores in labels
        ]
        try:
            found = prune(ranker.space, several, best[0], self.threshold)
        except SpaceError as error:
            raise SpaceError(f"--prune {self.archs}:{self.threshold:g}: {error}") from None
        whole, smaller = ranker.space, found.space
        return (Inside(whole, smaller) if isinstance(smaller, RestrictedSpace) else whole), found


def allowed_in(space: Space, archs: Archs) -> Archs:
    """Return those of ``archs: (n, d)`` that lie in a space that may be pruned: ``(k, d)``."""
    from archrank.strategies.inside import Inside

    inside = space.contains(archs) if isinstance(space, Inside) else np.ones(len(archs), dtype=bool)
    return archs[inside]
