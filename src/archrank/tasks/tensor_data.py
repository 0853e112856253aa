"""Data in memory as part of a task: compared by digest, sent to workers as a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.errors import DataError, StorageError
from archrank.files import write_file
from archrank.tasks.base import Split, Splits
from archrank.tasks.cache import Arrays, cache_folder
from archrank.unpacking import read_npz

if TYPE_CHECKING:
    from torch import Tensor

SENT = 2**16
"""Bytes that travel with a task; more are kept in a file that workers read once."""


class TensorData:
    """Splits in memory, which nothing changes.

    Equal data is equal, wherever it is. A pickle of more than :data:`SENT` bytes has the path of a
    file in the cache folder in place of the data: tasks travel to workers with every call.

    Args:
        splits: Tensors on the CPU.
        rows: Places of the examples in the data that was split, one array ``(b,)`` per split.
        words: For an example of each split, with ``{row}``; empty: a row of the data, or of the
            split.

    Attributes:
        digest: Of types, shapes and numbers of all tensors.
    """

    def __init__(
        self,
        splits: Splits,
        rows: tuple[NDArray[np.int64], ...] = (),
        words: Sequence[str] = (),
    ) -> None:
        self.digest = _digest(splits)
        default = "row {row} of the data (in %s)" if rows else "row {row} of %s"
        self._words = tuple(words) or tuple(default % name for name in Splits._fields)
        self._loaded: tuple[Splits, tuple[NDArray[np.int64], ...]] | None = (splits, rows)
        self._path = ""

    @property
    def splits(self) -> Splits:
        """The data.

        Raises:
            DataError: This process has the path alone, and there is no such file.
        """
        return (self._loaded or _read(self._path))[0]

    def place(self, split: str, row: int) -> str:
        """Return words for an example: its place in what was split, or in its split."""
        rows = (self._loaded or _read(self._path))[1]
        part = Splits._fields.index(split)
        found = int(rows[part][row]) if rows else row
        return self._words[part].replace("{row}", str(found))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorData) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __deepcopy__(self, memo: object) -> TensorData:
        return self

    def __repr__(self) -> str:
        return f"TensorData({self.digest})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._loaded is None:
            return _restored, (self.digest, self._words, self._path, None)
        arrays = _arrays(*self._loaded)
        path = cache_folder() / f"tensors-{self.digest}.npz"
        if sum(array.nbytes for array in arrays.values()) > SENT and _kept(path, arrays):
            return _restored, (self.digest, self._words, str(path), None)
        return _restored, (self.digest, self._words, "", arrays)


def _restored(digest: str, words: tuple[str, ...], path: str, arrays: Arrays | None) -> TensorData:
    """Return data from its pickle."""
    data = TensorData.__new__(TensorData)
    data.digest, data._words, data._path = digest, words, path
    data._loaded = None if arrays is None else _from_arrays(arrays)
    return data


def _kept(path: Path, arrays: Arrays) -> bool:
    """Write a file unless it exists; tell whether it is there."""
    if path.is_file():
        return True
    options: dict[str, Any] = dict(arrays)
    try:
        write_file(path, lambda file: np.savez(file, **options), parents=True)
    except StorageError:  # a full disk, no permission: the data travels itself
        return False
    return True


@lru_cache(maxsize=4)
def _read(path: str) -> tuple[Splits, tuple[NDArray[np.int64], ...]]:
    try:
        return _from_arrays(read_npz(Path(path)))
    except (OSError, ValueError) as error:
        raise DataError(
            f"the data of a task is missing for this worker: {path}: {error}; give all workers the "
            "same cache folder (ARCHRANK_CACHE), and run again"
        ) from None


def _arrays(splits: Splits, rows: tuple[NDArray[np.int64], ...]) -> Arrays:
    """Return tensors and rows by name: ``train-0``, ``train-y``, ``train-rows``."""
    found: Arrays = {}
    for k, (name, split) in enumerate(zip(splits._fields, splits, strict=True)):
        for i, x in enumerate(split.inputs):
            found[f"{name}-{i}"] = x.numpy()
        found[f"{name}-y"] = split.y.numpy()
        if rows:
            found[f"{name}-rows"] = rows[k]
    return found


def _from_arrays(arrays: Arrays) -> tuple[Splits, tuple[NDArray[np.int64], ...]]:
    import torch

    tensors: dict[str, Tensor] = {k: torch.from_numpy(v) for k, v in arrays.items()}
    parts = []
    for name in Splits._fields:
        x = tuple(tensors[f"{name}-{i}"] for i in range(len(arrays)) if f"{name}-{i}" in arrays)
        parts.append(Split(x if len(x) > 1 else x[0], tensors[f"{name}-y"]))
    rows = tuple(arrays[f"{name}-rows"] for name in Splits._fields if f"{name}-rows" in arrays)
    return Splits(*parts), rows


def _digest(splits: Splits) -> str:
    whole = hashlib.sha256()
    for split in splits:
        for tensor in (*split.inputs, split.y):
            array = np.ascontiguousarray(tensor.numpy())
            whole.update(f"{array.dtype}{array.shape}".encode())
            whole.update(array.reshape(-1).view(np.uint8).data)
    return whole.hexdigest()[:16]
