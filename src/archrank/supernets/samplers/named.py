"""Names of samplers, with those that AttentiveNAS gives its own, such as ``bestup-3-loss``."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from archrank.registry import Registry

_HOME = "archrank.supernets.samplers"
LOSS = f"{_HOME}.attentive_loss:AttentiveLoss"
RANKER = f"{_HOME}.attentive_ranker:AttentiveRanker"
SET = f"{_HOME}.attentive_set:AttentiveSet"
_CHOICE = re.compile(r"(best|worst)up-(\d+)-(loss|ranker)")
_SET = re.compile(r"(best|worst)up-1m")


class Samplers(Registry):
    """Registry of samplers; attentive ones have their number of candidates in their name."""

    def get(self, name: str) -> Any:
        """Load the sampler called ``name``: a class, or one with some of its settings.

        ``bestup-K-loss`` and ``worstup-K-loss`` are :class:`AttentiveLoss` with K candidates,
        ``bestup-K-ranker`` and ``worstup-K-ranker`` :class:`AttentiveRanker`, ``bestup-1m`` and
        ``worstup-1m`` :class:`AttentiveSet`.

        Raises:
            UnknownNameError: no such name.
        """
        plain = name.lower().replace("_", "-")
        if found := _CHOICE.fullmatch(plain):
            kind = self._load(LOSS if found[3] == "loss" else RANKER, name)
            return partial(kind, front=found[1], k=int(found[2]))
        if found := _SET.fullmatch(plain):
            return partial(self._load(SET, name), front=found[1])
        return super().get(name)


SAMPLERS = Samplers(
    "sampler",
    {
        "uniform": f"{_HOME}.uniform:Uniform",
        "fairnas": f"{_HOME}.fairnas:FairNAS",
        "de_isomorphic": f"{_HOME}.de_isomorphic:DeIsomorphic",
        "costliest": f"{_HOME}.costliest:Costliest",
        "skip_prior": f"{_HOME}.skip_prior:SkipPrior",
        "flops_prior": f"{_HOME}.flops_prior:FlopsPrior",
        "bestup_3_loss": LOSS,
        "worstup_3_loss": LOSS,
        "bestup_50_ranker": RANKER,
        "worstup_50_ranker": RANKER,
        "bestup_1m": SET,
        "worstup_1m": SET,
    },
)
