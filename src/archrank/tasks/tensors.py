"""Tasks of tensors or arrays in memory."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from archrank.checks import instance, quoted, whole
from archrank.errors import DataError, DataWarning, SettingsError
from archrank.tasks.base import Split, Splits, Task
from archrank.tasks.checks import check_task
from archrank.tasks.classification import Classification
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.preprocessing import FILE
from archrank.tasks.regression import Regression
from archrank.tasks.splitting import PARTS, SHARES, split_rows
from archrank.tasks.tensor_arguments import as_inputs, as_targets, class_numbers
from archrank.tasks.tensor_data import TensorData
from archrank.tasks.tensor_preprocessing import TensorPreprocessing
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Kind = Literal["classification", "regression"]
KINDS = ("classification", "regression")
LISTED = 3  # class numbers in a message
RECIPE = Recipe(epochs=20, batch_size=64, optimizer="adamw", lr=5e-3, weight_decay=1e-4)
"""For data that nobody has said anything about; ``recipe=Recipe(...)`` is another one."""


@dataclass(frozen=True, kw_only=True)
class TensorTask(Task):
    """Data in memory; made by :func:`from_tensors`.

    Attributes:
        data: Training, validation and test data; its digest is part of the identity.
        input_shape: Shape of one input; of several inputs of the same shape, ``(inputs, ...)``, and
            of several shapes, that of the first.
        name: Short name, for file names and displays.
        augmentation: Random changes of training images ``(channels, height, width)``.
        padding: Token that fills up short sequences, which are the first input; ``None``: inputs
            are no sequences, or all are of one length.
    """

    data: TensorData
    input_shape: tuple[int, ...] = ()
    name: str = "tensors"
    augmentation: Augmentation = field(default_factory=Augmentation)
    padding: int | None = None

    def load(self) -> Splits:
        """Return the data."""
        return self.data.splits

    def example(self, batch: int = 1, *, seed: int = 0) -> Tensor | tuple[Tensor, ...]:
        """Return inputs ``(batch, ...)`` of training examples that are drawn at random."""
        import torch

        train = self.load().train
        rows = torch.randint(len(train.y), (batch,), generator=torch.Generator().manual_seed(seed))
        return train.take(rows).x

    def place(self, split: str, row: int) -> str:
        """Return words for an example: its row in what was passed."""
        return self.data.place(split, row)

    def augment(self, x: Any, generator: torch.Generator) -> Any:
        """Augment a batch of training images; other inputs stay."""
        return x if self.augmentation == Augmentation() else self.augmentation(x, generator)

    def lengths(self, data: Split) -> Tensor | None:
        """Return the lengths of sequences of tokens without their padding, ``(b, 1)``, or None."""
        if self.padding is None:
            return None
        import torch

        tokens = data.inputs[0]
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        return ((tokens != self.padding) * places).amax(1, keepdim=True).clamp(min=1)

    def cut(self, batch: Split, longest: Sequence[int]) -> Split:
        """Return sequences of a length; inputs of other lengths stay."""
        whole = batch.inputs[0].shape[1]
        cut = tuple(
            x[:, : longest[0]] if x.dim() == 2 and x.shape[1] == whole else x for x in batch.inputs
        )
        return batch._replace(x=cut if isinstance(batch.x, tuple) else cut[0])

    def kept_files(self) -> dict[str, bytes]:
        """Return the names of the classes and the padding, if there are any."""
        names = getattr(self, "class_names", ())
        if not names and self.padding is None:
            return {}
        return {FILE: TensorPreprocessing(classes=names, padding=self.padding).content()}


@dataclass(frozen=True, kw_only=True)
class TensorClassification(TensorTask, Classification):
    """Classify data in memory; made by :func:`from_tensors`.

    Attributes:
        n_classes: Number of classes.
        class_names: Names of the classes in the order of their numbers; empty: numbers alone.
    """

    n_classes: int = 2
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TensorRegression(TensorTask, Regression):
    """Predict numbers from data in memory; made by :func:`from_tensors`.

    Attributes:
        n_targets: Numbers per example.
    """

    n_targets: int = 1


def from_tensors(
    x: Any = None,
    y: Any = None,
    *,
    train: Sequence[Any] | None = None,
    valid: Sequence[Any] | None = None,
    test: Sequence[Any] | None = None,
    split: Sequence[float] = SHARES,
    seed: int = 0,
    kind: Kind | None = None,
    classes: int | Sequence[str] | None = None,
    augmentation: Augmentation | None = None,
    padding: int | None = None,
    recipe: Recipe | None = None,
    name: str = "tensors",
) -> TensorClassification | TensorRegression:
    """Return the task of tensors or arrays: classification, or regression.

    Give ``x`` and ``y``, which are split at random (each class by the same shares), or the three
    parts. The data is copied and checked now, see :func:`~archrank.tasks.checks.check_task`; its
    digest is part of the task's identity, so that no run goes on with other data.

    Whole numbers, truth values and texts in ``y`` are classes; floats are numbers to predict.
    Floats in ``x`` of any precision become float32, whole numbers are tokens (int64).

    Args:
        x: Inputs ``(b, ...)``: a torch tensor, a NumPy array or nested lists; or a tuple of them,
            the arguments of the network.
        y: Targets ``(b,)``; of several numbers to predict ``(b, targets)``.
        train: ``(x, y)`` to train with.
        valid: Those to validate with.
        test: Those to test with.
        split: Shares of ``x`` and ``y`` to train, validate and test with.
        seed: Seed of the split.
        kind: ``"classification"`` or ``"regression"``; ``None``: as ``y`` tells.
        classes: Number of classes, or their names in the order of their numbers; ``None``: one more
            than the highest number, or the texts in ``y`` in the order of the alphabet.
        augmentation: Random changes of training images ``(b, channels, height, width)``.
        padding: Token that fills up short sequences of tokens ``(b, length)``, so that batches can
            be cut to their longest one.
        recipe: Optimisation; ``None``: :data:`RECIPE`, 20 epochs of AdamW.
        name: Short name of the task.

    Raises:
        DataError: The data cannot be learnt from; the message names part and row.
        SettingsError: Parts are missing, or a setting is out of its range.

    Warns:
        DataWarning: Class numbers below the highest one do not occur, or an example stands in two
            parts.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> task = from_tensors(x, x.sum(axis=1) > 0)
        >>> task.input_shape, task.n_classes, len(task.load().train.y)
        ((4,), 2, 80)
    """
    parts = _parts(x, y, {"train": train, "valid": valid, "test": test})
    inputs = [as_inputs(pair[0], f"x{who}") for who, pair in parts.items()]
    targets = [as_targets(pair[1], f"y{who}") for who, pair in parts.items()]
    for who, a, b in zip(parts, inputs, targets, strict=True):
        _check_lengths(who, a, b)
    names = [f"y{who}" for who in parts]
    ys, settings = read_targets(targets, names, kind, classes)
    made = [Split(a, b) for a, b in zip(inputs, ys, strict=True)]
    if len(made) == len(PARTS):
        data = TensorData(Splits(*made))
    else:
        labels = ys[0].numpy() if "n_classes" in settings else None
        rows = split_rows(len(ys[0]), split, seed, labels)
        data = TensorData(Splits(*(made[0].take(part) for part in rows)), rows)
    if padding is not None:
        settings["padding"] = whole(padding, "padding", error=SettingsError)
    if augmentation is not None:
        settings["augmentation"] = augmentation
    return make_task(data, settings, RECIPE if recipe is None else recipe, name)


def make_task(
    data: TensorData, settings: Mapping[str, Any], recipe: Recipe, name: str
) -> TensorClassification | TensorRegression:
    """Return the task of data in memory, and check it.

    Args:
        data: Inputs and targets.
        settings: ``n_targets``; or ``n_classes``, and ``class_names`` if there are any; with
            ``augmentation`` and ``padding`` if they are not the defaults.
        recipe: Optimisation.
        name: Short name of the task.

    Raises:
        ArgumentError: The recipe is none, or the name no text.
        DataError: The data cannot be learnt from.
        SettingsError: Augmentation of other inputs than images, padding of others than tokens.
    """
    family = TensorRegression if "n_targets" in settings else TensorClassification
    first = data.splits.train.inputs[0]
    if "augmentation" in settings:
        instance(settings["augmentation"], Augmentation, "augmentation", "such as Augmentation()")
        if first.dim() != 4 or len(data.splits.train.inputs) > 1:
            raise SettingsError(
                f"augmentation changes images (channels, height, width), but inputs have the shape "
                f"{tuple(first.shape[1:])}"
            )
    if settings.get("padding") is not None and (first.dim() != 2 or first.is_floating_point()):
        raise SettingsError(
            f"padding is {settings['padding']}, but the first input is no sequence of tokens"
        )
    task = family(
        recipe=instance(recipe, Recipe, "recipe", "such as Recipe(epochs=5)"),
        data=data,
        input_shape=_shape_of(data.splits.train),
        name=instance(name, str, "name of the task"),
        **settings,
    )
    check_task(task)
    return task


def _parts(x: Any, y: Any, given: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return inputs and targets by what messages add to their names: one pair, or three."""
    missing = [part for part, pair in given.items() if pair is None]
    if len(missing) == len(given):
        if x is None or y is None:
            raise SettingsError(
                "from_tensors needs inputs and targets: from_tensors(x, y), or train=(x, y), "
                "valid=(x, y), test=(x, y)"
            )
        return {"": (x, y)}
    if x is not None or y is not None:
        raise SettingsError(
            "from_tensors takes x and y, which are split, or train, valid and test; not both"
        )
    if missing:
        raise SettingsError(
            f"from_tensors lacks {' and '.join(missing)}: give train, valid and test, each (x, y); "
            "or x and y alone, which are split"
        )
    for part, pair in given.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(f"{part} is {quoted(pair)}, expected ({part}_x, {part}_y)")
    return {f" of {part}": (pair[0], pair[1]) for part, pair in given.items()}


