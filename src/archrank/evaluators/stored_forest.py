"""Accuracies that a stored random forest predicts, such as the released one of AttentiveNAS.

Wang et al., CVPR 2021, predict the accuracy of a sub-network by a random forest on the plain values
of its decisions. A forest is read from an npz file of arrays, so nothing is unpickled: of all nodes
of all trees ``feature``, ``threshold``, ``left``, ``right`` and ``value``, ``(k,)`` each, with
numbers of nodes that count within the tree and -1 for both children of a leaf; ``offsets``, the
place of every tree's first node and the end, ``(trees + 1,)``; and ``feature_names``.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archrank.errors import DataError, SpaceError
from archrank.evaluators.base import Evaluations, Evaluator
from archrank.metrics import Metric
from archrank.spaces.numbers import is_numeric
from archrank.types import Archs, Floats, Ints
from archrank.unpacking import read_npz

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

ARRAYS = ("offsets", "feature", "threshold", "left", "right", "value", "feature_names")
CHUNK = 4_096  # architectures that go down all trees together


class Forest(NamedTuple):
    """Trees as arrays of nodes; numbers of nodes count over all trees, and a leaf leads to itself.

    Attributes:
        roots: first node of every tree, ``(trees,)``.
        feature: column of the input that a node looks at, ``(k,)``.
        threshold: inputs up to this go left, ``(k,)``.
        left: child, ``(k,)``.
        right: child, ``(k,)``.
        value: of a node, ``(k,)``.
        depth: steps from a root to the deepest leaf.
        names: of the input's columns.
        digest: of the file.
    """

    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    depth: int
    names: tuple[str, ...]
    digest: str

    def predict(self, x: NDArray[np.float32]) -> Floats:
        """Return the mean over the trees for ``x: (n, f)``, ``(n,)``."""
        parts = [self._predict(x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _predict(self, x: NDArray[np.float32]) -> Floats:
        node = np.repeat(self.roots[None], len(x), axis=0)  # (n, trees)
        row = np.arange(len(x))[:, None]
        for _ in range(self.depth):
            goes_left = x[row, self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        mean: Floats = self.value[node].mean(axis=1)
        return mean


class StoredForest(Evaluator):
    """Looks up what a stored forest predicts; its inputs are the options, which are numbers.

    Args:
        path: of the npz file.
        metric: name of what is predicted.
        unit: of its values; AttentiveNAS's accuracies are percent.

    Raises:
        DataError: the file cannot be read, or holds no whole forest.

    Example:
        >>> import tempfile
        >>> from archrank.spaces import CustomSpace
        >>> space = CustomSpace({"depth": [1, 2, 4]}, build=lambda config, task: None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(  # one tree, which splits once
        ...         f"{folder}/forest.npz",
        ...         offsets=[0, 3],
        ...         feature=[0, 0, 0],
        ...         threshold=[1.5, 0, 0],
        ...         left=[1, -1, -1],
        ...         right=[2, -1, -1],
        ...         value=[0, 60.0, 70.0],
        ...         feature_names=["depth"],
        ...     )
        ...     forest = StoredForest(f"{folder}/forest.npz").bind(space)
        ...     predicted = forest.evaluate(space.enumerate())
        >>> predicted["accuracy"].tolist()
        [60.0, 70.0, 70.0]
    """

    cheap = True

    def __init__(
        self, path: str | Path, metric: str = "accuracy", *, unit: str = "percent"
    ) -> None:
        self._path = Path(path).resolve()
        self.metrics = (Metric(metric, unit=unit),)
        self.forest  # noqa: B018  # a file that holds none is refused here

    @property
    def forest(self) -> Forest:
        """The forest, read once per process: pickles of the evaluator stay small."""
        return read_forest(self._path)

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``, whose decisions must be the forest's inputs, in order.

        Raises:
            SpaceError: they are others; names the first one.
        """
        names = [choice.name for choice in space.choices]
        for place, name in enumerate(self.forest.names):
            if names[place : place + 1] != [name]:
                found = names[place] if place < len(names) else "no more"
                raise SpaceError(
                    f"the forest's input {place} is {name!r}, but {space.name} has {found!r} "
                    "there: it was made for another space"
                )
        if len(names) > len(self.forest.names):
            raise SpaceError(
                f"the forest has {len(self.forest.names)} inputs, {space.name} has {len(names)} "
                "decisions: it was made for another space"
            )
        other = next((choice.name for choice in space.choices if not is_numeric(choice)), None)
        if other is not None:
            raise SpaceError(f"a forest reads numbers, but the options of {other!r} are none")
        return super().bind(space, task=task, seed=seed)

    def evaluate(self, archs: Archs) -> Evaluations:
        """Predict for ``archs: (n, d)``."""
        x = np.empty(archs.shape, dtype=np.float32)
        for j, choice in enumerate(self.space.choices):
            x[:, j] = np.array(choice.options, dtype=np.float32)[archs[:, j]]
        return Evaluations({self.metrics[0].name: self.forest.predict(x)})

    def describe(self) -> dict[str, Any]:
        """Return the kind, the metric and the file's digest."""
        metric = self.metrics[0].name
        return {"evaluator": "stored_forest", "metric": metric, "forest": self.forest.digest}


def read_forest(path: Path) -> Forest:
    """Read a forest, or return it as it was read before if the file has not changed.

    Raises:
        DataError: the file cannot be read, or holds no whole forest.
    """
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise DataError(f"forest {path}: {error.strerror or error}") from None


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> Forest:
    """Read a forest from a file that was last changed at a time."""
    try:
        arrays = read_npz(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        missing = [name for name in ARRAYS if name not in arrays]
        if missing:
            raise ValueError(f"it has no array {missing[0]!r}")
        return _checked({name: arrays[name] for name in ARRAYS}, digest)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} holds no forest: {error}") from None


def _checked(arrays: dict[str, NDArray[Any]], digest: str) -> Forest:
    """Return the forest of some arrays.

    Raises:
        ValueError: they are no trees.
    """
    offsets, feature, left, right = (
        arrays[name].astype(np.int64, casting="same_kind")
        for name in ("offsets", "feature", "left", "right")
    )
    threshold, value = (
        arrays[name].astype(np.float64, casting="same_kind") for name in ("threshold", "value")
    )
    nodes, names = len(feature), tuple(map(str, arrays["feature_names"].tolist()))
    if any(a.shape != (nodes,) for a in (feature, threshold, left, right, value)):
        raise ValueError("feature, threshold, left, right and value are not of one length")
    sizes = np.diff(offsets)
    if len(sizes) == 0 or offsets[0] != 0 or offsets[-1] != nodes or sizes.min() < 1:
        raise ValueError("offsets do not divide the nodes into trees")
    start, size = np.repeat(offsets[:-1], sizes), np.repeat(sizes, sizes)
    own = np.arange(nodes) - start  # numbers of nodes within their trees
    leaf = (left == -1) & (right == -1)
    for child in (left, right):
        wrong = ~leaf & ((child <= own) | (child >= size))  # children come after their parents
        if wrong.any():
            raise ValueError(f"node {int(np.argmax(wrong))} has the child {child[wrong][0]}")
    if not ((feature >= 0) & (feature < len(names)) | leaf).all() or not np.isfinite(value).all():
        raise ValueError("a node looks at an input that has no name, or has no value")
    here = np.arange(nodes)
    left, right = (np.where(leaf, here, start + child) for child in (left, right))
    feature = np.where(leaf, 0, feature)
    return Forest(
        offsets[:-1], feature, threshold, left, right, value, _depth(left, right), names, digest
    )


def _depth(left: Ints, right: Ints) -> int:
    """Return the steps from a root to the deepest leaf; children come after their parents."""
    depth = np.zeros(len(left), dtype=np.int64)
    for node, children in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        for child in children:
            if child != node:
                depth[child] = depth[node] + 1
    return int(depth.max())
