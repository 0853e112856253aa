"""The sandwich rule with in-place distillation: largest, smallest and sampled architectures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from archrank.errors import SettingsError
from archrank.supernets.updates.base import Session, UpdateRule, Updates
from archrank.supernets.updates.gradients import Gradients
from archrank.torch_state import mode
from archrank.types import Archs

if TYPE_CHECKING:
    from archrank.tasks.base import Split


@dataclass(frozen=True)
class Sandwich(UpdateRule):
    """Every update trains the largest, the smallest and the sampled architectures on one batch.

    From Yu & Huang, "Universally Slimmable Networks", ICCV 2019, as AttentiveNAS (CVPR 2021) trains
    with two sampled architectures. The largest one learns the labels. The others learn what it
    answers (in-place distillation): their loss is the cross entropy with its probabilities as soft
    labels, without labels and at a temperature of 1. Gradients are added up, each loss with weight
    1, and make one update; of several processes, sums are averaged.

    The soft labels get no gradient. Their cross entropy is averaged over the batch alone, so it is
    as large as that of the labels, and its gradient, too. A Kullback-Leibler divergence that is
    averaged over classes as well, as ``torch.nn.functional.kl_div`` does by default, is smaller by
    the number of classes, and small architectures hardly learn.

    Dropout and drop-connect act on the largest architecture alone: the others run in evaluation
    mode, in which a supernet's batch norms normalise by the batch all the same. Weights decay once
    per update, whoever used them.

    The smallest and the largest architecture are those of
    :attr:`Networks.smallest <archrank.spaces.networks.Networks.smallest>` and ``largest``. Rows
    that the sampler draws are trained between them. The loss that is told is the mean over all of
    them of the task's own loss, of labels, which shows what each has learnt.

    Attributes:
        distil: in-place distillation; without it, all learn the labels.

    Raises:
        SettingsError: ``distil`` is not True or False.
    """

    distil: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.distil, bool):
            raise SettingsError(f"Sandwich: distil is True or False, got {self.distil!r}")

    def start(self, session: Session) -> Updates:
        """Return the updates of a training that begins.

        Raises:
            SettingsError: the task has no classes whose probabilities could be learnt.
        """
        if self.distil and not session.task.takes_soft_labels:
            raise SettingsError(
                f"in-place distillation learns probabilities of classes, but the loss of task "
                f"{session.task.name!r} is no cross entropy; use Sandwich(distil=False)"
            )
        return _Sandwiches(self, session)


class _Sandwiches(Updates):
    """Updates by :class:`Sandwich`."""

    def __init__(self, rule: Sandwich, session: Session) -> None:
        self._session, self._distil = session, rule.distil
        networks = session.networks
        self._largest, self._smallest = networks.largest, networks.smallest
        self._gradients = Gradients(session.weights, session.ranks)

    def __call__(self, batch: Split, archs: Archs) -> Tensor:
        """Make one update with ``archs: (m, d)`` and the two ends; return the mean loss."""
        session, step = self._session, self._session.step
        outputs, loss = session.run(batch, self._largest, session.task.loss)
        step.backward(loss)
        losses = [loss.detach()]
        soft = outputs.detach().float().softmax(dim=1)  # (b, classes), tokens: (b, vocabulary, t)
        with mode(session.supernet, training=False):
            for arch in (*archs, self._smallest):
                if self._distil:
                    outputs, loss = session.run(
                        batch, arch, lambda out, y: session.task.soft_loss(out, soft, y)
                    )
                    step.backward(loss)
                    loss = session.task.loss(outputs.detach().float(), batch.y)
                else:
                    loss = session.loss(batch, arch)
                    step.backward(loss)
                losses.append(loss.detach())
        mean = torch.stack(losses).float().mean()
        if session.ranks.size > 1:
            self._gradients.take()
            _, total = self._gradients.put(mean[None])  # means over the processes
            mean = total[0] / session.ranks.size
        step.update()
        return mean
