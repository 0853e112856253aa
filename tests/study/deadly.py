"""A space and an evaluator whose worker processes start, and die, quickly: they import little."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archrank.evaluators import Evaluations, Function
from archrank.spaces import CustomSpace
from archrank.types import Archs

CHOICES = {"depth": [1, 2, 3, 4], "width": [8, 16, 32], "act": ["a", "b"]}


def build(config: object, task: object) -> None:
    return None


def small_space() -> CustomSpace:
    """24 architectures."""
    return CustomSpace(CHOICES, build)


def score(config: dict[str, Any]) -> float:
    return float(config["depth"] * config["width"] + (config["act"] == "b"))


Deaths = dict[tuple[int, ...], signal.Signals | int]
"""Signals, or exit statuses, of the processes that evaluate these architectures."""


class Dying(Function):
    """Takes its worker process with it at some architectures.

    Args:
        fn: the function.
        deaths: which architectures, and how.
        once: folder that remembers who has died; each architecture is then deadly once.
        anywhere: also in the process that made this object.
    """

    def __init__(
        self,
        fn: Callable[[dict[str, Any]], Any],
        deaths: Deaths,
        once: Path | None = None,
        *,
        anywhere: bool = False,
    ) -> None:
        super().__init__(fn)
        self.deaths = deaths
        self.once = once
        self.home = 0 if anywhere else os.getpid()

    def evaluate(self, archs: Archs) -> Evaluations:
        for row in map(tuple, archs.tolist()):
            if row in self.deaths and os.getpid() != self.home and self._is_due(row):
                die(self.deaths[row])
        return super().evaluate(archs)

    def _is_due(self, row: tuple[int, ...]) -> bool:
        if self.once is None:
            return True
        try:
            (self.once / str(row)).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


class DyingGroups(Dying):
    """Evaluates four at a time."""

    group_size = 4


def die(how: signal.Signals | int) -> None:
    """End this process by a signal, or with an exit status."""
    if not isinstance(how, signal.Signals):
        os._exit(how)
    faulthandler.disable()  # pytest's would write a report
    signal.signal(how, signal.SIG_DFL) if how != signal.SIGKILL else None
    os.kill(os.getpid(), how)
    signal.pause()
