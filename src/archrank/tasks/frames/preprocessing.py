"""Preprocessing of data frames: rows become one float matrix."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import DataError, DataWarning
from archrank.tasks.frames.columns import Column
from archrank.tasks.frames.reading import read_frame
from archrank.tasks.preprocessing import Preprocessing, as_array

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TablePreprocessing(Preprocessing):
    """Columns of a data frame, with the statistics of the training rows.

    Attributes:
        columns: In the order of the inputs.
        targets: Names of the columns that are predicted.
        mean: Mean of each target among the training rows, where numbers are predicted.
        scale: Standard deviation of each target.
    """

    columns: tuple[Column, ...]
    targets: tuple[str, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    kind = "table"

    @property
    def features(self) -> list[str]:
        """Names of the inputs, such as ``mass`` and ``island=Dream``."""
        return [feature for column in self.columns for feature in column.features]

    def encode(self, examples: Any) -> Tensor:
        """Return the inputs of some rows: ``(b, features)``, float32.

        Args:
            examples: A data frame with the columns, in any order and with others beside them; or
                the path of a CSV or Parquet file. A category that is none of the known ones is all
                zeros, and a warning.

        Raises:
            DataError: A column or a value is missing, or of another kind.
        """
        import torch

        frame, who = read_frame(examples, "the data frame")
        return torch.from_numpy(self.matrix(frame, who))

    def matrix(self, frame: pd.DataFrame, who: str) -> NDArray[np.float32]:
        """Return the inputs of a frame's rows; ``who`` is what messages call it."""
        lacking = [column.name for column in self.columns if column.name not in frame.columns]
        if lacking:
            raise DataError(f"{who} lacks the column {', '.join(map(repr, lacking))}")
        for column in self.columns:
            rows = column.unknown(frame[column.name])
            if len(rows):
                first = frame[column.name].iloc[rows[0]]
                warnings.warn(
                    f"{who}: column {column.name!r} has values that no training row has, such as "
                    f"{first!r} in row {frame.index[rows[0]]} ({len(rows):,} in all): they become "
                    "zeros",
                    DataWarning,
                    stacklevel=3,
                )
        found = [column.encode(frame[column.name], who) for column in self.columns]
        return np.ascontiguousarray(np.concatenate(found, axis=1))

    def decode(self, outputs: Any) -> NDArray[Any]:
        """Return the class of each row, or the predicted numbers in the unit of their column.

        Args:
            outputs: Of a network, ``(b, classes)`` or ``(b, targets)``.

        Returns:
            ``(b,)``; of several targets ``(b, targets)``.

        Raises:
            DataError: The outputs have another shape.
        """
        if not self.mean:
            return super().decode(outputs)
        found, width = as_array(outputs).astype(np.float64), len(self.targets)
        if found.size != len(found) * width:
            raise DataError(f"outputs have the shape {found.shape}, expected (examples, {width})")
        numbers: NDArray[Any] = found.reshape(-1, width) * self.scale + self.mean
        return numbers[:, 0] if width == 1 else numbers
