"""Latency on a device of the user's, by a command that gets the network as an ONNX file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import instance, quoted
from archrank.errors import FAILURES, ArgumentError, EvaluationError, describe
from archrank.evaluators.timed import TimedNetworks
from archrank.hardware.command import CommandTiming, LatencyCommand

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space
    from archrank.tasks.base import Task

READ = 2**20  # bytes of a file that the command names, for the digest
LEAST = 2  # inputs that a network is traced with, so that its batch stays free


class CommandLatency(TimedNetworks):
    """Lets a command measure each network, in milliseconds.

    The network is written as ONNX, which onnxruntime runs and compares first, and the command gets
    the path of the file (:mod:`archrank.hardware.command`). A network that cannot be written, and
    a command that fails, prints no number or takes too long, are NaN with the reason.
    ``latency_spread`` is the standard deviation over the mean of its results.

    Args:
        task: shape of the inputs, which are made up.
        command: such as ``"./bench.sh {onnx}"``; or a
            :class:`~archrank.hardware.command.LatencyCommand`, which has numbers of calls, seconds
            and inputs.
        waiting: called where others have to end before a network is measured; ``None``: nobody is.

    Raises:
        SettingsError: there is no such program, or it gets no file.

    Example:
        >>> from archrank.tasks import Digits
        >>> CommandLatency(Digits(), "echo 1.5 ms for {onnx}").metrics[0].name
        'latency_ms'
    """

    def __init__(
        self,
        task: Task,
        command: str | LatencyCommand,
        *,
        waiting: Callable[[], object] | None = None,
    ) -> None:
        from archrank.tasks.base import Task

        instance(task, Task, "CommandLatency: task", "such as tasks.Digits()")
        if not isinstance(command, str | LatencyCommand):
            raise ArgumentError(
                f"CommandLatency: command is {quoted(command)}, expected a text such as "
                "'./bench.sh {onnx}'"
            )
        super().__init__(task, waiting)
        self.command = LatencyCommand(command) if isinstance(command, str) else command

    def bind(self, space: Space, *, task: Task | None = None, seed: int = 0) -> Self:
        """Return a copy for ``space``.

        Raises:
            MissingExtraError: a package that writes or runs ONNX is missing.
        """
        from archrank.networks.graphs import require_onnx

        require_onnx()
        return super().bind(space, task=task, seed=seed)

    def time(self, arch: NDArray[np.uint8]) -> CommandTiming | str:
        """Measure the network of ``arch: (d,)``; return the reason where that fails.

        Raises:
            EvaluationError: the command cannot be started.
        """
        try:
            content = self._written(arch)
        except (ImportError, OSError):
            raise  # the installation, not the architecture
        except EvaluationError as error:
            return str(error)
        except FAILURES as error:
            return describe(error)
        return self.command.measure(content, self.waiting)

    def _written(self, arch: NDArray[np.uint8]) -> bytes:
        """Return the ONNX file of ``arch: (d,)``."""
        from archrank.networks.graphs import ONNX, as_graphs
        from archrank.training.loop import initialise

        network = initialise(lambda: self.networks.build(arch), 0).eval()
        x = self.task.example(max(self.command.batch_size, LEAST))
        files = as_graphs(network, x, ("onnx",)).files
        return files[ONNX]

    def careful(self) -> CommandLatency:
        """Return this one: its command is called once more for what is found."""
        return self

    def conditions(self) -> dict[str, str]:
        """Return the device, which is the command, and the task's name."""
        return {"device": "command", "task": self.task.name}

    def describe(self) -> dict[str, Any]:
        """Return the command and the numbers of inputs and calls."""
        return {
            "evaluator": "command_latency",
            "task": self.task.identity(),
            "command": self.command.text,
            "batch_size": self.command.batch_size,
            "tries": self.command.tries,
        }

    def contents(self) -> dict[str, str]:
        """Return digests of the files that the command names, such as its script."""
        found = {}
        for word in self.command.words:
            path = Path(word)
            if path.is_file() and path.stat().st_size <= READ:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                found[f"file {path.name} of the latency command"] = digest
        return found
