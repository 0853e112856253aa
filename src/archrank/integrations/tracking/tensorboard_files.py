"""TensorBoard: event files in the run folder, ``tensorboard --logdir runs`` shows them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import MissingExtraError
from archrank.files import user_path
from archrank.integrations.tracking.base import Evaluated, Tracker

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

    from archrank.study.study import Study

FOLDER = "tensorboard"
FILES = "events.out.tfevents.*"
TEXT = "architecture"


class TensorBoard(Tracker):
    """Writes scalars, architectures as text, and the settings as hyper-parameters.

    Each step is on disk before the next evaluation begins. Which steps there are is read from the
    files themselves, so a run that was killed goes on without a step twice.

    Args:
        folder: for event files; ``tensorboard`` in the run folder if ``None``.
        settings: further hyper-parameters.
        run: the run folder; that of the study if ``None``.

    Raises:
        MissingExtraError: tensorboard is not installed.
    """

    name = "tensorboard"

    def __init__(
        self,
        folder: str | os.PathLike[str] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        run: Path | None = None,
    ) -> None:
        super().__init__(settings, run)
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("tensorboard", "track", "tracking by TensorBoard") from error
        self.folder = None if folder is None else user_path(folder)
        self._writer: SummaryWriter | None = None
        self._last = 0
        self._home = Path()

    def _open(self, study: Study) -> int:
        self._home = self.home(self.folder, FOLDER)
        self._last = _last_step(self._home)
        return self._last

    def _begin(self, study: Study) -> SummaryWriter:
        """Begin an event file; what an earlier one has of later steps is void."""
        from torch.utils.tensorboard.summary import hparams  # type: ignore[attr-defined,unused-ignore]
        from torch.utils.tensorboard.writer import SummaryWriter

        before = [file.stat().st_mtime for file in self._home.glob(FILES)]
        again = self._last + 1 if before else None
        while before and int(time.time()) == int(max(before)):
            time.sleep(0.05)  # names of files have seconds, and are read in their order
        writer = SummaryWriter(str(self._home), purge_step=again)
        if self._last == 0:
            metrics = {f"best/{o.metric}": 0.0 for o in study.objectives}
            parameters = {k: _plain(v) for k, v in self.parameters(study).items()}
            make: Any = hparams
            file: Any = writer
            for summary in make(parameters, metrics):
                file._get_file_writer().add_summary(summary)
        return writer

    def _write(self, study: Study, evaluated: Evaluated) -> None:
        if self._writer is None:
            self._writer = self._begin(study)
        for name, value in evaluated.values.items():
            self._writer.add_scalar(name, value, evaluated.step)
        text = evaluated.record.string
        if evaluated.record.reason is not None:
            text += f"\n\nfailed: {evaluated.record.reason}"
        self._writer.add_text(TEXT, text, evaluated.step)  # the last: the step is complete
        self._writer.flush()

    def _close(self, study: Study) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _last_step(folder: Path) -> int:
    """Return the last complete step of the event files in a folder, 0 without any."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    last = 0
    for file in sorted(folder.glob(FILES)):
        for event in EventFileLoader(str(file)).Load():
            if any(value.tag.startswith(TEXT) for value in event.summary.value):
                last = max(last, event.step)
    return last


def _plain(value: object) -> str | float | bool:
    """Return a hyper-parameter of a kind that TensorBoard has."""
    return value if isinstance(value, bool | int | float | str) else str(value)
