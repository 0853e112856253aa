"""Spaces of stacks of layers: decisions per stack, a depth, and decisions per layer.

A row holds genes for the deepest stack; those of layers beyond the chosen depth are inactive. As
in HAT's released code (configuration -> gene), canonical rows, and so the rows that ``sample``
draws and ``parse`` returns, repeat the first layer's value there. ``size``, ``index`` and
``from_index`` number networks, not rows: rows that differ in inactive genes share one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archrank.errors import SpaceError
from archrank.spaces.base import Choice, Space
from archrank.spaces.conditions import Condition
from archrank.spaces.transformers.layers import Stack, format_stacks, parse_stacks
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from archrank.tasks.base import Task

DROPOUTS = ("residual_dropout", "activation_dropout", "attention_dropout")
TRANSFORMER_OPTIONS = (*DROPOUTS, "full_scale")
"""Options of supernets of Transformers; GPT-S does not scale its embeddings."""


class LayeredSpace(Space):
    """Stacks of layers as genes: per stack the shared ones, the depth, then layer by layer.

    Features come in three groups: ``ordered`` and ``choice``, the two views of every gene that all
    spaces of named choices have, and ``mean``: every decision over its largest option, per-layer
    ones averaged over the active layers, as HAT's latency predictor reads them (options that are no
    numbers count 0, 1, ...).

    Args:
        stacks: in gene order.
        redraw: mutate as HAT does, where a resampled gene may keep its value; else a mutated
            gene always changes, and at least one does.
    """

    drawing = "layers"

    def __init__(self, stacks: Sequence[Stack], *, redraw: bool = False) -> None:
        self.stacks = tuple(stacks)
        self.redraw = redraw
        self._columns: dict[str, slice] = {}
        choices: list[Choice] = []
        for stack in self.stacks:
            for choice in (*stack.shared, stack.depth):
                self._columns[choice.name] = slice(len(choices), len(choices) + 1)
                choices.append(choice)
            for choice in stack.layers:
                self._columns[choice.name] = slice(len(choices), len(choices) + stack.deepest)
                choices += [
                    Choice(f"{choice.name}_{i}", choice.options) for i in range(stack.deepest)
                ]
        self.choices = tuple(choices)
        self.conditions = self._layer_conditions()
        self._radices = np.array([len(c.options) for c in choices], dtype=np.int64)
        self.starts = {name: columns.start for name, columns in self._columns.items()}
        self._numbers = np.zeros((self.d, int(self._radices.max())))  # option -> value
        for j, choice in enumerate(self.choices):
            self._numbers[j, : len(choice.options)] = _numbers(choice)
        self._scales = self._numbers.max(axis=1)

    def _layer_conditions(self) -> tuple[Condition | None, ...]:
        """Genes of layers beyond the chosen depth do not exist."""
        conditions: list[Condition | None] = [None] * self.d
        for stack in self.stacks:
            depth = self._columns[stack.depth.name].start
            for choice in stack.layers:
                start = self._columns[choice.name].start
                for i in range(min(stack.depths), stack.deepest):
                    conditions[start + i] = Condition(depth, np.array(stack.depths) > i)
        return tuple(conditions)

    @property
    def radices(self) -> Ints:
        """Options per decision: ``(d,)``."""
        return self._radices

    # ---- moving through the space --------------------------------------------------------------

    def sample(self, n: int, *, rng: np.random.Generator) -> Archs:
        """Draw every gene uniformly, then pad inactive ones: ``(n, d)``. Depths are uniform."""
        draws = rng.integers(0, 1 << 16, size=(n, self.d), dtype=np.uint16)  # bias < 1e-4
        return self.canonical(((draws * self._radices.astype(np.uint32)) >> 16).astype(np.uint8))

    def mutate(
        self, archs: Archs, *, rng: np.random.Generator, rate: float | Floats | None = None
    ) -> Archs:
        """Change decisions: ``(n, d)``; with ``redraw`` and a rate, resample each with ``rate``."""
        if rate is None or not self.redraw:
            return super().mutate(archs, rng=rng, rate=rate)
        drawn = rng.integers(self._radices, size=archs.shape).astype(np.uint8)
        return np.where(rng.random(archs.shape) < rate, drawn, archs)

    # ---- identity ------------------------------------------------------------------------------

    def canonical(self, archs: Archs) -> Archs:
        """Repeat the first layer's value in inactive genes: ``(n, d)``."""
        result = archs.astype(np.uint8)
        for stack in self.stacks:
            if len(stack.depths) == 1:
                continue
            absent = np.arange(stack.deepest) >= self.values(archs, stack.depth.name)
            for choice in stack.layers:
                block = result[:, self._columns[choice.name]]  # a view
                np.copyto(block, block[:, :1].copy(), where=absent)
        return result

    def from_index(self, index: Ints) -> Archs:
        """Inverse of :meth:`index`: ``(n,)`` numbers -> canonical ``(n, d)``."""
        return self.canonical(super().from_index(index))

    # ---- strings -------------------------------------------------------------------------------

    def format(self, archs: Archs) -> list[str]:
        """``name=value`` of every decision, layers joined by ``-``; only what is active."""
        return format_stacks(self.stacks, self.starts, archs)

    def parse(self, strings: Sequence[str]) -> Archs:
        """Read strings of :meth:`format` into canonical rows ``(n, d)``; decisions in any order.

        Raises:
            ArchitectureError: a string that is not of this form (with its number).
        """
        return self.canonical(parse_stacks(self.stacks, self.starts, self.d, strings))

    # ---- views ---------------------------------------------------------------------------------

    def values(self, archs: Archs, name: str) -> Floats:
        """The options that were chosen, as numbers: ``(n, layers)``, ``(n, 1)`` if not per layer.

        Args:
            archs: ``(n, d)``.
            name: of a decision, without the number of a layer.
        """
        columns = np.arange(self.d)[self._columns[name]]
        return self._numbers[columns, archs[:, columns]]

    def means(self, archs: Archs) -> Floats:
        """Every decision, per-layer ones averaged over the active layers: ``(n, m)``, unscaled."""
        active = self.active(archs)
        columns = []
        for stack in self.stacks:
            columns += [self.values(archs, c.name)[:, 0] for c in (*stack.shared, stack.depth)]
            for choice in stack.layers:
                exists = active[:, self._columns[choice.name]]  # (n, layers)
                total = (self.values(archs, choice.name) * exists).sum(axis=1)
                columns.append(total / exists.sum(axis=1))
        return np.stack(columns, axis=1)

    @property
    def mean_scales(self) -> tuple[float, ...]:
        """Divisors of the ``mean:`` features: the largest options."""
        return tuple(self._scales[columns.start] for columns in self._columns.values())

    def features(self, archs: Archs) -> NDArray[np.float32]:
        """The groups ``ordered``, ``choice`` and ``mean``, in this order: ``(n, f)``."""
        means = self.means(archs) / np.array(self.mean_scales)
        return np.concatenate([super().features(archs), means.astype(np.float32)], axis=1)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature, ``group:decision``."""
        return super().feature_names + tuple(f"mean:{name}" for name in self._columns)


@dataclass(frozen=True)
class TokenSizes:
    """Sizes of the sequences that a language model reads."""

    length: int  # tokens
    vocabulary: int  # different tokens


def token_sizes(task: Task | None, space: str, published: TokenSizes) -> TokenSizes:
    """Return the sizes of a task's token sequences.

    Args:
        task: what networks are built for; ``None`` for the published networks.
        space: name of the space that builds them, for the message.
        published: sizes of the published networks.

    Raises:
        SpaceError: the task's inputs are something else, such as images.
    """
    if task is None:
        return published
    return TokenSizes(sequence_length(task, space), task.n_outputs)


def sequence_length(task: Task, space: str, *, pair: bool = False) -> int:
    """Return the length of a task's token sequences.

    Args:
        task: the task.
        space: name of the space that builds networks for it, for the message.
        pair: whether its inputs are pairs of source and target.

    Raises:
        SpaceError: its inputs are something else, such as images.
    """
    shape = tuple(task.input_shape)
    expected = "(2, length): source and shifted target" if pair else "(length,)"
    if len(shape) != (2 if pair else 1) or (pair and shape[0] != 2):
        raise SpaceError(
            f"{space} builds networks for token sequences of input_shape {expected}; task "
            f"{task.name!r} has {shape}"
        )
    return int(shape[-1])


def _numbers(choice: Choice) -> Floats:
    """The options as numbers: themselves, or 0, 1, ... if some are no numbers."""
    if any(isinstance(option, str) for option in choice.options):
        return np.arange(len(choice.options), dtype=np.float64)
    return np.array(choice.options, dtype=np.float64)
