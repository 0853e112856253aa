"""A training that may stop when the ranks of sub-networks have settled.

A public repository of RankNAS's kind evaluates a fixed list of sub-networks after every epoch, and
stops when their order hardly changes from one epoch to the next: when Kendall's tau exceeds .9
(translation) or .85 (language models), or has risen five times in a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from archrank.checks import number, whole
from archrank.criteria.correlation import kendall_tau
from archrank.errors import LabelError, SettingsError
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from archrank.spaces.base import Space


@dataclass(frozen=True)
class Settling:
    """Rule that tells when ranks have settled.

    Learning rates that fall with the updates, such as a cosine, are still high where a training
    stops early; the published rate falls with their root.

    Args:
        tau: Kendall's tau between the losses of two epochs above which ranks have settled; .9 as
            published for translation, .85 for language models.
        rises: times in a row that tau must rise to count as settled, too; ``None``: any number
            does not. 5 as published, 10 on WMT'14.
        archs: random architectures whose losses are measured after every epoch; 100 as published
            on IWSLT'14, 150 for language models, 200 on WMT'14.
        examples: held-out examples of each loss; ``None``: all.

    Raises:
        SettingsError: ``tau`` is none, or a number is too small.
    """

    tau: float = 0.9
    rises: int | None = 5
    archs: int = 100
    examples: int | None = 512

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not -1 <= number(self.tau, f"{name}: tau", error=SettingsError) <= 1:
            raise SettingsError(f"{name}: tau is from -1 to 1, got {self.tau:g}")
        whole(self.archs, f"{name}: archs", at_least=2, error=SettingsError)
        for setting in ("rises", "examples"):
            if getattr(self, setting) is not None:
                what = f"{name}: {setting}"
                whole(getattr(self, setting), what, at_least=1, error=SettingsError)

    def listed(self, space: Space, seed: int) -> Archs:
        """Return the architectures, the same after every epoch: ``(n, d)``."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0, 0, 2]))
        return space.sample(self.archs, rng=rng)


@dataclass
class RankHistory:
    """Losses of the listed architectures after the last epoch, and tau between all before.

    Attributes:
        rule: that tells when they have settled; ``None``: never.
        losses: ``(n,)`` after the last epoch; ``None`` before the first.
        taus: of each epoch with the one before; NaN where there is none.
    """

    rule: Settling | None = None
    losses: Floats | None = None
    taus: list[float] = field(default_factory=list)

    def add(self, losses: Floats) -> None:
        """Note the losses after an epoch: ``(n,)``."""
        if self.losses is not None:
            known = np.isfinite(losses) & np.isfinite(self.losses)
            try:
                self.taus.append(kendall_tau(losses[known], self.losses[known]))
            except LabelError:  # all are the same, or hardly any is finite
                self.taus.append(np.nan)
        self.losses = losses

    @property
    def settled(self) -> str:
        """Reason why ranks have settled; empty where they have not."""
        if self.rule is None or not self.taus:
            return ""
        if self.taus[-1] > self.rule.tau:
            return f"tau {self.taus[-1]:.3f} with the epoch before exceeds {self.rule.tau:g}"
        rises = 0
        for before, now in zip(self.taus[-2::-1], self.taus[:0:-1], strict=False):
            if not now > before:
                break
            rises += 1
        if self.rule.rises is not None and rises >= self.rule.rises:
            return f"tau has risen {rises} times in a row, to {self.taus[-1]:.3f}"
        return ""

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return tensors and JSON values; nothing where there is no rule."""
        if self.rule is None or self.losses is None:
            return {}, {}
        about = {"rule": asdict(self.rule), "taus": [None if t != t else t for t in self.taus]}
        return {"ranks": torch.from_numpy(self.losses.copy())}, {"ranks": about}

    def restored(self, tensors: Mapping[str, Any], about: Mapping[str, Any]) -> RankHistory:
        """Return the ranks of a checkpoint; none where it was written under another rule."""
        known = about.get("ranks")
        if self.rule is None or known is None or known["rule"] != asdict(self.rule):
            return RankHistory(self.rule)
        taus = [np.nan if tau is None else float(tau) for tau in known["taus"]]
        return RankHistory(self.rule, tensors["ranks"].numpy(), taus)
