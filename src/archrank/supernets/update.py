"""One update of a supernet: several architectures on one batch, one step of the optimiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from archrank.supernets.base import Supernet
from archrank.training.step import Step
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Task


class MeanPerWeight:
    """Divides gradients by the number of architectures that gave one.

    The Surgery (section 5.2) sums the gradients of all architectures of an update and divides
    those of every weight by how many used it, not by how many there are.

    Args:
        supernet: whose weights are counted.
    """

    def __init__(self, supernet: nn.Module) -> None:
        self._uses: dict[nn.Parameter, int] = {}
        self._handles = [
            weight.register_post_accumulate_grad_hook(self._count)  # type: ignore[no-untyped-call]
            for weight in supernet.parameters()
            if weight.requires_grad
        ]

    def _count(self, weight: Tensor) -> None:
        assert isinstance(weight, nn.Parameter)
        self._uses[weight] = self._uses.get(weight, 0) + 1

    @torch.no_grad()
    def divide(self) -> None:
        """Make means of the sums, and start to count again."""
        for uses in set(self._uses.values()) - {1}:
            sums = [w.grad for w, n in self._uses.items() if n == uses and w.grad is not None]
            torch._foreach_div_(sums, uses)
        self._uses.clear()

    def close(self) -> None:
        """Stop counting."""
        for handle in self._handles:
            handle.remove()


def update(
    supernet: Supernet,
    batch: Split,
    archs: Archs,
    task: Task,
    step: Step,
    mean: Callable[[], object],
) -> Tensor:
    """Train ``archs: (m, d)`` on one batch.

    Args:
        supernet: in training mode.
        batch: the same for all architectures.
        archs: what the sampler drew.
        task: its loss.
        step: makes the update.
        mean: divides the gradients, see :meth:`MeanPerWeight.divide`.

    Returns:
        The mean loss, a scalar without gradient.
    """
    losses = []
    for arch in archs:
        with step.forward_context():
            loss = task.loss(supernet(*batch.inputs, arch), batch.y)
        step.backward(loss)
        losses.append(loss.detach())
    mean()
    step.update()
    return torch.stack(losses).mean()
