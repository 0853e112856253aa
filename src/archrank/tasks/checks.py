"""Checks of a task's data before anything is trained on it, in words about the data."""

from __future__ import annotations

import hashlib
import json
import warnings
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance
from archrank.errors import DataError, DataWarning
from archrank.tasks.base import Task
from archrank.tasks.regression import Regression
from archrank.tasks.text.base import TokenPrediction
from archrank.tasks.text.language_model import LanguageModel

if TYPE_CHECKING:
    from torch import Tensor

    from archrank.tasks.base import Split, Splits

LEAK = 0.01
"""Share of a held-out split's examples that may stand in another split without a warning."""

_passed: set[str] = set()  # identities of tasks whose data has been checked in this process


def check_task(task: Task) -> None:
    """Check that networks can be trained and measured on the data of a task.

    This is about data, and raises errors in words about it: the evaluator ``Training`` calls it
    before its first training. It takes one pass over the data, and none for a task of an identity
    that has passed before. :func:`archrank.testing.check_task` is for the tests of a class of your
    own: it checks data in the same way, and also loss, metrics, augmentation and identity, and
    raises ``AssertionError``.

    Examples are compared between the splits, targets included; sequences that have lengths, such
    as sentences, are not, since short ones repeat.

    Args:
        task: Its data is loaded.

    Raises:
        ArgumentError: It is no task.
        DataError: A split is empty; inputs and targets differ in number; inputs or numbers to
            predict are float64 or of another type that networks do not take, or differ in shape; a
            number is not finite; a class or a token is out of range. The message names the row,
            file or item, where one is at fault.

    Warns:
        DataWarning: 1 % of a held-out split or more stands in another split, too; or a class is in
            held-out data alone.
    """
    instance(task, Task, "check_task: task", "such as tasks.from_tensors(x, y)")
    key = json.dumps([type(task).__module__, task.identity()], sort_keys=True)
    if key in _passed:
        return
    check_data(task, task.load())
    _passed.add(key)


def check_data(task: Task, splits: Splits) -> None:
    """Check the data of a task, as :func:`check_task` does, also if it has passed before."""
    for name, split in zip(splits._fields, splits, strict=True):
        _check_size(task, name, split)
        for number in range(len(split.inputs)):
            _check_inputs(task, name, number, splits)
        _check_targets(task, name, split)
    _check_classes_trained(task, splits)
    if task.lengths(splits.train.take(slice(0, 1))) is None:
        _check_leaks(task, splits)


def _check_size(task: Task, name: str, split: Split) -> None:
    if not len(split.y):
        raise DataError(f"task {task.name!r}: the {name} split is empty")
    for x in split.inputs:
        if len(x) != len(split.y):
            raise DataError(
                f"task {task.name!r}: the {name} split has {len(x):,} inputs and "
                f"{len(split.y):,} targets"
            )


def _check_inputs(task: Task, name: str, number: int, splits: Splits) -> None:
    """Check one of the inputs of a split: its type, shape and numbers."""
    import torch

    inputs, expected = getattr(splits, name).inputs, splits.train.inputs
    who = f"task {task.name!r}: inputs of the {name} split"
    if len(inputs) != len(expected):
        raise DataError(f"{who} are {len(inputs)} tensors, those of train {len(expected)}")
    x, first = inputs[number], expected[number]
    if x.dtype not in (torch.float32, torch.int64, torch.int32):
        remedy = "x.float()" if x.dtype != torch.uint8 else "x.float() / 255 of images"
        raise DataError(
            f"{who} are {_type(x)}, but networks compute in float32: pass {remedy}; or x.long() of "
            "tokens"
        )
    if x.dtype != first.dtype:
        raise DataError(f"{who} are {_type(x)}, those of train {_type(first)}")
    shape = tuple(x.shape[1:])
    sequences = task.lengths(splits.train.take(slice(0, 1))) is not None
    if not sequences and shape != tuple(first.shape[1:]):
        raise DataError(f"{who} have the shape {shape}, those of train {tuple(first.shape[1:])}")
    if not sequences and len(inputs) == 1 and shape != tuple(task.input_shape):
        raise DataError(
            f"{who} have the shape {shape}, but the task's input_shape is {tuple(task.input_shape)}"
        )
    _check_finite(task, name, "inputs", x)


def _check_targets(task: Task, name: str, split: Split) -> None:
    _check_finite(task, name, "targets", split.y)
    if task.is_cross_entropy:
        _check_range(task, name, split.y, "class", "classes")
    elif isinstance(task, TokenPrediction):
        _check_range(task, name, split.y, "token", "tokens")
    elif isinstance(task, Regression):
        _check_numbers(task, name, split.y)
    if isinstance(task, LanguageModel):  # whose inputs have the vocabulary of its targets
        _check_range(task, name, split.inputs[0], "token", "tokens")