def _check_lengths(who: str, inputs: Tensor | tuple[Tensor, ...], targets: Any) -> None:
    for x in inputs if isinstance(inputs, tuple) else (inputs,):
        if len(x) != len(targets):
            raise DataError(f"x{who} has {len(x):,} examples, y{who} has {len(targets):,}")
        if not len(x):
            raise DataError(f"x{who} is empty")


def read_targets(
    targets: Sequence[Any],
    parts: Sequence[str],
    kind: Kind | None,
    classes: int | Sequence[str] | None,
) -> tuple[list[Tensor], dict[str, Any]]:
    """Return targets as they are learnt, and the settings of the task that they tell.

    Args:
        targets: Of each part.
        parts: What messages call them.
        kind: That the user says.
        classes: Those that the user says.

    Raises:
        DataError: Targets are neither classes nor numbers to predict.
        SettingsError: The user's settings do not suit them.
    """
    import torch

    if kind is not None and kind not in KINDS:
        raise SettingsError(f"kind is {quoted(kind)}, expected one of {', '.join(KINDS)}")
    floats = [isinstance(y, torch.Tensor) and y.is_floating_point() for y in targets]
    if kind is None and len(set(floats)) > 1:
        raise DataError(
            "targets are floats in one part and classes in another: say kind='classification' or "
            "kind='regression'"
        )
    if (kind or ("regression" if floats[0] else "classification")) == "classification":
        return _classes(targets, parts, classes)
    if classes is not None:
        raise SettingsError("classes are given, but the targets are numbers to predict")
    if not all(isinstance(y, torch.Tensor) for y in targets):
        raise DataError("targets are texts, which no regression can predict")
    if len({tuple(y.shape[1:]) for y in targets}) > 1:
        raise DataError("the parts have different numbers of targets per example")
    width = targets[0].shape[1] if targets[0].dim() == 2 else 1
    return [y.float() for y in targets], {"n_targets": width}


