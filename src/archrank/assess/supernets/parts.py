"""Parts of a study by name, each in the file of that name."""

from __future__ import annotations

from archrank.assess.supernets.averages import Averages
from archrank.assess.supernets.base import Part
from archrank.assess.supernets.checkpoints import Checkpoints
from archrank.assess.supernets.cures import Cures
from archrank.assess.supernets.groups import Groups
from archrank.assess.supernets.labels import Labels
from archrank.assess.supernets.predictors import Predictors
from archrank.assess.supernets.proxies import Proxies
from archrank.assess.supernets.samples import Samples
from archrank.assess.supernets.sampling import Sampling
from archrank.assess.supernets.scores import Scores
from archrank.assess.supernets.spread import Spread
from archrank.assess.supernets.statistics import BatchStatistics
from archrank.assess.supernets.subsets import Subsets

_KINDS: tuple[type[Part], ...] = (
    Scores,
    Checkpoints,
    Spread,
    Sampling,
    Samples,
    Proxies,
    Groups,
    Subsets,
    Labels,
    BatchStatistics,
    Averages,
    Cures,
    Predictors,
)
KINDS = {kind.name: kind for kind in _KINDS}


def part_named(name: str) -> Part:
    """Make the part called ``name``, one of :data:`archrank.assess.supernets.settings.PARTS`."""
    return KINDS[name]()
