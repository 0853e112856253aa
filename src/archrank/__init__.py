"""archrank: find the best neural architecture while training as few candidates as possible.

>>> import archrank as ar
>>> space = ar.spaces.NASBench201()
>>> study = ar.Study(space, ar.evaluators.Cost(), ar.strategies.Random(), seed=0)
>>> study.run(budget=8).best.values["macs"] < 1e8
True
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank import assess as assess
    from archrank import benchmark as benchmark
    from archrank import cli as cli
    from archrank import comparison as comparison
    from archrank import criteria as criteria
    from archrank import drawing as drawing
    from archrank import errors as errors
    from archrank import evaluators as evaluators
    from archrank import export as export
    from archrank import hardware as hardware
    from archrank import losses as losses
    from archrank import networks as networks
    from archrank import parallel as parallel
    from archrank import rankers as rankers
    from archrank import report as report
    from archrank import reproduce as reproduce
    from archrank import runs as runs
    from archrank import spaces as spaces
    from archrank import strategies as strategies
    from archrank import study as study
    from archrank import supernets as supernets
    from archrank import tables as tables
    from archrank import tasks as tasks
    from archrank import testing as testing
    from archrank import training as training
    from archrank.comparison.comparing import compare as compare
    from archrank.errors import ArchrankError as ArchrankError
    from archrank.export.loading import load as load
    from archrank.spaces.base import Space as Space
    from archrank.spaces.custom.options import Bool as Bool
    from archrank.spaces.custom.options import Categorical as Categorical
    from archrank.spaces.custom.options import Float as Float
    from archrank.spaces.custom.options import Int as Int
    from archrank.spaces.custom.options import Ordered as Ordered
    from archrank.spaces.custom.repeat import Repeat as Repeat
    from archrank.spaces.custom.subset import Subset as Subset
    from archrank.study.study import Study as Study
    from archrank.tables.own import read_table as read_table

try:
    __version__ = version("archrank")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

_HOMES = {
    "ArchrankError": "errors",
    "Bool": "spaces.custom.options",
    "Categorical": "spaces.custom.options",
    "Float": "spaces.custom.options",
    "Int": "spaces.custom.options",
    "Ordered": "spaces.custom.options",
    "Repeat": "spaces.custom.repeat",
    "Space": "spaces.base",
    "Study": "study.study",
    "Subset": "spaces.custom.subset",
    "compare": "comparison.comparing",
    "load": "export.loading",
    "read_table": "tables.own",
    **dict.fromkeys(
        (
            "assess",
            "benchmark",
            "cli",
            "comparison",
            "criteria",
            "drawing",
            "errors",
            "evaluators",
            "export",
            "hardware",
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
        ),
        "",
    ),
}

# everything loads at first use: `import archrank` takes no torch, lightgbm or optuna
__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "__version__")
