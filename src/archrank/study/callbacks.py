"""Callbacks of a run: whoever wants to know of evaluations, and must not stop them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from archrank.checks import quoted
from archrank.errors import FAILURES, ArgumentError, CallbackWarning, describe

if TYPE_CHECKING:
    from archrank.study.record import Record
    from archrank.study.study import Study


class Watcher(Protocol):
    """Follows a run; progress displays are watchers, and callbacks have some of their methods."""

    def started(self, study: Study, budget: int | None, minutes: float | None) -> None:
        """Called when a run begins, or goes on with what is stored already."""

    def works_on(self, study: Study, archs: Sequence[str]) -> None:
        """Called with the architectures that are evaluated next; with none while one proposes."""

    def finished_one(self, study: Study, record: Record) -> None:
        """Called after each evaluation that is stored."""

    def ended(self, study: Study) -> None:
        """Called at the end of the run, whatever ended it; see ``study.shortfall``."""


METHODS = ("started", "works_on", "finished_one", "ended")


class Followers:
    """A watcher, whose errors end a run, and callbacks, whose errors do not.

    A callback that fails is told once, by a :class:`~archrank.errors.CallbackWarning`, and left
    out from then on.

    Args:
        watcher: has all methods but ``works_on`` at least; ``None`` for none.
        callbacks: objects with one or more methods of a :class:`Watcher`.

    Raises:
        ArgumentError: an object that has none of these.
    """

    def __init__(self, watcher: Watcher | None, callbacks: Sequence[object]) -> None:
        for method in ("started", "finished_one", "ended"):
            if watcher is not None and not hasattr(watcher, method):
                raise ArgumentError(f"watcher is {quoted(watcher)}, which has no {method}()")
        for callback in callbacks:
            if isinstance(callback, type) or not any(hasattr(callback, m) for m in METHODS):
                raise ArgumentError(
                    f"callback is {quoted(callback)}, expected an object with a method "
                    f"{' or '.join(METHODS)}, such as integrations.tracking.TensorBoard()"
                )
        self._watcher = watcher
        self._callbacks = list(callbacks)

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method of all that have it."""
        if self._watcher is not None:
            getattr(self._watcher, method, _ignore)(*arguments)
        for callback in list(self._callbacks):
            self._try(callback, method, arguments)

    def _try(self, callback: object, method: str, arguments: tuple[Any, ...]) -> None:
        try:
            getattr(callback, method, _ignore)(*arguments)
        except FAILURES as error:
            self._callbacks.remove(callback)
            name = getattr(callback, "name", type(callback).__name__)
            after = getattr(callback, "after_failure", "")
            reason = " ".join(describe(error).split()).rstrip(".")
            warnings.warn(
                f"{name} failed and gets no further evaluation: {reason}. The run goes on, "
                f"and every evaluation is stored{after}",
                CallbackWarning,
                stacklevel=1,
            )


def _ignore(*arguments: object) -> None:
    pass
