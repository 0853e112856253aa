"""Tasks of data frames."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archrank.checks import instance, quoted
from archrank.errors import DataError, SettingsError
from archrank.identity import IRRELEVANT
from archrank.tasks.base import Split, Splits
from archrank.tasks.checks import check_task
from archrank.tasks.frames.columns import Column, learn_column, mean_and_scale
from archrank.tasks.frames.parts import Part, check_names, names_of, read_frames, split_frame
from archrank.tasks.frames.preprocessing import TablePreprocessing
from archrank.tasks.frames.targets import (
    check_present,
    class_names,
    class_numbers,
    is_classification,
    target_numbers,
)
from archrank.tasks.preprocessing import FILE
from archrank.tasks.regression import RegressionMeter
from archrank.tasks.splitting import SHARES
from archrank.tasks.tensor_data import TensorData
from archrank.tasks.tensors import RECIPE, TensorClassification, TensorRegression, TensorTask
from archrank.training.recipe import Recipe

if TYPE_CHECKING:
    from archrank.tasks.meters import Meter

MISSING = ("error", "indicate")


@dataclass(frozen=True, kw_only=True)
class TableTask(TensorTask):
    """Rows of a data frame; made by :func:`from_dataframe`.

    Attributes:
        preprocessing: Makes inputs of new rows, and answers of outputs; goes with exported
            networks as ``preprocessing.json``.
    """

    preprocessing: TablePreprocessing = field(metadata=IRRELEVANT, repr=False)

    @property
    def features(self) -> list[str]:
        """Names of the inputs, such as ``mass`` and ``island=Dream``."""
        return self.preprocessing.features

    def kept_files(self) -> dict[str, bytes]:
        """Return the preprocessing."""
        return {FILE: self.preprocessing.content()}

    def identity(self) -> dict[str, Any]:
        """Return the settings, and digests of the data and of the preprocessing."""
        digest = hashlib.sha256(self.preprocessing.content()).hexdigest()[:16]
        return super().identity() | {"preprocessing": digest}


@dataclass(frozen=True, kw_only=True)
class TableClassification(TableTask, TensorClassification):
    """Classify rows of a data frame; made by :func:`from_dataframe`."""


@dataclass(frozen=True, kw_only=True)
class TableRegression(TableTask, TensorRegression):
    """Predict columns of numbers; made by :func:`from_dataframe`.

    Targets, and what networks predict, have the mean 0 and the standard deviation 1 among the
    training rows. The loss is measured so, the root mean squared error and the mean absolute error
    in the unit of the column.
    """

    def meter(self) -> Meter:
        """Return a meter of the loss, of both errors in the unit of the column, and of R2."""
        return RegressionMeter(self, self.preprocessing.scale)


def from_dataframe(
    data: Any = None,
    *,
    target: str | Sequence[str],
    train: Any = None,
    valid: Any = None,
    test: Any = None,
    split: Sequence[float] | str = SHARES,
    seed: int = 0,
    kind: Literal["classification", "regression"] | None = None,
    classes: Sequence[str] | None = None,
    categories: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    missing: Literal["error", "indicate"] = "error",
    recipe: Recipe | None = None,
    name: str = "table",
) -> TableClassification | TableRegression:
    """Return the task of a data frame: predict a column from the others.

    Inputs are one float matrix. Numbers are scaled to the mean 0 and the standard deviation 1,
    categories (texts, and pandas' categorical columns) are one-hot, truth values 0 or 1. All that
    is learnt from data (means, scales, known categories) is learnt from the training rows; a value
    that none of them has becomes zeros, and is a warning. Classes are texts, truth values, whole
    numbers and categories; floats are numbers to predict, and scaled in the same way.

    ``task.preprocessing`` does the same to new rows; it goes with exported networks, see
    :func:`~archrank.tasks.preprocessing_files.read_preprocessing`.

    Args:
        data: A pandas data frame, one of polars or PyArrow, or the path of a CSV or Parquet file.
        target: Column to predict; or several columns of numbers.
        train: In place of ``data``, a frame of rows to train with.
        valid: Of those to validate with.
        test: Of those to test with.
        split: Shares of the rows to train, validate and test with, of each class alike; or the name
            of a column that says ``train``, ``valid`` or ``test``, and is no input.
        seed: Seed of the split.
        kind: ``None``: as the target's values tell.
        classes: Names of the classes in the order of their numbers; ``None``: all that occur,
            sorted.
        categories: Columns of numbers that are categories, and columns of more than 100 different
            texts.
        leave_out: Columns that are no inputs, such as numbers of rows.
        missing: Missing values are an error; or ``"indicate"``: zero, and one more input for each
            column that lacks a value anywhere.
        recipe: Optimisation; ``None``: :data:`~archrank.tasks.tensors.RECIPE`, 20 epochs of AdamW.
        name: Short name of the task.

    Raises:
        DataError: A frame cannot be read or learnt from; the message names column and row, counted
            from 0.
        SettingsError: Frames are missing, or a setting is out of its range.

    Warns:
        DataWarning: Held-out rows have categories that no training row has, or stand in two parts.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"mass": range(20), "island": ["Dream", "Biscoe"] * 10})
        >>> frame["species"] = (frame["mass"] > 9).map({True: "Gentoo", False: "Adelie"})
        >>> task = from_dataframe(frame, target="species", split=(0.6, 0.2, 0.2))
        >>> task.features, task.class_names
        (['mass', 'island=Biscoe', 'island=Dream'], ('Adelie', 'Gentoo'))
    """
    targets = names_of(target, "target")
    if missing not in MISSING:
        raise SettingsError(f"missing is {quoted(missing)}, expected one of {', '.join(MISSING)}")
    listed = {
        "target": targets,
        "categories": names_of(categories, "categories", least=0),
        "leave_out": names_of(leave_out, "leave_out", least=0),
        "split": [split] if isinstance(split, str) else [],
    }
    frames = read_frames(data, {"train": train, "valid": valid, "test": test})
    check_names(frames, listed)
    check_present(targets, frames)
    known: list[str] | None = None
    if is_classification(targets, frames, kind):
        known = class_names(targets[0], frames, classes)
    elif classes is not None:
        raise SettingsError("classes are given, but the target is numbers to predict")
    parts = frames if len(frames) > 1 else split_frame(frames[0], targets[0], known, split, seed)
    apart = {*targets, *listed["leave_out"], *listed["split"]}
    columns = _learn(parts, apart, listed["categories"], missing == "indicate")
    preprocessing = _preprocessing(parts[0], columns, targets, known)
    data = TensorData(
        Splits(*(_encode(part, preprocessing) for part in parts)),
        tuple(part.rows for part in parts),
        [part.words for part in parts],
    )
    return _task(data, preprocessing, RECIPE if recipe is None else recipe, name)


def _learn(
    parts: Sequence[Part], apart: Collection[str], categories: Sequence[str], indicate: bool
) -> tuple[Column, ...]:
    """Return the columns that are inputs, learnt from the training rows."""
    train = parts[0]
    names = [name for name in train.frame.columns if name not in apart]
    if not names:
        raise DataError(
            f"{train.who} has no columns but the target: there is nothing to learn from"
        )
    return tuple(
        learn_column(
            train.frame[name],
            who=train.who,
            categories=categories,
            indicator=indicate and any(part.frame[name].isna().any() for part in parts),
        )
        for name in names
    )


def _preprocessing(
    train: Part, columns: tuple[Column, ...], targets: Sequence[str], classes: list[str] | None
) -> TablePreprocessing:
    if classes is not None:
        return TablePreprocessing(columns=columns, targets=tuple(targets), classes=tuple(classes))
    numbers = target_numbers(train.frame, targets, train.who)
    mean, scale = mean_and_scale(numbers)
    for name, spread in zip(targets, scale, strict=True):
        if not 0 < spread < np.inf:
            fault = "too large to be scaled" if spread else "all equal: there is nothing to predict"
            raise DataError(f"{train.who}: numbers of column {name!r} are {fault}")
    return TablePreprocessing(
        columns=columns,
        targets=tuple(targets),
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
    )


def _encode(part: Part, known: TablePreprocessing) -> Split:
    """Return inputs and targets of a part, as networks learn them."""
    import torch

    x = torch.from_numpy(known.matrix(part.frame, part.who))
    if not known.mean:
        numbers = class_numbers(part.frame[known.targets[0]], known.classes, part.who)
        return Split(x, torch.from_numpy(numbers))
    found = target_numbers(part.frame, known.targets, part.who)
    y = torch.from_numpy((found - known.mean) / known.scale).float()  # (b, targets)
    return Split(x, y[:, 0] if y.shape[1] == 1 else y)


def _task(
    data: TensorData, preprocessing: TablePreprocessing, recipe: Recipe, name: str
) -> TableClassification | TableRegression:
    """Return the task, and check its data."""
    shared: dict[str, Any] = {
        "recipe": instance(recipe, Recipe, "recipe", "such as Recipe(epochs=5)"),
        "name": instance(name, str, "name of the task"),
        "data": data,
        "preprocessing": preprocessing,
        "input_shape": tuple(data.splits.train.inputs[0].shape[1:]),
    }
    names = preprocessing.classes
    task: TableClassification | TableRegression
    if names:
        task = TableClassification(**shared, n_classes=len(names), class_names=names)
    else:
        task = TableRegression(**shared, n_targets=len(preprocessing.targets))
    check_task(task)
    return task