def _classes(
    targets: Sequence[Any], parts: Sequence[str], classes: int | Sequence[str] | None
) -> tuple[list[Tensor], dict[str, Any]]:
    """Return class numbers, and number and names of the classes."""
    count, names = None, None
    if isinstance(classes, str | bool) or not isinstance(classes, int | Sequence | None):
        raise SettingsError(f"classes is {quoted(classes)}, expected a number, or a list of names")
    if isinstance(classes, int):
        count = whole(classes, "classes", at_least=2, error=SettingsError)
    elif classes is not None:
        names, count = list(map(str, classes)), len(classes)
        if len(set(names)) < max(2, count):
            raise SettingsError(
                f"classes is {quoted(classes)}, expected two different names or more"
            )
    ys, found = class_numbers(targets, parts, names)
    if count is None:
        count = len(found) or int(max(y.max() for y in ys)) + 1
        if count < 2:
            raise DataError(f"{parts[0]} has one class alone: there is nothing to tell apart")
        examples = sum(map(len, ys))
        if not found and count > examples:
            raise DataError(
                f"{parts[0]} has class numbers up to {count - 1:,} in {examples:,} examples; "
                "for numbers to predict, say kind='regression'"
            )
        if not found:
            _warn_of_gaps(ys, count, parts[0])
    return ys, {"n_classes": count, "class_names": found}


def _warn_of_gaps(ys: Sequence[Tensor], count: int, who: str) -> None:
    """Warn of class numbers up to the highest that no example has, as where they begin at 1."""
    missing = sorted(set(range(count)).difference(*(y.tolist() for y in ys)))
    if missing:
        shown = ", ".join(map(str, missing[:LISTED])) + ", ..." * (len(missing) > LISTED)
        warnings.warn(
            f"{who} has class numbers up to {count - 1}, which makes {count} classes, but no "
            f"example of {shown}: pass np.unique(y, return_inverse=True)[1] if these are no "
            f"classes, classes={count} if they are",
            DataWarning,
            stacklevel=5,
        )


def _shape_of(split: Split) -> tuple[int, ...]:
    """Return the shape of one input; of several alike their number first; else the first's."""
    shape = tuple(split.inputs[0].shape[1:])
    alike = all(tuple(x.shape[1:]) == shape for x in split.inputs)
    return (len(split.inputs), *shape) if isinstance(split.x, tuple) and alike else shape
