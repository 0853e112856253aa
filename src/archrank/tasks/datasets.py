"""Tasks of torch data sets: items are read once, and kept in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.checks import quoted, whole
from archrank.errors import FAILURES, DataError, SettingsError, describe
from archrank.tasks.base import Split, Splits
from archrank.tasks.images.augmentation import Augmentation
from archrank.tasks.splitting import PARTS, halves
from archrank.tasks.tensor_arguments import as_inputs, as_targets
from archrank.tasks.tensor_data import TensorData
from archrank.tasks.tensors import (
    RECIPE,
    TensorClassification,
    TensorRegression,
    make_task,
    read_targets,
)
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

TARGETS = ("labels", "label", "targets", "target", "y")
"""Keys of items that are dictionaries by which their target is found."""

TWICE = 3  # items that are read twice, to find random transformations


def from_datasets(
    train: Any,
    valid: Any,
    test: Any = None,
    *,
    inputs: str | Sequence[str] | None = None,
    target: str | None = None,
    padding: int | None = None,
    kind: Literal["classification", "regression"] | None = None,
    classes: int | Sequence[str] | None = None,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    recipe: Recipe | None = None,
    name: str = "datasets",
) -> TensorClassification | TensorRegression:
    """Return the task of torch data sets, or of lists of items.

    Items are ``(x, y)``; or ``(x1, x2, y)``, of which the first ones are arguments of the network;
    or dictionaries. Every item is read once, now, and all are kept in memory: random
    transformations would be frozen, so they are refused; ``augmentation`` changes images while
    networks are trained. Data sets that can only be iterated over are refused: pass ``list(data)``.

    Sequences of tokens of different lengths are filled up with ``padding``; batches are cut to
    their longest sequence, and ``Recipe(batch_tokens=...)`` makes batches of like lengths. Networks
    may return objects with ``logits``.

    Args:
        train: Items to train with: a data set with ``len(data)`` and ``data[i]``.
        valid: Items to validate with.
        test: Items to test with; ``None``: half of ``valid``, drawn at random, of each class alike.
        inputs: Keys of the inputs in items that are dictionaries, in the order of the network's
            arguments; ``None``: all but the target.
        target: Key of the target; ``None``: the one of :data:`TARGETS` that there is.
        padding: Token that fills up short sequences.
        kind: ``"classification"`` or ``"regression"``; ``None``: as the targets tell, floats are
            numbers to predict.
        classes: Number of classes, or their names; ``None``: those of ``train.classes``, or all
            that occur.
        augmentation: Random changes of training images.
        seed: Seed by which ``valid`` is halved.
        recipe: Optimisation; ``None``: :data:`~archrank.tasks.tensors.RECIPE`.
        name: Short name of the task.

    Raises:
        DataError: An item cannot be read or learnt from; the message names part and item.
        SettingsError: A setting is out of its range.

    Example:
        >>> items = [([i, i + 1, 2], i % 2) for i in range(40)]
        >>> task = from_datasets(items[:20], items[20:])
        >>> task.input_shape, task.n_classes, [len(split.y) for split in task.load()]
        ((3,), 2, [20, 10, 10])
    """
    if padding is not None:
        padding = whole(padding, "padding", error=SettingsError)
    given = {"train": train, "valid": valid, **({} if test is None else {"test": test})}
    keys = _keys(inputs)
    read = {part: _read(data, part, keys, target) for part, data in given.items()}
    xs = _joined({part: x for part, (x, _) in read.items()}, padding)
    targets = [as_targets(y, f"targets of {part}") for part, (_, y) in read.items()]
    if classes is None and not isinstance(targets[0], list):
        classes = _named_classes(train, kind, targets)
    ys, settings = read_targets(targets, [f"targets of {p}" for p in given], kind, classes)
    splits = [Split(x, y) for x, y in zip(xs, ys, strict=True)]
    words = [f"item {{row}} of {part}" for part in given]
    rows = [np.arange(len(split.y)) for split in splits]
    if test is None:
        labels = ys[1].numpy() if "n_classes" in settings else None
        some, others = halves(len(ys[1]), seed, labels)
        if not len(others):
            raise DataError("valid has one item, which cannot be halved: pass test, too")
        splits[1:] = [splits[1].take(some), splits[1].take(others)]
        words[1:] = [f"item {{row}} of valid (in {part})" for part in PARTS[1:]]
        rows[1:] = [some, others]
    data = TensorData(Splits(*splits), tuple(rows), words)
    settings |= {"padding": padding}
    if augmentation is not None:
        settings["augmentation"] = augmentation
    return make_task(data, settings, RECIPE if recipe is None else recipe, name)


def _keys(inputs: str | Sequence[str] | None) -> list[str] | None:
    if inputs is None or isinstance(inputs, str):
        return None if inputs is None else [inputs]
    if not isinstance(inputs, Sequence) or not all(isinstance(key, str) for key in inputs):
        raise SettingsError(f"inputs is {quoted(inputs)}, expected the keys of the inputs")
    return list(inputs)


def _read(
    data: Any, part: str, keys: Sequence[str] | None, target: str | None
) -> tuple[list[tuple[Any, ...]], list[Any]]:
    """Return the inputs, a tuple for each item, and the targets."""
    from torch.utils.data import DataLoader

    if isinstance(data, DataLoader):
        raise DataError(f"{part} is a DataLoader: pass its data set, {part}.dataset")
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__") or isinstance(data, str):
        if hasattr(data, "__iter__") and not isinstance(data, str):
            raise DataError(
                f"{part} is a {type(data).__name__}, which can only be iterated over; expected a "
                f"data set with len({part}) and {part}[i]: pass list({part})"
            )
        raise DataError(
            f"{part} is {quoted(data)}, expected a data set with len({part}) and {part}[i]"
        )
    xs, ys = [], []
    for number in range(_length(data, part)):
        x, y = _item(data, number, part, keys, target)
        xs.append(x)
        ys.append(y)
    if not xs:
        raise DataError(f"{part} has no items")
    texts = [isinstance(y, str) for y in ys]
    if any(texts) and not all(texts):
        raise DataError(
            f"{part}: the target of item {texts.index(False)} is {quoted(ys[texts.index(False)])}, "
            f"that of item {texts.index(True)} is a text: give all names of classes, or all numbers"
        )
    for number in range(min(TWICE, len(xs))):
        again, _ = _item(data, number, part, keys, target)
        pairs = zip(again, xs[number], strict=True)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in pairs):
            raise DataError(
                f"item {number} of {part} is another one each time it is read: leave random "
                "transformations out, which would be frozen; augmentation=Augmentation(flip=True, "
                "shift=4) changes images in every epoch"
            )
    return xs, ys


def _length(data: Any, part: str) -> int:
    try:
        return len(data)
    except FAILURES as error:
        raise DataError(f"{part}: len() of it failed: {describe(error)}") from error


def _item(
    data: Any, number: int, part: str, keys: Sequence[str] | None, target: str | None
) -> tuple[tuple[Any, ...], Any]:
    """Return inputs as arrays, and the target, of one item."""
    who = f"item {number} of {part}"
    try:
        item = data[number]
    except FAILURES as error:
        raise DataError(f"{who} cannot be read: {describe(error)}") from error
    if isinstance(item, Mapping):
        key = _target_key(item, target, who)
        names = [name for name in item if name != key] if keys is None else keys
        lacking = [name for name in names if name not in item]
        if lacking or not names:
            raise DataError(
                f"{who} has no input {quoted(lacking[0] if lacking else '')}, but "
                f"{quoted(list(item))}"
            )
        inputs, y = tuple(item[name] for name in names), item[key]
    elif isinstance(item, tuple | list) and len(item) >= 2:
        *first, y = item
        one = first[0] if len(first) == 1 else tuple(first)
        inputs = one if isinstance(one, tuple) else (one,)
    else:
        raise DataError(
            f"{who} is {quoted(item)}, expected (x, y), or a dictionary with its target"
        )
    y = y.tolist() if hasattr(y, "tolist") else y
    return tuple(_array(x, f"{who}: x") for x in inputs), y


def _target_key(item: Mapping[str, Any], target: str | None, who: str) -> str:
    found = [key for key in ((target,) if target is not None else TARGETS) if key in item]
    if not found:
        wanted = repr(target) if target is not None else f"one of {', '.join(TARGETS)}"
        raise DataError(
            f"{who} has the keys {quoted(list(item))}, expected {wanted} for its target: name it, "
            "target='...'"
        )
    return found[0]


def _array(value: Any, who: str) -> Any:
    """Return an input as an array of numbers."""
    if type(value).__module__.startswith("PIL."):
        raise DataError(
            f"{who} is a picture: give the data set a transformation that makes tensors of one "
            "size, such as torchvision.transforms.ToTensor()"
        )
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        found = np.asarray(value)
    except (TypeError, ValueError):
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "biuf":
        raise DataError(f"{who} is {quoted(value)}, expected a tensor or an array of numbers")
    return found


def _joined(
    parts: Mapping[str, list[tuple[Any, ...]]], padding: int | None
) -> list[Tensor | tuple[Tensor, ...]]:
    """Return the inputs of each part as tensors ``(b, ...)``."""
    every = [x for items in parts.values() for x in items]
    longest = [max((a.shape[0] for a in column if a.ndim == 1), default=0)
               for column in zip(*every, strict=False)]  # fmt: skip
    found: list[Tensor | tuple[Tensor, ...]] = []
    first = every[0]
    for part, items in parts.items():
        for number, x in enumerate(items):
            _check_like(first, x, f"item {number} of {part}", padding)
        columns = []
        for place, column in enumerate(zip(*items, strict=True)):
            if padding is not None and column[0].ndim == 1 and column[0].dtype.kind in "iu":
                column = tuple(
                    _filled(a, longest[place], padding if not place else 0) for a in column
                )
            columns.append(np.stack(column))
        who = f"x of {part}"
        found.append(as_inputs(columns[0] if len(columns) == 1 else tuple(columns), who))
    return found


def _check_like(first: tuple[Any, ...], x: tuple[Any, ...], who: str, padding: int | None) -> None:
    """Refuse an item of other shapes than the first one."""
    if len(x) != len(first):
        raise DataError(f"{who} has {len(x)} inputs, item 0 of train has {len(first)}")
    for a, b in zip(first, x, strict=True):
        tokens = a.ndim == b.ndim == 1 and a.dtype.kind in "iu"
        if a.shape != b.shape and tokens and padding is None:
            raise DataError(
                f"{who} has {len(b)} tokens, item 0 of train has {len(a)}: say which token fills "
                "up short sequences, such as padding=0"
            )
        if a.shape != b.shape and not tokens:
            raise DataError(
                f"{who} has the shape {b.shape}, item 0 of train has {a.shape}: make them alike, "
                "images by resizing"
            )


def _filled(tokens: Any, length: int, padding: int) -> Any:
    return np.pad(tokens, (0, length - len(tokens)), constant_values=padding)


def _named_classes(data: Any, kind: str | None, targets: Sequence[Any]) -> list[str] | None:
    """Return the names of the classes that a data set of torchvision's kind tells."""
    names = getattr(data, "classes", None)
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        return None
    if kind == "regression" or any(y.is_floating_point() for y in targets):
        return None
    fits = len(set(names)) == len(names) >= 2 and max(int(y.max()) for y in targets) < len(names)
    return list(names) if fits else None
