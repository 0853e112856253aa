"""The description of an export: what is needed to build its network again, and its metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archrank.registry import Registry
from archrank.spaces import SPACES
from archrank.tasks import TASKS

if TYPE_CHECKING:
    from archrank.spaces.networks import Networks
    from archrank.tasks.base import Task

FORMAT = 1


@dataclass(frozen=True)
class Names:
    """Names by which the space and the task of an export are found again; ``None`` if unknown."""

    space: str | None = None
    task: str | None = None


def describe_network(
    networks: Networks, task: Task, row: NDArray[np.uint8], names: Names, seed: int
) -> dict[str, Any]:
    """Describe the network of ``row: (d,)`` but for what training decides, as JSON values."""
    space = networks.space
    costs = {name: float(column[0]) for name, column in networks.cost(row[None]).items()}
    description = {
        "format": FORMAT,
        "architecture": space.format(row[None])[0],
        "space": networks.fingerprint(),
        "choices": space.config(row),
        "task": task.identity(),
        "input_shape": list(task.input_shape),
        "made_by": {
            "space": names.space or _registered(SPACES, space.name),
            "task": names.task or _registered(TASKS, task.name),
            "seed": seed,
        },
        "metrics": finite(costs),
    }
    plain: dict[str, Any] = json.loads(json.dumps(description, default=str))
    return plain


def finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    """Return metrics as JSON has them: ``None`` for what is not finite."""
    return {name: value if math.isfinite(value) else None for name, value in metrics.items()}


def _registered(registry: Registry, name: str) -> str | None:
    return name if name in registry.names() else None
