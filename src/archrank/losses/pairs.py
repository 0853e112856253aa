"""Choose the pairs of architectures that a loss compares."""

from __future__ import annotations

import torch
from torch import Tensor

from archrank.errors import LabelError

MAX_PAIRS = 2**20  # 8 MB per float64 column of pairs


def compare(
    targets: Tensor,
    apart: float | None,
    max_pairs: int | None,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, float]:
    """Return indices of the better and of the worse of each pair, and the number each stands for.

    Args:
        targets: ``(n,)``.
        apart: only pairs whose targets differ by more; all pairs if None.
        max_pairs: at most so many.
        generator: draws where there are too many.

    Raises:
        LabelError: ``max_pairs`` below 1.
    """
    if max_pairs is not None and max_pairs < 1:
        raise LabelError(f"max_pairs must be at least 1, got {max_pairs}")
    n = len(targets)
    total, bound = n * (n - 1) // 2, max(MAX_PAIRS, max_pairs or 0)
    scale = 1.0
    if total <= bound:
        i, j = torch.triu_indices(n, n, 1, device=targets.device)
    else:
        i, j = _unranked(distinct(total, bound, generator).to(targets.device))
        scale = total / bound
    if apart is not None:
        keep = (targets[i] - targets[j]).abs() > apart
        i, j = i[keep], j[keep]
    if max_pairs is not None and len(i) > max_pairs:
        pick = distinct(len(i), max_pairs, generator).to(targets.device)
        scale *= len(i) / max_pairs
        i, j = i[pick], j[pick]
    first = targets[i] >= targets[j]
    return torch.where(first, i, j), torch.where(first, j, i), scale


def distinct(count: int, size: int, generator: torch.Generator | None) -> Tensor:
    """Draw ``size`` different numbers of ``range(count)``; memory is linear in ``size``."""
    g = torch.Generator().manual_seed(0) if generator is None else generator
    if count <= 4 * size:
        return torch.randperm(count, generator=g, device=g.device)[:size]
    drawn = torch.empty(0, dtype=torch.int64, device=g.device)
    while len(drawn) < size:  # few repeat, as there are over 4 per one wanted
        more = torch.randint(count, (size + size // 2,), generator=g, device=g.device)
        drawn = torch.cat([drawn, more]).unique()  # type: ignore[no-untyped-call]
    return drawn[torch.randperm(len(drawn), generator=g, device=g.device)[:size]]


def _unranked(index: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs ``i < j`` that stand at ``index`` of 01, 02, 12, 03, 13, 23, ..."""
    j = ((1 + torch.sqrt(1 + 8 * index.double())) / 2).long()
    j -= (j * (j - 1) // 2 > index).long()  # the root may round up
    j += (j * (j + 1) // 2 <= index).long()  # or down
    return index - j * (j - 1) // 2, j