def _check_range(task: Task, name: str, y: Tensor, one: str, many: str) -> None:
    """Check classes, or tokens: whole numbers below the number of outputs."""
    import torch

    if y.dim() == 2 and y.shape[1] == task.n_outputs and one == "class":
        raise DataError(
            f"task {task.name!r}: targets of the {name} split have the shape {tuple(y.shape)}, "
            "expected one class number per example: pass y.argmax(1)"
        )
    if y.dtype != torch.int64:
        raise DataError(
            f"task {task.name!r}: {many} of the {name} split are {_type(y)}, expected whole "
            "numbers: pass y.long()"
        )
    if y.dim() == 2 and y.shape[1] == 1 and one == "class":
        raise DataError(
            f"task {task.name!r}: targets of the {name} split have the shape {tuple(y.shape)}, "
            "expected one class number per example: pass y[:, 0]"
        )
    wrong = (y < 0) | (y >= task.n_outputs)
    if bool(wrong.any()):
        place = wrong.nonzero()[0].tolist()
        raise DataError(
            f"task {task.name!r}: {task.place(name, place[0])} has the {one} "
            f"{int(y[tuple(place)])}, but there are {task.n_outputs} {many}, numbered from 0 to "
            f"{task.n_outputs - 1}{_times(wrong)}"
        )


def _check_numbers(task: Task, name: str, y: Tensor) -> None:
    """Check numbers to predict: their type, and how many there are per example."""
    import torch

    who = f"task {task.name!r}: targets of the {name} split"
    if y.dtype != torch.float32:
        raise DataError(f"{who} are {_type(y)}, but networks compute in float32: pass y.float()")
    widths = [(task.n_outputs,)] + ([()] if task.n_outputs == 1 else [])
    if tuple(y.shape[1:]) not in widths:
        raise DataError(
            f"{who} have the shape {tuple(y.shape)}, but the task's n_targets is {task.n_outputs}"
        )


def _check_classes_trained(task: Task, splits: Splits) -> None:
    """Warn of classes that held-out examples have, but no training example."""
    if not task.is_cross_entropy or splits.train.y.dim() != 1:
        return
    import torch

    trained = torch.unique(splits.train.y)
    for name in splits._fields[1:]:
        y = getattr(splits, name).y
        rows = (~torch.isin(y, trained)).nonzero().flatten()
        if len(rows):
            row = int(rows[0])
            warnings.warn(
                f"task {task.name!r}: {task.place(name, row)} has the class {int(y[row])}, which "
                f"no training example has ({len(rows):,} in {name}): networks cannot learn it",
                DataWarning,
                stacklevel=4,
            )


def _check_finite(task: Task, name: str, what: str, values: Tensor) -> None:
    """Refuse NaN and infinities, with row and place."""
    import torch

    if not values.is_floating_point():
        return
    wrong = ~torch.isfinite(values)
    if bool(wrong.any()):
        row, *inside = wrong.nonzero()[0].tolist()
        at = f", place {inside[0] if len(inside) == 1 else tuple(inside)}" if inside else ""
        raise DataError(
            f"task {task.name!r}: {what} of {task.place(name, row)}{at}: "
            f"{float(values[(row, *inside)])} is no number that can be learnt from{_times(wrong)}; "
            "leave such rows out, or fill them in"
        )


def _check_leaks(task: Task, splits: Splits) -> None:
    """Warn of examples that stand in two splits."""
    codes = {name: _codes(split) for name, split in zip(splits._fields, splits, strict=True)}
    for other, name in combinations(codes, 2):
        shared = np.isin(codes[name], codes[other])
        if shared.mean() < LEAK:
            continue
        row = int(np.flatnonzero(shared)[0])
        first = int(np.flatnonzero(codes[other] == codes[name][row])[0])
        count = int(shared.sum())
        warnings.warn(
            f"task {task.name!r}: {count:,} of {len(shared):,} examples of {name} stand in "
            f"{other}, too, input and target alike; the first is {task.place(name, row)}, equal to "
            f"{task.place(other, first)}: what is measured on {name} looks better than it is",
            DataWarning,
            stacklevel=4,
        )


def _codes(split: Split) -> NDArray[np.uint64]:
    """Return a code of each example, input and target: ``(b,)``; equal ones have equal codes."""
    columns = [_bytes(tensor) for tensor in (*split.inputs, split.y)]
    digests = bytearray()
    for parts in zip(*columns, strict=True):
        code = hashlib.blake2b(digest_size=8)
        for part in parts:
            code.update(part)
        digests += code.digest()
    return np.frombuffer(bytes(digests), dtype=np.uint64)


def _bytes(tensor: Tensor) -> NDArray[Any]:
    """Return the bytes of each row: ``(b, bytes)``."""
    array = np.ascontiguousarray(tensor.detach().cpu().numpy())
    return array.reshape(len(array), -1).view(np.uint8)


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _times(wrong: Tensor) -> str:
    """Return how many more there are, if there are any."""
    more = int(wrong.sum()) - 1
    return f" (and {more:,} more)" if more else ""
