"""Preprocessing: new examples become inputs of a trained network, and its outputs answers.

It goes with exported networks as one JSON file, so that they can be used without the data that they
were trained on.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from archrank.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

FILE = "preprocessing.json"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """Statistics of the training data and names of classes; fields are JSON values.

    Attributes:
        kind: Name in the file.
        classes: Names of the classes in the order of their numbers; empty: they have none, or
            numbers are predicted.
    """

    kind: ClassVar[str]
    classes: tuple[str, ...] = ()

    @abstractmethod
    def encode(self, examples: Any) -> Tensor | tuple[Tensor, ...]:
        """Return new examples as a network takes them: ``(b, ...)``.

        Raises:
            DataError: They are not like those that the network was trained on.
        """

    def decode(self, outputs: Any) -> NDArray[Any]:
        """Return the class of each example ``(b,)``: its name, or its number if it has none.

        Args:
            outputs: Of a network, ``(b, classes)``.

        Raises:
            DataError: The outputs have another shape.
        """
        found = as_array(outputs)
        if found.ndim != 2 or (self.classes and found.shape[1] != len(self.classes)):
            raise DataError(
                f"outputs have the shape {found.shape}, expected (examples, "
                f"{len(self.classes) or 'classes'})"
            )
        numbers: NDArray[Any] = found.argmax(1)
        return np.array(self.classes, dtype=object)[numbers] if self.classes else numbers

    def content(self) -> bytes:
        """Return the content of the file."""
        values = {"format": FORMAT, "kind": self.kind, **asdict(self)}
        return (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode()


def as_array(outputs: Any) -> NDArray[Any]:
    """Return a network's outputs as an array; those of an object with ``logits`` are these."""
    from archrank.networks.inputs import only_logits

    found = only_logits(outputs)
    return np.asarray(found.detach().cpu() if hasattr(found, "detach") else found)
