"""Weights & Biases: one run of a project, online or in files that ``wandb sync`` uploads."""

from __future__ import annotations

import inspect
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from archrank.errors import MissingExtraError, StorageError
from archrank.files import user_path
from archrank.integrations.tracking.base import (
    ROUND,
    SLOT,
    Evaluated,
    Tracker,
    Written,
    set_defaults,
)
from archrank.integrations.tracking.wandb_files import logged

if TYPE_CHECKING:
    from archrank.study.study import Study

PROJECT = "archrank"
ENVIRONMENT = {"WANDB_ERROR_REPORTING": "false"}  # nothing is sent but to the project
SETTLED = 10.0  # seconds to wait for files to be complete
QUIET: dict[str, Any] = {
    "console": "off",  # what is printed is the user's
    "silent": True,
    "save_code": False,
    "disable_git": True,
    "x_disable_stats": True,
    "init_timeout": 30.0,  # seconds to wait for the server
    "finish_timeout": 60.0,  # its default is for ever; unknown to older versions, as the next
    "x_transaction_log_flush_interval": 1.0,
}


class WandB(Tracker):
    """Writes metrics and architectures with steps, the settings as config.

    Where to is told as wandb's own programs are told: ``wandb login``, ``WANDB_PROJECT``,
    ``WANDB_ENTITY``, ``WANDB_MODE``, ``WANDB_RUN_GROUP``. Who is not logged in gets files in the
    run folder, ``wandb``, which ``wandb sync`` uploads; sync them before the run goes on online.
    The number of wandb's run is noted in the run folder. Which steps it has is asked of the server,
    or read from the files. Neither code nor what the machine does is recorded.

    Args:
        project: name of the project; that of the environment, or ``archrank``, if ``None``.
        folder: for wandb's files; the run folder if ``None``.
        settings: further config.
        run: the run folder; that of the study if ``None``.

    Raises:
        MissingExtraError: wandb is not installed.
    """

    name = "wandb"

    def __init__(
        self,
        project: str | None = None,
        folder: str | os.PathLike[str] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        run: Path | None = None,
    ) -> None:
        super().__init__(settings, run)
        set_defaults(ENVIRONMENT)
        try:
            import wandb  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("wandb", "track", "tracking by Weights & Biases") from error
        self.project = project or os.environ.get("WANDB_PROJECT") or PROJECT
        self.folder = None if folder is None else user_path(folder)
        self._run: Any = None
        self._home = Path()
        self._number, self._mode = "", "offline"

    def _open(self, study: Study) -> Written:
        self._home = self.home(self.folder)
        self._number = str(self.noted().get("run") or secrets.token_hex(4))
        self._mode = os.environ.get("WANDB_MODE") or ("online" if _logged_in() else "offline")
        steps = {row["_step"]: row for row in logged(self._home, self._number) if SLOT in row}
        last = max(steps, default=0)
        places = frozenset((int(row[ROUND]), int(row[SLOT])) for row in steps.values())
        if self._mode != "online":
            return Written(last, places)
        self._run = self._begin(study)
        there = int(self._run.step) - 1 if self._run.resumed else 0
        return Written(last, places) if last >= there else Written(there, None)

    def _begin(self, study: Study) -> Any:
        """Begin wandb's run, or go on with the one that is noted."""
        import wandb

        known, mode = wandb.Settings.model_fields, self._mode
        self._home.mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            project=self.project,
            id=self._number,
            name=self.run_name(study),
            dir=str(self._home),
            config=self.parameters(study),
            mode=cast(Any, mode),
            resume="allow" if mode == "online" else None,
            reinit="create_new",
            settings=wandb.Settings(**{k: v for k, v in QUIET.items() if k in known}),
        )
        self.note(run=self._number)
        return run

    def _write(self, study: Study, evaluated: Evaluated) -> None:
        if self._run is None:
            self._run = self._begin(study)
        told = {"architecture": evaluated.record.string}
        if evaluated.record.reason is not None:
            told["failure"] = evaluated.record.reason
        self._run.log({**evaluated.values, **told}, step=evaluated.step, commit=True)

    def _close(self, study: Study) -> None:
        if self._run is None:
            return
        if study.results.feasible.any():
            self._run.summary["best_architecture"] = study.results.recommended.string
        self._run.finish()
        self._run = None
        if self._mode == "offline":
            self._check_files()

    def _check_files(self) -> None:
        """Check that all steps are in the files, which are complete some moments after their end.

        Raises:
            StorageError: they are not; wandb itself only logs that.
        """
        end = time.monotonic() + SETTLED
        while (last := self._last_step()) < self._step:
            if time.monotonic() > end:
                raise StorageError(
                    f"its files below {self._home} end at step {last} of {self._step}; is the disk "
                    "full?"
                )
            time.sleep(0.02)

    def _last_step(self) -> int:
        rows = logged(self._home, self._number)
        return max((int(row["_step"]) for row in rows if SLOT in row), default=0)


def _logged_in() -> bool:
    """Tell whether there is a key to log in with; nobody is asked for one."""
    import wandb

    if "prompt" in inspect.signature(wandb.login).parameters:
        return bool(wandb.login(prompt=False, verify=False))
    return bool(os.environ.get("WANDB_API_KEY"))  # older versions cannot be asked
