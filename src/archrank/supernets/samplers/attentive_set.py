"""Attentive sampling from an offline set: BestUp-1M (acc) and WorstUp-1M (acc)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from archrank.checks import whole
from archrank.errors import SettingsError
from archrank.supernets.samplers.attentive_loss import Front, require_choice
from archrank.supernets.samplers.attentive_ranker import RankerSampler
from archrank.types import Archs, Bools, Floats

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.networks import Networks

CHUNK = 50_000  # architectures that are ranked at once
Definition = Literal["repaired", "printed"]


@dataclass(frozen=True, eq=False)
class AttentiveSet(RankerSampler):
    """Architectures of the best or the worst Pareto front of many random ones, all alike.

    AttentiveNAS (Wang et al., CVPR 2021, section 4.4): a million random architectures are ranked
    once, and updates train those on the front alone, by predicted accuracy and FLOPs: BestUp-1M
    (acc) and WorstUp-1M (acc). See :func:`pareto_front` for the two definitions of the worst front.
    ``mflops`` keeps the part of the front between two limits.

    Attributes:
        n: random architectures, drawn with a fixed seed.
        definition: of the worst front.
    """

    n: int = 1_000_000
    definition: Definition = "repaired"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, self.front, 1)
        whole(self.n, "AttentiveSet: n", at_least=1, error=SettingsError)
        if self.definition not in get_args(Definition):
            raise SettingsError(
                f"AttentiveSet: definition is {self.definition!r}, expected 'repaired' or 'printed'"
            )

    def _guided(self, networks: Networks, ranker: Ranker, rng: np.random.Generator) -> Archs:
        """Draw from the front; the first call ranks all ``n``."""
        archs, mflops = offline_set(networks, ranker, self.front, self.n, self.definition)
        if self.mflops is not None:
            low, high = self.mflops
            archs = archs[(mflops >= low) & (mflops <= high)]
            if not len(archs):
                raise SettingsError(
                    f"AttentiveSet: no architecture of the {self.front} front has {low:g} to "
                    f"{high:g} MFLOPs; it reaches from {mflops.min():.4g} to {mflops.max():.4g}"
                )
        return archs[rng.integers(0, len(archs), self.m)]


@lru_cache(maxsize=2)
def offline_set(
    networks: Networks, ranker: Ranker, front: Front, n: int, definition: Definition
) -> tuple[Archs, Floats]:
    """Return the front of ``n`` random architectures: ``(k, d)``, and their MFLOPs ``(k,)``.

    Args:
        networks: of the space and the task.
        ranker: fitted.
        front: the best or the worst one.
        n: number of random architectures.
        definition: of the worst front.
    """
    archs = np.unique(networks.space.sample(n, rng=np.random.default_rng(0)), axis=0)
    mflops = networks.cost(archs)["macs"] / 1e6
    parts = np.array_split(archs, -(-len(archs) // CHUNK))
    scores = np.concatenate([ranker.predict(part) for part in parts])
    on_it = pareto_front(mflops, scores, front, definition)
    return archs[on_it], mflops[on_it]


def pareto_front(
    mflops: Floats, scores: Floats, front: Front = "best", definition: Definition = "repaired"
) -> Bools:
    """Mark the architectures on the best or the worst Pareto front: ``(n,)``.

    The best front (section 3.1 of the paper): nothing with as many or fewer FLOPs is as good.

    The worst front is printed as "L(a') < L(a) for any a' with FLOPs(a') >= FLOPs(a)": architecture
    a is dominated by others that are as large or larger. Taken as "for some a'", which
    ``"printed"`` does, it marks everything that any larger network beats, which is nearly all, and
    training on it is nearly uniform. ``"repaired"`` marks the lower edge of all architectures:
    nothing with as many or more FLOPs has a higher loss.

    Args:
        mflops: ``(n,)``.
        scores: ``(n,)``, higher is better.
        front: which one.
        definition: of the worst front.

    Example:
        >>> mflops, scores = np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.5, 0.4, 0.7, 0.6])
        >>> pareto_front(mflops, scores).tolist()
        [True, False, True, False]
        >>> pareto_front(mflops, scores, "worst").tolist()
        [False, True, False, True]
        >>> pareto_front(mflops, scores, "worst", "printed").tolist()
        [True, True, False, False]
    """
    sizes, place = np.unique(mflops, return_inverse=True)
    if front == "best":
        best = np.full(len(sizes), -np.inf)
        np.maximum.at(best, place, scores)
        smaller = np.concatenate([[-np.inf], np.maximum.accumulate(best)[:-1]])
        marks = (scores == best[place]) & (scores > smaller[place])
    elif definition == "printed":
        best = np.full(len(sizes), -np.inf)
        np.maximum.at(best, place, scores)
        marks = scores < np.maximum.accumulate(best[::-1])[::-1][place]
    else:
        worst = np.full(len(sizes), np.inf)
        np.minimum.at(worst, place, scores)
        marks = scores <= np.minimum.accumulate(worst[::-1])[::-1][place]
    found: Bools = marks
    return found
