"""How well rankers rank: any table, any rankers, any number of labels, many draws.

Each name loads when it is first asked for, so that importing this package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archrank.assess.assessment import Assessment
    from archrank.assess.protocol import Protocol
    from archrank.assess.run import assess

_HOMES = {"Assessment": "assessment", "Protocol": "protocol", "assess": "run"}

__all__ = ["Assessment", "Protocol", "assess"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
