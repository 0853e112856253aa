"""Batches of token sequences: of like length, with as many tokens as are asked for, and trimmed.

Sequences of a batch are padded to the longest one. Batches of like lengths hold little padding, so
an update costs what its tokens cost. As in fairseq, the size of a batch is its number of sequences
times the longest one, of whatever side; unlike there, sizes need not be multiples of eight.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from archrank.errors import SettingsError

if TYPE_CHECKING:
    from archrank.tasks.base import Split, Task
    from archrank.training.recipe import Recipe


def lengths_of(task: Task, data: Split) -> Tensor | None:
    """Return the lengths of the sequences of each example, ``(n, s)`` on the CPU.

    ``None`` for tasks whose examples are no sequences.
    """
    found = task.lengths(data)
    return None if found is None else found.cpu()


def batch_sizes(task: Task, lengths: Tensor | None, n: int, recipe: Recipe) -> list[int]:
    """Return the number of examples of every batch of an epoch.

    By tokens, batches take the examples in the order of their lengths, the shortest first; else
    examples are divided evenly.

    Args:
        task: For the message.
        lengths: Of the sequences of each example, ``(n, s)``.
        n: Number of examples.
        recipe: Its ``batch_size``, or its ``batch_tokens``.

    Raises:
        SettingsError: ``batch_tokens`` for a task without token sequences, or fewer than the
            longest one has.
    """
    limit = recipe.batch_tokens
    if limit is None:
        parts = math.ceil(n / recipe.batch_size)
        return [n // parts + (i < n % parts) for i in range(parts)]
    if lengths is None:
        raise SettingsError(
            f"recipe: batch_tokens is {limit}, but task {task.name!r} has no sequences of tokens; "
            "give a batch_size"
        )
    ordered = lengths.amax(1).sort().values.tolist()
    if n and ordered[-1] > limit:
        raise SettingsError(
            f"recipe: batch_tokens is {limit}, but a sequence of task {task.name!r} has "
            f"{ordered[-1]} tokens; give that many or more, or leave long sequences out"
        )
    sizes = []
    start = 0
    while start < n:
        ends = range(start + 1, n + 1)  # the padded size grows with the end
        fits = bisect.bisect_right(ends, limit, key=lambda end: (end - start) * ordered[end - 1])
        sizes.append(fits)
        start += fits
    return sizes


def shuffled(
    lengths: Tensor | None, sizes: list[int], recipe: Recipe, n: int, generator: torch.Generator
) -> tuple[Tensor, list[int]]:
    """Return all examples in a new order, and the sizes of the batches that they make.

    By tokens, examples are shuffled and then put in the order of their lengths, so that equal ones
    change their neighbours; the batches that they make are shuffled, too.

    Args:
        lengths: Of the sequences of each example, ``(n, s)``.
        sizes: What :func:`batch_sizes` returned.
        recipe: Tells how batches are made.
        n: Number of examples.
        generator: Of the order.

    Returns:
        Numbers of examples ``(n,)`` on the generator's device, and the size of each batch in turn.
    """
    device = generator.device
    order = torch.randperm(n, generator=generator, device=device)
    if recipe.batch_tokens is None or lengths is None:
        return order, sizes
    drawn = torch.randperm(len(sizes), generator=generator, device=device).tolist()
    rows = order.cpu()
    by_length = torch.split(rows[lengths.amax(1)[rows].argsort(stable=True)], sizes)
    return torch.cat([by_length[i] for i in drawn]).to(device), [sizes[i] for i in drawn]


def longest_of(lengths: Tensor | None, order: Tensor, sizes: list[int]) -> list[list[int]] | None:
    """Return the longest sequences of every batch, one number per kind of sequence."""
    if lengths is None:
        return None
    return [part.amax(0).tolist() for part in torch.split(lengths[order.cpu()], sizes)]


def trimmed(task: Task, batch: Split) -> Split:
    """Return a batch without the padding that all of its examples have."""
    lengths = task.lengths(batch)
    return batch if lengths is None else task.cut(batch, lengths.amax(0).tolist())


def sorted_by_length(task: Task, data: Split) -> Split:
    """Return a split in the order of its sequences' lengths, so that batches hold little padding.

    As it is, where all are equal.
    """
    lengths = task.lengths(data)
    if lengths is None:
        return data
    keys = lengths.amax(1)
    return data if bool((keys == keys[0]).all()) else data.take(keys.argsort(stable=True))
