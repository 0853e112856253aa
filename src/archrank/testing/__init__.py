"""Checks of the contracts, for archrank's own tests and for yours.

Each is a plain function that raises ``AssertionError`` with what is wrong and what the contract
says; call it from any test. They need no test framework.

>>> from archrank.spaces import CustomSpace
>>> check_space(CustomSpace({"depth": [1, 2], "width": [8, 16]}, build=lambda config, task: None))
"""

from __future__ import annotations

from archrank.testing.evaluators import check_evaluator
from archrank.testing.rankers import check_ranker
from archrank.testing.spaces import check_space
from archrank.testing.strategies import check_strategy

__all__ = ["check_evaluator", "check_ranker", "check_space", "check_strategy"]
