"""Weighted sums of losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

import torch
from torch import Tensor

from archrank.errors import LabelError
from archrank.losses.checks import Loss
from archrank.losses.pairwise import hinge
from archrank.losses.pointwise import mse


@dataclass(frozen=True)
class _Mixed:
    parts: tuple[tuple[float, Loss], ...]

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        return sum(
            (weight * loss(scores, targets) for weight, loss in self.parts), scores.new_zeros(())
        )


def mixed(parts: Sequence[tuple[float, Loss]]) -> Loss:
    """Add losses up, each with its weight; the sum pickles if its parts do.

    Raises:
        LabelError: no part, or a weight that is not finite.

    Example:
        >>> half = mixed([(0.5, mse), (0.5, partial(hinge, margin=0.01))])
        >>> half(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        tensor(1.)
    """
    if not parts:
        raise LabelError("mixed needs at least one (weight, loss)")
    for weight, _ in parts:
        if not isfinite(weight):
            raise LabelError(f"mixed got the weight {weight}; weights must be finite")
    return _Mixed(tuple((float(weight), loss) for weight, loss in parts))


def blog_mixed(
    scores: Tensor,
    targets: Tensor,
    *,
    pairs: int = 64,
    margin: float = 0.01,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The recursive ranking model's loss: half MSE, half margin ranking over sampled pairs.

    Its blog post draws 64 pairs of a batch; pairs with equal targets, which would add a constant,
    are not drawn here.
    """
    ranking = partial(hinge, margin=margin, max_pairs=pairs, generator=generator)
    return mixed([(0.5, mse), (0.5, ranking)])(scores, targets)
