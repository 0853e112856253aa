"""TensorBoard: event files in the run folder, ``tensorboard --logdir runs`` shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import MissingExtraError
from archrank.files import user_path
from archrank.integrations.tracking.base import ROUND, SLOT, Evaluated, Tracker, Written
from archrank.integrations.tracking.event_files import EventFile, scalars

if TYPE_CHECKING:
    from archrank.study.study import Study

FOLDER = "tensorboard"
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
        self._file: EventFile | None = None
        self._is_new = True
        self._home = Path()

    def _open(self, study: Study) -> Written:
        self._home = self.home(self.folder, FOLDER)
        steps = {step: values for step, values in scalars(self._home) if SLOT in values}
        self._is_new = not steps
        places = frozenset((int(v[ROUND]), int(v[SLOT])) for v in steps.values())
        return Written(max(steps, default=0), places)

    def _begin(self, study: Study) -> EventFile:
        """Begin an event file; the first has the hyper-parameters."""
        from torch.utils.tensorboard import summary

        file = EventFile(self._home)
        if self._is_new:
            metrics = {f"best/{o.metric}": 0.0 for o in study.objectives}
            parameters = {k: _plain(v) for k, v in self.parameters(study).items()}
            hparams: Any = summary.hparams
            file.add(hparams(parameters, metrics), 0)
        return file

    def _write(self, study: Study, evaluated: Evaluated) -> None:
        from torch.utils.tensorboard import summary

        if self._file is None:
            self._file = self._begin(study)
        written = evaluated.record.string
        if evaluated.record.reason is not None:
            written += f"\n\nfailed: {evaluated.record.reason}"
        scalar: Any = summary.scalar
        text: Any = summary.text
        values = [scalar(name, value) for name, value in evaluated.values.items()]
        self._file.add([*values, text(TEXT, written)], evaluated.step)

    def _close(self, study: Study) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _plain(value: object) -> str | float | bool:
    """Return a hyper-parameter of a kind that TensorBoard has."""
    return value if isinstance(value, bool | int | float | str) else str(value)
