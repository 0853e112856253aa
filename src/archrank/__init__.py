"""archrank: find the best neural architecture while training as few candidates as possible.

>>> import archrank as ar
>>> space = ar.spaces.NASBench201()
>>> study = ar.Study(space, ar.evaluators.Cost(), ar.strategies.Random(), seed=0)
>>> study.run(budget=8).best.values["macs"] < 1e8
True
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archrank import evaluators, networks, rankers, report, spaces, strategies, study, tasks
    from archrank.errors import ArchrankError
    from archrank.spaces.base import Space
    from archrank.study.study import Study

try:
    __version__ = version("archrank")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

_MODULES = (
    "assess",
    "benchmark",
    "cli",
    "criteria",
    "drawing",
    "errors",
    "evaluators",
    "losses",
    "networks",
    "parallel",
    "rankers",
    "report",
    "reproduce",
    "runs",
    "spaces",
    "strategies",
    "study",
    "supernets",
    "tables",
    "tasks",
    "testing",
    "training",
)
_NAMES = {
    "ArchrankError": "archrank.errors",
    "Space": "archrank.spaces.base",
    "Study": "archrank.study.study",
}

__all__ = [
    "ArchrankError",
    "Space",
    "Study",
    "__version__",
    "evaluators",
    "networks",
    "rankers",
    "report",
    "spaces",
    "strategies",
    "study",
    "tasks",
]


def __getattr__(name: str) -> Any:
    # everything loads at first use: `import archrank` takes no torch, lightgbm or optuna
    if name in _MODULES:
        return import_module(f"archrank.{name}")
    if name in _NAMES:
        return getattr(import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'archrank' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES})
