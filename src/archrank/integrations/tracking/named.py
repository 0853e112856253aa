"""Trackers by name, as the command line takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from archrank.errors import UnknownNameError
from archrank.integrations.tracking.base import Tracker
from archrank.integrations.tracking.mlflow_runs import MLflow
from archrank.integrations.tracking.tensorboard_files import TensorBoard
from archrank.integrations.tracking.wandb_runs import WandB

Name: TypeAlias = Literal["tensorboard", "wandb", "mlflow"]
TRACKERS: dict[str, type[Tracker]] = {
    kind.name: kind for kind in (TensorBoard, WandB, MLflow)
}  # fmt: skip


def make_trackers(
    names: Sequence[str], settings: Mapping[str, Any] | None = None, run: Path | None = None
) -> list[Tracker]:
    """Make trackers of these names, each once.

    Args:
        names: such as ``["tensorboard"]``.
        settings: further hyper-parameters.
        run: the run folder; that of the study if ``None``.

    Raises:
        UnknownNameError: no such tracker.
        MissingExtraError: its package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UnknownNameError("tracker", name, get_args(Name))
    return [TRACKERS[name](settings=settings, run=run) for name in dict.fromkeys(names)]
