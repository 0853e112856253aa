"""Send spaces that hold users' functions to worker processes."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from archrank.errors import FAILURES, SpaceError

if TYPE_CHECKING:
    from archrank.spaces.base import Space

_Functions = Iterable[Callable[..., Any]]


def sendable(functions: _Functions) -> bool:
    """Tell whether all functions can be pickled: lambdas and functions in functions cannot."""
    try:
        for function in functions:
            pickle.dumps(function)
    except FAILURES:
        return False
    return True


def by_reference(
    space: Space, functions: _Functions
) -> tuple[Callable[..., Space], tuple[Any, ...]]:
    """Pickle a space whose functions cannot be sent as the global variable that holds it.

    Args:
        space: the space.
        functions: their modules are searched for the variable.

    Raises:
        SpaceError: there is no such variable in a module that workers can import.
    """
    names = {getattr(function, "__module__", None) for function in functions}
    for name in names - {None, "__main__"}:  # workers do not run all of the main script
        for variable, value in vars(sys.modules.get(str(name), object)).items():
            if value is space:
                return fetch, (name, variable)
    raise SpaceError(
        f"{space.name} cannot be sent to worker processes: it holds a lambda or a function defined "
        "inside another one. Define it with def at the top level of a module, make the space a "
        "variable of that module, or search with one worker"
    )


def fetch(module: str, variable: str) -> Space:
    """Return the space that a variable holds; worker processes unpickle with it."""
    space: Space = getattr(importlib.import_module(module), variable)
    return space
