"""The published search of AceNAS for networks of a given latency, on the ProxylessNAS space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.errors import SpaceError
from archrank.hardware.look_up import PIXEL1_FILE, pixel1_latency
from archrank.spaces.mobile.proxylessnas import ProxylessNAS
from archrank.spaces.samplers.latency import LatencyBand
from archrank.strategies.acenas import WEAK_IN_BAND, AceNASSearch

if TYPE_CHECKING:
    from archrank.rankers.base import Ranker
    from archrank.spaces.base import Space

BAND_MS = (83.0, 85.0)
SKIP = 0.5  # prior of skipped blocks, as in the supernet's training (appendix B.2)


class ProxylessAceNAS(AceNASSearch):
    """AceNAS as published for ProxylessNAS: architectures of 83 to 85 ms on a Pixel 1.

    Section 4.3 and appendix C: 80 random architectures, three rounds of 20 that the ranker chooses
    from 100,000 random ones and 10 random ones, then 30 found by evolution on predicted scores: 200
    in all. Everything lies in the band of latencies that TuNAS's model predicts. The paper says
    that 234 were evaluated, and not what the other 34 are; here they are one more round and the
    beginning of another. It prints no settings of the evolution either; those are ours.

    Args:
        space: The ProxylessNAS space, or a restricted one.
        ranker: Any ranker; ``None`` is :func:`proxyless_ranker`, not pretrained.
        root: Folder of TuNAS's latency weights; ``None`` is the one that the environment variable
            ARCHRANK_DATA names.
        band_ms: Lowest and highest latency, milliseconds.
        **settings: Of :class:`AceNASSearch`, in place of the published ones.

    Raises:
        TableError: No latency weights, or they do not fit the space.
        SpaceError: Another space, or no architecture lies in the band.
    """

    usual_budget = 234
    supernet_recipe = "acenas_proxylessnas"

    def __init__(
        self,
        space: Space,
        ranker: Ranker | None = None,
        *,
        root: str | Path | None = None,
        band_ms: tuple[float, float] = BAND_MS,
        **settings: Any,
    ) -> None:
        blocks = {choice.name for choice in ProxylessNAS().choices}
        if not {choice.name for choice in space.choices} <= blocks:
            raise SpaceError(
                f"{type(self).__name__} searches the space proxylessnas, got {space.name}; for "
                "other spaces there is AceNASSearch, --strategy acenas"
            )
        model = pixel1_latency(space, None if root is None else Path(root) / PIXEL1_FILE)
        published: dict[str, Any] = {
            "budget": 200,
            "rounds": 4,
            "initial": 80,
            "greedy": 2 / 3,
            "top": 30,
            "final": "evolution",
            "candidates": 100_000,
        }
        super().__init__(
            ranker if ranker is not None else proxyless_ranker(space),
            band=LatencyBand(model, *band_ms, skip=SKIP),
            **published | settings,
        )


def proxyless_ranker(space: Space) -> Ranker:
    """Make AceNAS's ranker as its code for ProxylessNAS does: wider, with relevances up to 15.

    The code also fixes the accuracies of relevance 0 and 15 at .73 and .76, which suits ImageNet
    alone: ``set_params(relevance_bounds=(0.73, 0.76))`` does so.
    """
    from archrank.rankers import AceNAS

    return AceNAS(space, width=128, head=256, relevance_scale=15.0, pretrain_samples=WEAK_IN_BAND)
