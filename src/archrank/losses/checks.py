"""Check what losses are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from archrank.errors import LabelError

Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""``loss(scores (n,), targets (n,)) -> scalar``; bind options with ``functools.partial``."""


def checked(scores: Tensor, targets: Tensor) -> Tensor:
    """Return ``targets`` as constants of the scores' type.

    Raises:
        LabelError: shapes that differ, integer scores, no architecture, or targets with NaN.
    """
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise LabelError(
            f"a loss needs scores and targets of one shape (n,), got {tuple(scores.shape)} and "
            f"{tuple(targets.shape)}"
        )
    if not scores.is_floating_point():
        raise LabelError(f"a loss needs floating-point scores, got {scores.dtype}")
    if len(scores) == 0:
        raise LabelError("a loss needs at least 1 architecture, got none")
    t = targets.detach().to(scores)
    if not bool(torch.isfinite(t).all()):
        raise LabelError("targets hold NaN or infinite values; drop failed evaluations first")
    return t


def checked_relevances(scores: Tensor, targets: Tensor, who: str) -> Tensor:
    """Return relevances as :func:`checked` does; they must not be negative.

    Raises:
        LabelError: as :func:`checked`, or a negative relevance; ``who`` names the loss.
    """
    y = checked(scores, targets)
    least = float(y.min())
    if least < 0:
        raise LabelError(
            f"{who} needs relevances >= 0 as targets, got {least:g}; use relevance(scores)"
        )
    return y


def zero(scores: Tensor) -> Tensor:
    """Return a loss of 0 with a gradient of zeros: ``backward()`` works and changes nothing."""
    return scores.sum() * 0.0
