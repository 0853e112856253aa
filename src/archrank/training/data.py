"""Data on its way into training: on the device, laid out for speed, and drawn in random batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch

from archrank.errors import SettingsError
from archrank.training.batching import batch_sizes, lengths_of, longest_of, shuffled
from archrank.training.layout import Layout, default

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Splits, Task
    from archrank.training.recipe import Recipe


class Draws:
    """Random batches of a split: every example once per epoch, augmented by the task.

    Order and augmentation come from one generator, so that they follow its seed. The state can be
    saved after any batch. Several processes that train together draw the same order and take their
    part of every batch; each then augments with a generator of its own, :attr:`augmenting`.
    Token sequences come without the padding that all of a batch have.

    Args:
        task: Augments the batches.
        data: Examples, resident on the device.
        recipe: Its ``batch_size`` is examples per batch, at most; an epoch is cut into equal parts,
            so that no tiny last batch is normalised by itself. Or its ``batch_tokens``, see
            :mod:`archrank.training.batching`.
        generator: On the device of the data.
        layout: Order of the batches' images in memory.
        part: Number of this process and of all that divide each batch among themselves.

    Attributes:
        batches: Batches per epoch.
        smallest: Number of examples of the smallest one.
        augmenting: Generator of the augmentation: ``generator``, unless batches are divided. Its
            state is then no part of :meth:`state_dict`: seed it before every epoch.

    Raises:
        SettingsError: A batch has fewer examples than there are processes, or there can be no
            batches by tokens.
    """

    def __init__(
        self,
        task: Task,
        data: Split,
        recipe: Recipe,
        generator: torch.Generator,
        layout: Layout = default,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        self.task, self.data, self.generator, self.layout = task, data, generator, layout
        self.recipe = recipe
        self._lengths = lengths_of(task, data)
        self._planned = batch_sizes(task, self._lengths, len(data.y), recipe)
        self.batches, self.smallest = len(self._planned), min(self._planned, default=0)
        self._part, among = part, part[1]
        if among > 1 and self.smallest < among:
            raise SettingsError(
                f"batches of {self.smallest} examples cannot be divided among {among} processes; "
                "make them larger"
            )
        self.augmenting = torch.Generator(generator.device) if among > 1 else generator
        self._order, self._sizes = torch.empty(0, dtype=torch.int64), self._planned
        self._at = 0

    def epoch(self) -> Iterator[Split]:
        """Yield the batches of an epoch; of one that was begun, those that are left."""
        n, (number, among) = len(self.data.y), self._part
        if self._at == 0:
            order = shuffled(self._lengths, self._planned, self.recipe, n, self.generator)
            self._order, self._sizes = order
        longest = longest_of(self._lengths, self._order, self._sizes)
        for i, rows in list(enumerate(torch.split(self._order, self._sizes)))[self._at :]:
            batch = self.data.take(rows if among == 1 else rows.tensor_split(among)[number])
            if longest is not None:
                batch = self.task.cut(batch, longest[i])
            x = self.task.augment(batch.x, self.augmenting)
            self._at = (self._at + 1) % self.batches
            yield batch._replace(x=x).map(self.layout)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next batches depend on: tensors and numbers."""
        by_tokens = self.recipe.batch_tokens is not None
        return {
            "generator": self.generator.get_state(),
            "order": self._order.clone(),
            "at": self._at,
            **({"sizes": torch.tensor(self._sizes)} if by_tokens else {}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the draws that returned ``state`` were."""
        self.generator.set_state(state["generator"])
        self._order, self._at = state["order"].to(self.data.y.device), int(state["at"])
        if "sizes" in state:
            self._sizes = state["sizes"].tolist()


def resident(task: Task, device: torch.device, layout: Layout = default) -> Splits:
    """Return the task's data on ``device``, its images in a layout."""
    splits = task.load()
    train, valid, test = (split.map(lambda t: layout(t.to(device))) for split in splits)
    return splits._replace(train=train, valid=valid, test=test)


def even_batches(data: Split, size: int) -> Iterator[Split]:
    """Yield a split in order, in equal parts of up to ``size`` examples.

    No part is so small that its statistics say little.
    """
    parts = math.ceil(len(data.y) / size)
    for rows in torch.arange(len(data.y), device=data.y.device).tensor_split(parts):
        yield data.take(slice(int(rows[0]), int(rows[-1]) + 1))
