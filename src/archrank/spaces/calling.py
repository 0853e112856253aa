"""Call users' functions, and say in messages which call went wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from archrank.checks import quoted
from archrank.errors import (
    FAILURES,
    BuildError,
    MissingExtraError,
    SpaceError,
    UncountedOperationWarning,
    describe,
)

if TYPE_CHECKING:
    from torch import nn

    from archrank.networks.inputs import Inputs
    from archrank.spaces.counting import Count, Output
    from archrank.tasks.base import Task


def make_module(call: str, function: Callable[..., Any], *args: Any) -> nn.Module:
    """Call a user's function that returns a module.

    Args:
        call: as messages write it, such as ``nets: build({'depth': 2})``.
        function: the user's.
        args: its arguments.

    Raises:
        SpaceError: a package that it imports is not installed: no architecture can be built.
        BuildError: it raised something else, or returned no ``torch.nn.Module``.
    """
    from torch import nn

    try:
        made = function(*args)
    except (BuildError, MissingExtraError):
        raise
    except ImportError as error:
        raise SpaceError(f"{call} cannot import what it needs: {error}") from error
    except FAILURES as error:
        raise BuildError(f"{call} failed: {describe(error, line=True)}") from error
    if not isinstance(made, nn.Module):
        raise BuildError(f"{call} returned {quoted(made)}, expected a torch.nn.Module")
    return made


def run_own(call: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a user's function with data, and say in which line it failed.

    Args:
        call: as messages write it, such as ``nets: supernet(x, {'depth': 2})``.
        function: the user's.
        args: its arguments.

    Raises:
        BuildError: it raised something.
    """
    try:
        return function(*args)
    except (BuildError, MissingExtraError):
        raise
    except FAILURES as error:
        raise BuildError(f"{call} failed: {describe(error, line=True)}") from error


def count_module(
    name: str,
    make: Callable[[], nn.Module],
    shape: Iterable[int],
    warned: set[str],
    example: Inputs | None = None,
) -> Count:
    """Count a network; warn of operations without a formula that are not in ``warned`` yet.

    Args:
        name: of the network in messages.
        make: builds it.
        shape: of one input.
        warned: operations that the user has been warned of; grows.
        example: an input of the task; tried before others of the shape.

    Raises:
        SpaceError: ``make`` raised it.
        BuildError: the network cannot run.
    """
    from archrank.spaces.counting import count

    size = tuple(shape)
    try:
        found = count(make, size, example)
    except SpaceError:
        raise
    except FAILURES as error:
        raise BuildError(
            f"{name} cannot run on one input of shape {size}: {describe(error, line=True)}"
        ) from error
    unseen = sorted(found.uncounted - warned)
    if unseen:
        warned.update(unseen)
        warnings.warn(
            f"the MACs of {name} leave out {', '.join(unseen)}: torch's flop_counter has no "
            "formula (register one with torch.utils.flop_counter.register_flop_formula)",
            UncountedOperationWarning,
            stacklevel=3,
        )
    return found


def check_output(name: str, output: Output, task: Task) -> None:
    """Refuse a network that the loss of a classification task cannot take.

    Tasks with a loss of their own know what they need, so nothing is checked for them.

    Raises:
        BuildError: it returns no tensor, or not one output per class.
    """
    if output is None or not task.is_cross_entropy:
        return
    if isinstance(output, str):
        raise BuildError(f"{name} returns a {output}, task {task.name!r} needs a tensor")
    if len(output) < 2 or output[1] != task.n_outputs:
        got = ", ".join(["b", *map(str, output[1:])]) if output else ""
        raise BuildError(
            f"{name} returns a tensor of shape ({got}), task {task.name!r} needs "
            f"(b, {task.n_outputs}): one output per class"
        )
