"""Trackers of runs: TensorBoard, Weights & Biases, MLflow.

Each name loads on first use, and each tracker its package when it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.integrations.tracking.base import Evaluated as Evaluated
    from archrank.integrations.tracking.base import Tracker as Tracker
    from archrank.integrations.tracking.mlflow_runs import MLflow as MLflow
    from archrank.integrations.tracking.named import TRACKERS as TRACKERS
    from archrank.integrations.tracking.named import make_trackers as make_trackers
    from archrank.integrations.tracking.tensorboard_files import TensorBoard as TensorBoard
    from archrank.integrations.tracking.wandb_runs import WandB as WandB

_HOMES = {
    "Evaluated": "base",
    "MLflow": "mlflow_runs",
    "TRACKERS": "named",
    "TensorBoard": "tensorboard_files",
    "Tracker": "base",
    "WandB": "wandb_runs",
    "make_trackers": "named",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
