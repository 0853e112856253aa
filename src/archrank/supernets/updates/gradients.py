"""Sums of the gradients that several architectures give, and their means per weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from archrank.supernets.ranks import Ranks
from archrank.types import Ints


class Gradients:
    """Gradients of one update, taken from the weights after each backward pass.

    The Surgery (section 4.3) sums the gradients of all architectures of an update and divides
    those of every weight by how many used it, not by how many there are.

    Args:
        weights: whose gradients are taken.
        ranks: processes whose gradients are summed.
        groups: groups of architectures, whose uses are counted apart.
    """

    def __init__(
        self, weights: Sequence[nn.Parameter], ranks: Ranks | None = None, groups: int = 1
    ) -> None:
        self._weights, self._groups = weights, groups
        self._ranks = ranks if ranks is not None else Ranks()
        self._clear()

    def _clear(self) -> None:
        self._sums: dict[int, Tensor] = {}
        self._uses = np.zeros((self._groups, len(self._weights)), dtype=np.int64)

    @torch.no_grad()
    def take(self, group: int = 0) -> None:
        """Add the gradients that an architecture of ``group`` gave; the weights lose them."""
        sums, added = [], []
        for i, weight in enumerate(self._weights):
            if weight.grad is None:
                continue
            if i in self._sums:
                sums.append(self._sums[i])
                added.append(weight.grad)
            else:
                self._sums[i] = weight.grad
            weight.grad = None
            self._uses[group, i] += 1
        if sums:
            torch._foreach_add_(sums, added)

    @torch.no_grad()
    def put(self, totals: Tensor) -> tuple[Ints, Tensor]:
        """Give every weight the mean of its gradients over all processes, and start anew.

        Args:
            totals: further numbers to be summed over the processes, ``(k,)``.

        Returns:
            Architectures of each group that used each weight, ``(groups, weights)``; and the sums
            of the further numbers, ``(k,)``.

        Raises:
            WorkerError: another process has ended, or does not answer.
        """
        if self._ranks.size > 1:
            totals = self._add_up(totals)
        uses = self._uses
        counts = uses.sum(axis=0)
        for count in set(counts.tolist()) - {0, 1}:
            torch._foreach_div_([s for i, s in self._sums.items() if counts[i] == count], count)
        for i, total in self._sums.items():
            self._weights[i].grad = total
        self._clear()
        return uses, totals

    def _add_up(self, totals: Tensor) -> Tensor:
        """Sum gradients, uses and ``totals`` over the processes, in one call."""
        uses = torch.as_tensor(self._uses.ravel(), dtype=totals.dtype, device=totals.device)
        parts = [
            self._sums[i].flatten() if i in self._sums else w.new_zeros(w.numel())
            for i, w in enumerate(self._weights)
        ]
        flat = torch.cat([*parts, uses, totals])
        self._ranks.add_up(flat)
        *parts, uses, totals = torch.split(flat, [*map(len, parts), len(uses), len(totals)])
        self._uses = uses.cpu().numpy().round().astype(np.int64).reshape(self._uses.shape)
        for i in np.flatnonzero(self._uses.any(axis=0)).tolist():
            weight = self._weights[i]  # whose layout in memory its gradient has
            self._sums[i] = torch.empty_like(weight).copy_(parts[i].view(weight.shape))
        return totals
