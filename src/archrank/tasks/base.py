"""The Task contract: data, loss and metrics that networks are trained and measured on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from archrank.identity import identity_of
from archrank.metrics import Metric
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from archrank.tasks.meters import Meter

_ANY: tuple[int, ...] = ()
_NONE: tuple[Metric, ...] = ()


class Split(NamedTuple):
    """Inputs and targets of one part of the data, resident in memory.

    Attributes:
        x: Inputs ``(b, ...)`` of floats or integers; or a tuple of such tensors, which become
            several arguments of the network.
        y: Targets ``(b, ...)``.
    """

    x: Tensor | tuple[Tensor, ...]
    y: Tensor

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs as a tuple, also if there is one."""
        return self.x if isinstance(self.x, tuple) else (self.x,)

    def map(self, change: Callable[[Tensor], Tensor]) -> Split:
        """Return a split with every tensor of inputs and targets changed."""
        x = tuple(map(change, self.x)) if isinstance(self.x, tuple) else change(self.x)
        return Split(x, change(self.y))

    def take(self, rows: Any) -> Split:
        """Return some examples: ``rows`` is a slice or an index tensor ``(k,)``."""
        return self.map(lambda tensor: tensor[rows])


class Splits(NamedTuple):
    """Training, validation and test data, disjoint."""

    train: Split
    valid: Split
    test: Split


@dataclass(frozen=True)
class Task(ABC):
    """A task: data, loss, metrics, and the recipe that networks are trained with.

    A task is a small frozen value (cheap to pickle and to compare); its data is loaded where it is
    used, once per process. There are families for the usual kinds, which need the data only:
    :class:`~archrank.tasks.classification.Classification`,
    :class:`~archrank.tasks.images.base.ImageClassification`,
    :class:`~archrank.tasks.regression.Regression`,
    :class:`~archrank.tasks.text.language_model.LanguageModel` and
    :class:`~archrank.tasks.text.translation.Translation`. A task of another kind implements
    :meth:`load`, :meth:`loss` and :meth:`measure`, and names its metrics.

    :func:`archrank.testing.check_task` checks the contract, :func:`archrank.tasks.check_task` the
    data alone.

    Attributes:
        recipe: Optimisation of every network.
        name: Short name, for file names and displays.
        input_shape: Shape of one input without the batch: ``(channels, height, width)`` of images,
            ``(features,)`` of vectors, ``(length,)`` of token sequences, ``(2, length)`` of a
            source and a target sequence.
        metrics: Measured quantities beside the loss; the first is what runs optimise.
    """

    recipe: Recipe = field(default_factory=Recipe)

    name = "task"
    input_shape = _ANY  # no field, unless a subclass makes it one
    metrics = _NONE

    @property
    def n_outputs(self) -> int:
        """Size of a network's output: classes, predicted numbers, or tokens of the vocabulary."""
        return 1

    @property
    def is_cross_entropy(self) -> bool:
        """True if the loss is the mean cross entropy over examples, each of one class."""
        return False

    @property
    def takes_soft_labels(self) -> bool:
        """True if :meth:`soft_loss` is the loss with probabilities in place of classes."""
        return self.is_cross_entropy

    @abstractmethod
    def load(self) -> Splits:
        """Return the data as tensors; the same for every call with the same task."""

    @abstractmethod
    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the mean training loss of a batch, a scalar that can be differentiated.

        Args:
            outputs: What the network returned for the inputs, ``(b, ...)``; of an object with
                ``logits`` these, see :func:`~archrank.networks.inputs.only_logits`.
            y: Targets, ``(b, ...)``.
        """

    def soft_loss(self, outputs: Tensor, soft: Tensor, y: Tensor) -> Tensor:
        """Return the mean cross entropy with soft labels, which in-place distillation learns.

        For tasks whose :attr:`takes_soft_labels` is True.

        Args:
            outputs: Logits ``(b, classes, ...)``.
            soft: Probabilities, of the same shape; no gradient goes to them.
            y: Targets; they tell what counts, such as tokens that are no padding.
        """
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, soft.detach())

    def measure(self, outputs: Tensor, y: Tensor) -> Mapping[str, Tensor | float]:
        """Return the metrics of a batch by name, each a mean over the batch.

        Metrics that are no means over examples need a :meth:`meter` of their own.
        """
        return {}

    def count(self, y: Tensor) -> int | Tensor:
        """Return how many items the means of a batch are taken over; examples by default."""
        return len(y)

    def meter(self) -> Meter:
        """Return an empty meter, which accumulates loss and metrics batch by batch.

        By default it averages :meth:`loss` and :meth:`measure`, weighted by :meth:`count`.
        """
        from archrank.tasks.meters import Averages

        return Averages(self)

    def augment(self, x: Any, generator: torch.Generator) -> Any:
        """Return the inputs of a training batch, changed at random; unchanged by default."""
        return x

    def lengths(self, data: Split) -> Tensor | None:
        """Return the lengths of the sequences of each example, padding left out: ``(b, s)``.

        There are ``s`` kinds of sequences, such as sources and targets. ``None``, the default:
        examples are no sequences.
        """
        return None

    def cut(self, batch: Split, longest: Sequence[int]) -> Split:
        """Return a batch whose sequences are cut to a length, one for each kind: ``s`` numbers."""
        return batch

    def example(self, batch: int = 1, *, seed: int = 0) -> Tensor | tuple[Tensor, ...]:
        """Return made-up inputs ``(batch, ...)`` of the right shape and type, without any data."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return torch.randn((batch, *self.input_shape), generator=generator)

    def place(self, split: str, row: int) -> str:
        """Return words for an example of a split, for messages; rows are counted from 0."""
        return f"row {row} of {split}"

    def kept_files(self) -> dict[str, bytes]:
        """Return files by name that go with trained networks, such as a vocabulary; none.

        Of data of users, ``preprocessing.json``.
        """
        return {}

    def identity(self) -> dict[str, Any]:
        """Return the settings that must agree for two runs to measure the same; JSON values.

        The class by name and what differs from the defaults, see
        :func:`~archrank.identity.identity_of`.
        """
        return identity_of(self, leave_out=("name", "metrics"))
