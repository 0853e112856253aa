"""Settings of a study of supernets as plain names and numbers, and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from archrank.checks import MOST_SEEDS, whole
from archrank.errors import BudgetError, SettingsError, UnknownNameError

PARTS = (
    "scores",
    "checkpoints",
    "spread",
    "sampling",
    "samples",
    "proxies",
    "groups",
    "subsets",
    "labels",
    "statistics",
    "averages",
    "cures",
    "predictors",
)
"""Parts of a study, in the order in which they are told."""

TABLED = (0.2, 0.4, 0.6, 0.8, 1.0)
"""Checkpoints of the Surgery's Tables 2 and 3, as shares of all epochs: 200 to 1,000 of 1,000."""


@dataclass(frozen=True)
class StudySettings:
    """Settings by which supernets are trained and judged.

    Args:
        metric: Column of the table that is the truth; ``name:minimize`` where its name does not
            tell what is better.
        parts: Parts of the study, of :data:`PARTS`.
        seeds: Number of supernets of each kind, with seeds from 0.
        epochs: Passes over the training data of each supernet.
        recipe: Name of the recipe of all trainings; samplers are the study's.
        changes: Settings of the optimisation in place of the recipe's, such as ``lr``.
        checkpoints: Further checkpoints to judge beside :data:`TABLED`, as shares of all epochs.
        archs: Number of isomorphism classes that are scored, drawn at random; ``None``: all.
        images: Number of held-out examples to score on, spread evenly; ``None``: all.
        samples: Architectures per update to compare with one (Surgery, Table 4).
        subset: Number of random architectures that a supernet is trained on alone (Surgery, A.3).
        labels: Number of labels of predictors.
        predictor_epochs: Passes of neural predictors over their labels; ``None``: as published.
    """

    metric: str
    parts: tuple[str, ...] = PARTS
    seeds: int = 3
    epochs: int = 300
    recipe: str = "cpu"
    changes: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[float, ...] = (0.05, 0.1)
    archs: int | None = None
    images: int | None = 512
    samples: tuple[int, ...] = (3, 5)
    subset: int = 78
    labels: int = 78
    predictor_epochs: int | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            if part not in PARTS:
                raise UnknownNameError("part of the study", part, PARTS)
        if not self.parts:
            raise SettingsError(f"no parts to study; name one or more of {', '.join(PARTS)}")
        whole(self.seeds, "seeds", at_least=1, at_most=MOST_SEEDS, error=BudgetError)
        least = {"epochs": 1, "archs": 20, "images": 2, "subset": 2, "labels": 3}
        for name, value in {**least, "predictor_epochs": 1}.items():
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, at_least=value, error=BudgetError)
        for number in self.samples:
            whole(number, "samples", at_least=2, error=BudgetError)
        wrong = [share for share in self.checkpoints if not 0 < share <= 1]
        if wrong:
            raise SettingsError(
                f"checkpoints are shares of all epochs, above 0 and at most 1; got {wrong[0]:g}"
            )

    def quick(self) -> StudySettings:
        """Return the settings of a study of a minute, which shows that everything runs."""
        return replace(
            self,
            seeds=2,
            epochs=5,
            archs=40,
            images=100,
            samples=(3,),
            subset=10,
            labels=20,
            predictor_epochs=3,
        )

    def epoch(self, share: float) -> int:
        """Return the epoch after a share of all of them, at least 1."""
        return max(1, round(share * self.epochs))

    @property
    def tabled(self) -> dict[int, float]:
        """Epochs of the Surgery's tables, and their share of all epochs; rising."""
        return self._by_epoch(TABLED)

    @property
    def kept(self) -> dict[int, float]:
        """Epochs of all checkpoints that are judged, and their share; rising."""
        return self._by_epoch(sorted({*self.checkpoints, *TABLED}))

    def _by_epoch(self, shares: Sequence[float]) -> dict[int, float]:
        return {self.epoch(share): share for share in shares}

    def identity(self) -> dict[str, Any]:
        """Return the settings that scores depend on: all but the lists of parts and seeds."""
        values = {k: v for k, v in asdict(self).items() if k not in ("parts", "seeds")}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
