"""Base classes of update rules: one batch and some architectures make one update of a supernet."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archrank.identity import identity_of
from archrank.supernets.base import Supernet
from archrank.supernets.ranks import Ranks
from archrank.torch_state import mode
from archrank.training.step import Step
from archrank.types import Archs

if TYPE_CHECKING:
    import numpy as np

    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Split, Task


@dataclass(frozen=True)
class Session:
    """The training that a rule makes updates for.

    Attributes:
        supernet: in training mode, on its device.
        task: its loss.
        step: optimiser, learning rate, clipping and precision; ``step.recipe`` is the recipe and
            ``step.updates`` the number of updates in all.
        ranks: the processes that train together. Each makes the same update from the gradients of
            all, and returns the same loss.
        see: is told the outputs and targets of every architecture that is run.
    """

    supernet: Supernet
    task: Task
    step: Step
    ranks: Ranks = field(default_factory=Ranks)
    see: Callable[[Tensor, Tensor], object] = lambda outputs, y: None

    @property
    def weights(self) -> list[nn.Parameter]:
        """The weights that are trained, in the order of the supernet."""
        return [weight for weight in self.supernet.parameters() if weight.requires_grad]

    @property
    def networks(self) -> Networks:
        """The networks of the space and the task: their costs, the smallest and the largest."""
        return self.supernet.space.networks(self.task)

    def loss(self, batch: Split, arch: NDArray[np.uint8]) -> Tensor:
        """Run ``arch: (d,)`` on a batch in the recipe's precision; its loss, a scalar."""
        return self.run(batch, arch, self.task.loss)[1]

    def run(
        self, batch: Split, arch: NDArray[np.uint8], loss: Callable[[Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run ``arch: (d,)`` on a batch in the recipe's precision.

        Args:
            batch: inputs and targets, ``(b, ...)``.
            arch: what is run.
            loss: of outputs and targets; a scalar.

        Returns:
            Outputs ``(b, ...)`` and their loss.
        """
        with self.step.forward_context():
            outputs = self.supernet(*batch.inputs, arch)
            found = loss(outputs, batch.y)
        self.see(outputs, batch.y)
        return outputs, found

    @torch.no_grad()
    def peek(self, batch: Split, archs: Archs) -> Tensor:
        """Return the losses of ``archs: (n, d)`` on a batch, ``(n,)``.

        Without gradients, and in evaluation mode: without dropout, batch norms as in training.
        """
        losses = torch.zeros(len(archs), device=batch.y.device)
        with mode(self.supernet, training=False), self.step.forward_context():
            for place, outputs in self.supernet.forward_each(batch.inputs, archs):
                losses[place] = self.task.loss(outputs, batch.y)
        return losses


class UpdateRule(ABC):
    """Base class of update rules: settings, and no state of any training.

    A rule decides what is done with the architectures that the sampler drew: which losses they are
    trained with, how their gradients become one update, at which learning rate and with which
    momentum. One rule may serve several trainings; what changes while one trains is in
    :class:`Updates`. Rules are frozen dataclasses, so that their settings describe them.
    """

    @abstractmethod
    def start(self, session: Session) -> Updates:
        """Return the updates of a training that begins.

        Raises:
            SettingsError: the rule does not suit the supernet, the task or the recipe.
        """

    def describe(self) -> dict[str, Any]:
        """Return class and settings as JSON values; they must agree for a training to go on."""
        return identity_of(self)


class Updates(ABC):
    """The updates of one training by one rule, with whatever state they need."""

    @abstractmethod
    def __call__(self, batch: Split, archs: Archs) -> Tensor:
        """Make one update with ``archs: (m, d)``, what the sampler drew, and call ``step.update``.

        Returns:
            The mean loss over the architectures of all processes, a scalar without gradient.

        Raises:
            WorkerError: another process has ended, or does not answer.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return what the next updates depend on, beside weights and step: tensors and numbers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the updates that returned ``state`` were, bit for bit.

        Raises:
            KeyError: the state is of other updates.
        """
        if state:
            raise KeyError(f"{type(self).__name__} keeps no state, got {', '.join(state)}")
