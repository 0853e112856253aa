"""Preprocessing of tensors: their type and, of tokens, the filling up; names of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archrank.tasks.preprocessing import Preprocessing
from archrank.tasks.tensor_arguments import as_inputs

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TensorPreprocessing(Preprocessing):
    """Tensors are taken as they are; what is kept are the names of the classes.

    Attributes:
        padding: Token that fills up short sequences; ``None``: there is none.
    """

    padding: int | None = None

    kind = "tensors"

    def encode(self, examples: Any) -> Tensor | tuple[Tensor, ...]:
        """Return tensors of the types that networks take: ``(b, ...)``, float32 or int64.

        Args:
            examples: A tensor, an array or nested lists; or a tuple of them, the arguments of the
                network.

        Raises:
            DataError: They are none.
        """
        return as_inputs(examples, "x")
