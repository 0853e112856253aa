"""Attentive sampling by an accuracy ranker: BestUp-k (acc) and WorstUp-k (acc)."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from archrank.checks import whole
from archrank.errors import SettingsError
from archrank.identity import json_value
from archrank.supernets.samplers.attentive_loss import Front, chosen, require_choice
from archrank.supernets.samplers.flops_prior import FlopsPrior
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.rankers.base import Ranker
    from archrank.spaces.networks import Networks

KNOWN = 64  # architectures whose predictions tell one fitted ranker from another


@dataclass(frozen=True, eq=False)
class RankerSampler(FlopsPrior):
    """Base of samplers that a ranker of accuracies guides.

    The ranker may be fitted before, and then stays as it is, as published. Or it learns from the
    supernet: after the epochs in ``learns``, ``labels`` random architectures are scored on held-out
    data with the shared weights of the moment, and it is fitted to them. Before its first fit,
    architectures follow their FLOPs alone.

    Attributes:
        m: architectures per update, each with a target of its own.
        mflops: lowest and highest target, in millions of MACs; ``None``: all there are.
        front: ``"best"`` or ``"worst"``.
        ranker: of the space; changed never, it is fitted as a copy.
        learns: numbers of trained epochs after which the ranker is fitted anew.
        labels: architectures that are scored for that; 512 as published.

    Raises:
        SettingsError: a setting is out of its range, or the ranker would never be fitted.
    """

    front: Front = "best"
    ranker: Ranker | None = None
    learns: Sequence[int] = ()
    labels: int = 512
    _described_apart = ("ranker",)

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        whole(self.labels, f"{name}: labels", at_least=2, error=SettingsError)
        for epoch in self.learns:
            whole(epoch, f"{name}: learns", at_least=1, error=SettingsError)
        if not hasattr(self.ranker, "predict"):
            raise SettingsError(
                f"{name} is guided by a ranker, got {self.ranker!r}; give one that is fitted to "
                "accuracies, or one with the epochs after which it learns"
            )
        if not self.knows and not self.learns:
            raise SettingsError(
                f"{name}: the {type(self.ranker).__name__} is not fitted, and learns after no "
                "epoch: fit it to accuracies, or say after which epochs it learns"
            )

    @property
    def knows(self) -> bool:
        """True if the ranker is fitted."""
        return hasattr(self.ranker, "n_labels_")

    def sample(self, networks: Networks, *, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows, by the ranker once it is fitted.

        Raises:
            SettingsError: no network that may be drawn has such FLOPs.
        """
        if self.ranker is None or not self.knows:
            return self.groups(networks, 1, rng=rng)
        return self._guided(networks, self.ranker, rng)

    @abstractmethod
    def _guided(self, networks: Networks, ranker: Ranker, rng: np.random.Generator) -> Archs:
        """Draw ``(m, d)`` rows by a ranker that is fitted."""

    def taught(self, archs: Archs, scores: Floats) -> Self:
        """Return this sampler with a ranker that is fitted to ``archs: (n, d)``, ``scores: (n,)``.

        Raises:
            LabelError: scores have no order.
        """
        assert self.ranker is not None  # checked when it was made
        return replace(self, ranker=deepcopy(self.ranker).fit(archs, scores))

    def describe(self) -> dict[str, Any]:
        """Return the settings; of the ranker its own, and a hash of its predictions."""
        ranker: Any = self.ranker
        plain: dict[str, Any] = getattr(ranker, "get_params", lambda deep: {})(deep=False)
        settings = {name: json_value(v) for name, v in plain.items() if name != "space"}
        found: dict[str, Any] = {"class": type(ranker).__name__, **settings}
        if self.knows:
            archs = ranker.space.sample(KNOWN, rng=np.random.default_rng(0))
            content = ",".join(f"{score:.6g}" for score in ranker.predict(archs)).encode()
            found["predictions"] = hashlib.sha256(content).hexdigest()[:16]
        return {**super().describe(), "ranker": found}


@dataclass(frozen=True, eq=False)
class AttentiveRanker(RankerSampler):
    """Trains, of k candidates with the same FLOPs, the one that the ranker puts first or last.

    AttentiveNAS (Wang et al., CVPR 2021, Algorithm 1) with predicted accuracies: BestUp-50 (acc)
    and WorstUp-50 (acc). The paper's predictor is a random forest that was fitted to 512 of 1,024
    sub-networks of another training's 30th epoch (:class:`~archrank.rankers.AttentiveNASForest`);
    any ranker may take its place.

    Attributes:
        k: candidates of each architecture.
    """

    k: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice(self, self.front, self.k)

    def _guided(self, networks: Networks, ranker: Ranker, rng: np.random.Generator) -> Archs:
        rows = self.groups(networks, self.k, rng=rng)
        return chosen(rows, ranker.predict(rows), self.k, self.front)
