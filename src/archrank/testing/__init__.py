"""Contract checks for tests of spaces, rankers, evaluators and so on, archrank's own and yours.

Each is a plain function that raises ``AssertionError`` with the fault and the rule that it breaks.
Call it from any test; no test framework is needed.

>>> from archrank.spaces import CustomSpace
>>> check_space(CustomSpace({"depth": [1, 2], "width": [8, 16]}, build=lambda config, task: None))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archrank.testing.evaluators import check_evaluator
from archrank.testing.rankers import check_ranker
from archrank.testing.spaces import check_space
from archrank.testing.strategies import check_strategy

if TYPE_CHECKING:
    from archrank.testing.losses import check_loss
    from archrank.testing.samplers import check_sampler
    from archrank.testing.supernets import check_supernet
    from archrank.testing.tasks import check_task
    from archrank.testing.update_rules import check_update_rule

__all__ = [
    "check_evaluator",
    "check_loss",
    "check_ranker",
    "check_sampler",
    "check_space",
    "check_strategy",
    "check_supernet",
    "check_task",
    "check_update_rule",
]


def __getattr__(name: str) -> Any:
    if name == "check_loss":  # torch loads with it
        from archrank.testing.losses import check_loss

        return check_loss
    if name == "check_sampler":
        from archrank.testing.samplers import check_sampler

        return check_sampler
    if name == "check_supernet":
        from archrank.testing.supernets import check_supernet

        return check_supernet
    if name == "check_task":
        from archrank.testing.tasks import check_task

        return check_task
    if name == "check_update_rule":
        from archrank.testing.update_rules import check_update_rule

        return check_update_rule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
