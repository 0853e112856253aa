"""How well rankers rank: any table, any rankers, any number of labels, many draws.

Each name loads when it is first asked for, so that importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.assess.assessment import Assessment
    from archrank.assess.protocol import Protocol
    from archrank.assess.run import assess

_HOMES = {"Assessment": "assessment", "Protocol": "protocol", "assess": "run"}

__all__ = ["Assessment", "Protocol", "assess"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
