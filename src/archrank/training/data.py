"""Data on its way into training: on the device, laid out for speed, and drawn in random batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from archrank.errors import SettingsError
from archrank.training.layout import Layout, default

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Splits, Task


class Draws:
    """Random batches of a split: every example once per epoch, augmented by the task.

    Order and augmentation come from one generator, so that they follow its seed. The state can be
    saved after any batch. Several processes that train together draw the same order and take their
    part of every batch; each then augments with a generator of its own, :attr:`augmenting`.

    Args:
        task: Augments the batches.
        data: Examples, resident on the device.
        batch_size: Examples per batch, at most; an epoch is cut into equal parts, so that no tiny
            last batch is normalised by itself.
        generator: On the device of the data.
        layout: Order of the batches' images in memory.
        part: Number of this process and of all that divide each batch among themselves.

    Attributes:
        batches: Batches per epoch.
        augmenting: Generator of the augmentation: ``generator``, unless batches are divided. Its
            state is then no part of :meth:`state_dict`: seed it before every epoch.

    Raises:
        SettingsError: A batch has fewer examples than there are processes.
    """

    def __init__(
        self,
        task: Task,
        data: Split,
        batch_size: int,
        generator: torch.Generator,
        layout: Layout = default,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self.task, self.data, self.generator, self.layout = task, data, generator, layout
        self.batches = math.ceil(len(data.y) / batch_size)
        self._part, among = part, part[1]
        if among > 1 and len(data.y) // self.batches < among:
            raise SettingsError(
                f"batches of {len(data.y) // self.batches} examples cannot be divided among "
                f"{among} processes; make them larger"
            )
        self.augmenting = torch.Generator(generator.device) if among > 1 else generator
        self._order = torch.empty(0, dtype=torch.int64)
        self._at = 0

    def epoch(self) -> Iterator[Split]:
        """Yield the batches of an epoch; of one that was begun, those that are left."""
        device = self.data.y.device
        if self._at == 0:
            n = len(self.data.y)
            self._order = torch.randperm(n, generator=self.generator, device=device)
        for rows in self._order.tensor_split(self.batches)[self._at :]:
            number, among = self._part
            batch = self.data.take(rows if among == 1 else rows.tensor_split(among)[number])
            x = self.task.augment(batch.x, self.augmenting)
            self._at = (self._at + 1) % self.batches
            yield batch._replace(x=x).map(self.layout)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next batches depend on: tensors and numbers."""
        return {
            "generator": self.generator.get_state(),
            "order": self._order.clone(),
            "at": self._at,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the draws that returned ``state`` were."""
        self.generator.set_state(state["generator"])
        self._order, self._at = state["order"].to(self.data.y.device), int(state["at"])


def resident(task: Task, device: torch.device, layout: Layout = default) -> Splits:
    """Return the task's data on ``device``, its images in a layout."""
    splits = task.load()
    train, valid, test = (split.map(lambda t: layout(t.to(device))) for split in splits)
    return splits._replace(train=train, valid=valid, test=test)
