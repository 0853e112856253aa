"""Calls that build networks, as values: they can be made, and written down as code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Blueprint(Generic[M]):
    """Call that builds a network out of plain values.

    Attributes:
        make: A class or function at the top level of a module of ``archrank.networks``, or a
            user's function.
        args: Numbers, strings, and lists, tuples, named tuples and dataclasses of these; of a
            user's function its configuration and the task.
        options: The same by name.

    Example:
        >>> Blueprint(nn.Linear, (3, 2), {"bias": False}).build()
        Linear(in_features=3, out_features=2, bias=False)
    """

    make: Callable[..., M]
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> M:
        """Build the network, untrained."""
        return self.make(*self.args, **self.options)
