"""Helpers of all checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def require(condition: object, message: str) -> None:
    """Raise ``AssertionError(message)`` unless ``condition``; also under ``python -O``."""
    if not condition:
        raise AssertionError(message)


def require_raises(error: type[Exception], call: Callable[[], object], message: str) -> None:
    """Require that ``call()`` raises ``error`` and nothing else."""
    try:
        call()
    except error:
        return
    except Exception as other:
        raise AssertionError(
            f"{message}; it raised {type(other).__name__}({other}) instead of {error.__name__}"
        ) from other
    raise AssertionError(f"{message}; nothing was raised, expected {error.__name__}")


def require_description(described: dict[str, Any], who: str) -> None:
    """Require JSON values that survive a round trip, as a run's fingerprint needs."""
    require(isinstance(described, dict), f"{who}: describe() must return a dict")
    try:
        text = json.dumps(described, sort_keys=True)
    except TypeError as error:
        raise AssertionError(f"{who}: describe() must hold JSON values only: {error}") from error
    require(
        json.loads(text) == described,
        f"{who}: describe() changes in a JSON round trip; use lists for tuples, strings for keys",
    )
