"""Assessment of rankers and of supernets: any table, many random draws, the Surgery's criteria.

Each name loads on first use, so that importing this package loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy

if TYPE_CHECKING:
    from archrank.assess.assessment import Assessment as Assessment
    from archrank.assess.engine import assess as assess
    from archrank.assess.protocol import Protocol as Protocol
    from archrank.assess.supernets.engine import study_supernets as study_supernets
    from archrank.assess.supernets.settings import StudySettings as StudySettings
    from archrank.assess.supernets.study import SupernetStudy as SupernetStudy

_HOMES = {
    "Assessment": "assessment",
    "Protocol": "protocol",
    "StudySettings": "supernets.settings",
    "SupernetStudy": "supernets.study",
    "assess": "engine",
    "study_supernets": "supernets.engine",
}

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES)
