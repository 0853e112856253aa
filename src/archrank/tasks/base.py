"""The Task contract: what a network must learn to do, and how it is trained to do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

_IMAGE: tuple[int, ...] = (3, 32, 32)  # channels, height, width


@dataclass(frozen=True)
class Recipe:
    """How a network is trained on a task. All of it enters a run's fingerprint."""

    epochs: int = 12
    batch_size: int = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1  # peak; cosine to 0 over all steps
    momentum: float = 0.9  # SGD only, Nesterov
    weight_decay: float = 5e-4
    warmup_epochs: float = 0.0  # linear from 0
    label_smoothing: float = 0.0
    grad_clip: float | None = None  # L2 norm over all parameters
    noise: float = 0.0  # sd of Gaussian pixel noise added to every training batch
    shift: int = 0  # random translation by up to this many pixels, zero padded
    flip: bool = False  # random horizontal flip


class Split(NamedTuple):
    """Inputs and targets of one part of the data, resident in memory."""

    x: Tensor  # (b, c, h, w) float32
    y: Tensor  # (b,) int64


class Splits(NamedTuple):
    """Training, validation and test data, disjoint."""

    train: Split
    valid: Split
    test: Split


@dataclass(frozen=True)
class Task(ABC):
    """What the network must do: data, loss, metric, and the recipe it is trained with.

    A task is a small frozen value (cheap to pickle and to compare); its data is loaded where it is
    used, once per process. Subclasses set the class attributes and implement :meth:`load`; the
    default loss and metric are those of classification.
    """

    recipe: Recipe = field(default_factory=Recipe)

    name = "task"
    input_shape = _IMAGE  # or (length,) of tokens; no field, unless a subclass makes it one
    n_classes = 10
    metric = "accuracy"  # fraction in [0, 1]
    direction: ClassVar[Literal["maximize", "minimize"]] = "maximize"

    @abstractmethod
    def load(self) -> Splits:
        """Return the data as tensors; the same for every call with the same task."""

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean training loss of a batch: ``outputs`` (b, classes), ``y`` (b,) -> scalar."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs, y, label_smoothing=self.recipe.label_smoothing)

    def score(self, outputs: Tensor, y: Tensor) -> float:
        """The metric on a whole split: ``outputs`` (b, classes), ``y`` (b,) -> float."""
        return float((outputs.argmax(1) == y).double().mean())
