"""The default update rule: gradients averaged per weight; two cures for small cells' head start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archrank.checks import number, whole
from archrank.errors import SettingsError
from archrank.supernets.updates.base import Session, UpdateRule, Updates
from archrank.supernets.updates.complexity import DecayExponents
from archrank.supernets.updates.gradients import Gradients
from archrank.supernets.updates.momenta import Momenta
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.tasks.base import Split


@dataclass(frozen=True)
class MeanPerWeight(UpdateRule):
    """Every architecture gives its gradient; a weight moves by the mean of those that it got.

    As the Surgery does with its Monte-Carlo samples (section 4.3) and FairNAS: all architectures
    see the same batch and the same weights. With one architecture it is plain single-path training.

    The settings are the cures of "Subnet-aware dynamic supernet training" (CVPR 2025) for the bias
    against large cells, both off by default. The learning rate of an update is
    ``lr * decay**exponent``, ``decay`` being the schedule's factor from 1 to 0, and the exponent
    linear in the logarithm of the number of parameters. Momenta are kept for each operation on one
    edge, so that architectures with a skip there do not push the weights of those with a
    convolution. Ours are the scale of the exponents (the paper fits its own), the mean of the
    learning rates where several architectures make one update, and the momentum of weights that
    several groups share within one, see :class:`~archrank.supernets.updates.momenta.Momenta`.

    Weights that no architecture of an update used stay as they are. In PyTorch before 2.0, with
    which AceNAS and the Surgery were published, their gradients were 0 instead: they moved on by
    their momentum, and decayed. ``moves_unused`` brings that back.

    Attributes:
        decay_exponents: of the smallest and of the largest architectures; below 1 the learning rate
            falls later, such as (1.5, 0.5).
        momentum_decision: index of the decision whose options have a momentum each; ``None``: one
            momentum for all.
        moves_unused: let unused weights move and decay, too.

    Raises:
        SettingsError: a setting is out of its range, or two do not go together.
    """

    decay_exponents: tuple[float, float] = (1.0, 1.0)
    momentum_decision: int | None = None
    moves_unused: bool = False

    def __post_init__(self) -> None:
        ends = self.decay_exponents
        if not isinstance(ends, tuple | list) or len(ends) != 2:
            raise SettingsError(f"decay_exponents are two numbers, got {ends!r}")
        smallest, largest = (number(e, "decay_exponents", error=SettingsError) for e in ends)
        if min(smallest, largest) < 0:
            raise SettingsError(f"decay_exponents must not be negative, got {ends}")
        object.__setattr__(self, "decay_exponents", (smallest, largest))
        if self.momentum_decision is not None:
            whole(self.momentum_decision, "momentum_decision", at_least=0, error=SettingsError)
            if self.moves_unused:
                raise SettingsError(
                    "moves_unused does not go with momentum_decision: unused weights have no "
                    "group whose momentum could move them"
                )

    def start(self, session: Session) -> Updates:
        """Return the updates of a training that begins.

        Raises:
            SettingsError: the space has no such decision or architectures of one size alone, or
                the recipe has no momentum.
        """
        return _Means(self, session)


class _Means(Updates):
    """Updates by :class:`MeanPerWeight`."""

    def __init__(self, rule: MeanPerWeight, session: Session) -> None:
        self._session, self._decision = session, rule.momentum_decision
        self._moves_unused = rule.moves_unused
        space, weights = session.supernet.space, session.weights
        self._exponents = None
        if rule.decay_exponents != (1.0, 1.0):
            self._exponents = DecayExponents(session.networks, *rule.decay_exponents)
        groups, self._momenta = 1, None
        if self._decision is not None:
            if self._decision >= len(space.choices):
                raise SettingsError(
                    f"momentum_decision {self._decision}: {space.name} has the decisions 0 to "
                    f"{len(space.choices) - 1}"
                )
            groups = len(space.choices[self._decision].options)
            self._momenta = Momenta(session.step, weights, groups)
        self._gradients = Gradients(weights, session.ranks, groups)

    def __call__(self, batch: Split, archs: Archs) -> Tensor:
        """Make one update with ``archs: (m, d)``; return the mean loss."""
        session, step = self._session, self._session.step
        if len(archs) == 1 and session.ranks.size == 1:  # there is nothing to divide
            loss = session.loss(batch, archs[0])
            step.backward(loss)
            if self._momenta is not None:
                self._momenta.lend_one(self._group(archs[0]))
            self._step(self._decays(archs)[0] if self._exponents else None)
            return loss.detach()
        losses = []
        for arch in archs:
            loss = session.loss(batch, arch)
            step.backward(loss)
            self._gradients.take(self._group(arch))
            losses.append(loss.detach())
        total = torch.stack(losses).float().sum()
        others = total.new_tensor([self._decays(archs).sum(), len(archs)])
        uses, sums = self._gradients.put(torch.cat([total[None], others]))
        self._update(uses, float(sums[1] / sums[2]) if self._exponents else None)
        return sums[0] / sums[2]

    def _group(self, arch: NDArray[np.uint8]) -> int:
        return 0 if self._decision is None else int(arch[self._decision])

    def _update(self, uses: Ints, decay: float | None) -> None:
        if self._momenta is not None:
            self._momenta.lend(uses)
        self._step(decay)
        if self._momenta is not None:
            self._momenta.take_back(uses)

    def _step(self, decay: float | None) -> None:
        if self._moves_unused:
            for weight in self._session.weights:
                if weight.grad is None:
                    weight.grad = torch.zeros_like(weight)
        self._session.step.update(decay)

    def _decays(self, archs: Archs) -> Floats:
        """Return the factor of the learning rate of each of ``archs: (m, d)``, ``(m,)``."""
        if self._exponents is None:
            return np.zeros(len(archs))
        return np.asarray(self._session.step.decay ** self._exponents(archs))

    def state_dict(self) -> dict[str, Any]:
        """Return the momenta of the groups."""
        return {} if self._momenta is None else self._momenta.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the momenta of a checkpoint."""
        if self._momenta is not None:
            self._momenta.load_state_dict(state)
