"""Sums of the gradients that several architectures give, and their means per weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from archrank.types import Ints


class Gradients:
    """Gradients of one update, taken from the weights after each backward pass.

    The Surgery (section 5.2) sums the gradients of all architectures of an update and divides
    those of every weight by how many used it, not by how many there are.

    Args:
        weights: whose gradients are taken.
        groups: groups of architectures, whose uses are counted apart.
    """

    def __init__(self, weights: Sequence[nn.Parameter], groups: int = 1) -> None:
        self._weights, self._groups = weights, groups
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
    def put(self) -> Ints:
        """Give every weight the mean of its gradients, and start anew.

        Returns:
            Architectures of each group that used each weight, ``(groups, weights)``.
        """
        uses = self._uses
        counts = uses.sum(axis=0)
        for count in set(counts.tolist()) - {0, 1}:
            torch._foreach_div_([s for i, s in self._sums.items() if counts[i] == count], count)
        for i, total in self._sums.items():
            self._weights[i].grad = total
        self._clear()
        return uses
