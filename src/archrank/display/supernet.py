"""Progress of the training of a supernet: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from archrank.display.count import OnTerminal
from archrank.display.timer import Timer
from archrank.formatting import format_value, whole_duration

if TYPE_CHECKING:
    from archrank.metrics import Metric
    from archrank.supernets.running import Progress


class TrainingDisplay(OnTerminal):
    """Epochs, loss, metrics of the architectures that are trained, and time left; news above.

    Args:
        console: where to show it.
        metrics: of the task.
    """

    def __init__(self, console: Console, metrics: Sequence[Metric]) -> None:
        bar = Bar(
            TextColumn("[bold]training"),
            BarColumn(),
            TextColumn("{task.fields[far]}"),
            console=console,
            transient=True,
        )
        super().__init__(console, bar)
        self._metrics = {m.name: m for m in metrics}
        self._task: TaskID = self._bar.add_task("", total=None, far="")
        self._epochs, self._timer = 0, Timer()

    def __call__(self, progress: Progress) -> None:
        """Show how far the training is."""
        if progress.note:
            self._console.print(Text(progress.note), soft_wrap=True)
        self._epochs += 1
        passed = self._timer.elapsed
        each = passed / self._epochs
        left = f"about {whole_duration(each * (progress.epochs - progress.epoch))} left"
        far = f"{progress.epoch} of {progress.epochs} epochs, {self.measured(progress)}"
        if self._console.is_terminal:
            done, of = progress.epoch, progress.epochs
            self._bar.update(self._task, completed=done, total=of, far=f"{far}, {left}")
        elif self._timer.due():
            line = f"training: {far}, elapsed {whole_duration(passed)}, {left}"
            self._console.print(Text(line), soft_wrap=True)

    def measured(self, progress: Progress) -> str:
        """Return loss and metrics of an epoch: ``loss 1.234, accuracy 56.78 %``."""
        shown = [
            f"{name} {format_value(progress.metrics[name], metric)}"
            for name, metric in self._metrics.items()
            if name in progress.metrics
        ]
        tau = [] if math.isnan(progress.tau) else [f"tau of ranks {progress.tau:.3f}"]
        return ", ".join([f"loss {progress.loss:.4g}", *shown, *tau])
