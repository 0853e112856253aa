"""Assessment of rankers: any table, any rankers, any number of labels, many random draws.

Each name loads on first use, so that importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.assess.assessment import Assessment as Assessment
    from archrank.assess.engine import assess as assess
    from archrank.assess.protocol import Protocol as Protocol

_HOMES = {"Assessment": "assessment", "Protocol": "protocol", "assess": "engine"}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
