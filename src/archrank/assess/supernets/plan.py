"""Work of a study: which supernets are trained, and which architectures they score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from archrank.assess.supernets.problem import StudyProblem
from archrank.assess.supernets.settings import StudySettings
from archrank.errors import SpaceError
from archrank.spaces.images import Scale, rescaled
from archrank.supernets.samplers import DeIsomorphic, FairNAS, Sampler, Subset, Uniform
from archrank.supernets.updates import MeanPerWeight, UpdateRule
from archrank.types import Ints

if TYPE_CHECKING:
    from archrank.spaces.base import Space

Whom = Literal["classes", "members"]
Statistics = Literal["batch", "recalibrated"]
Examples = Literal["some", "all"]
MAIN, UNIFORM = "de_isomorphic", "uniform"
MEAN = "mean_of_weights"  # the supernet whose weights are means over seeds, which nobody trained
CURES = {
    "cure-decay": "slower decay for large architectures",
    "cure-momentum": "a momentum per operation on one edge",
}
SLOWER = (1.5, 0.5)  # exponents of the decay, of the smallest and of the largest architectures
DRAWS = 200  # updates by which the architectures per update are counted


@dataclass(frozen=True, eq=False)
class Training:
    """One training of one supernet.

    Attributes:
        kind: What sets it apart, the same for all seeds.
        seed: Of initial weights, draws and batches.
        sampler: Of the architectures of an update.
        epochs: Passes over the training data.
        scale: Of its networks; ``None``: as the table's.
        rule: Of updates; ``None``: the plain one.
        subset: Numbers of the classes that it is trained on; ``None``: all.
    """

    kind: str
    seed: int
    sampler: Sampler
    epochs: int
    scale: Scale | None = None
    rule: UpdateRule | None = None
    subset: Ints | None = None

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.kind}-seed{self.seed}"


@dataclass(frozen=True)
class Scoring:
    """Scores of one checkpoint.

    Attributes:
        training: Name of the training.
        epoch: Of the checkpoint.
        whom: One architecture of each isomorphism class, or all members.
        statistics: Of batch norms.
        examples: All that are held out, or as many as the settings say.
        readout: Give every architecture a classifier of its own, in closed form.
    """

    training: str
    epoch: int
    whom: Whom = "classes"
    statistics: Statistics = "batch"
    examples: Examples = "some"
    readout: bool = False

    @property
    def name(self) -> str:
        """Name of its table of scores."""
        recalibrated = "" if self.statistics == "batch" else f"-{self.statistics}"
        every = "" if self.examples == "some" else "-all-examples"
        own = "-readout" if self.readout else ""
        return f"{self.training}-epoch{self.epoch}-{self.whom}{recalibrated}{every}{own}"


@dataclass(frozen=True, eq=False)
class Plan:
    """All trainings that a study may need, and how they are made."""

    settings: StudySettings
    problem: StudyProblem

    @property
    def seeds(self) -> range:
        """Seeds of the supernets of each kind."""
        return range(self.settings.seeds)

    @cached_property
    def trainings(self) -> dict[str, Training]:
        """Every training by its name; parts choose among them."""
        found = [t for seed in self.seeds for t in self._of_seed(seed)]
        return {training.name: training for training in found}

    def final(self, kind: str, whom: Whom = "classes") -> list[Scoring]:
        """Return the last checkpoint of the supernets of a kind, one per seed."""
        found = [t for t in self.trainings.values() if t.kind == kind]
        return [Scoring(t.name, t.epochs, whom) for t in found]

    def at(self, kind: str, epoch: int, whom: Whom = "classes") -> list[Scoring]:
        """Return a checkpoint of the supernets of a kind, one per seed."""
        return [Scoring(f"{kind}-seed{seed}", epoch, whom) for seed in self.seeds]

    def kinds(self, prefix: str) -> list[str]:
        """List the kinds of trainings whose names begin with ``prefix``, in their order."""
        kinds = dict.fromkeys(t.kind for t in self.trainings.values())
        return [kind for kind in kinds if kind.startswith(prefix)]

    # ---- trainings -----------------------------------------------------------------------------

    def _of_seed(self, seed: int) -> Iterator[Training]:
        epochs = self.settings.epochs
        yield Training(MAIN, seed, DeIsomorphic(), epochs)
        yield Training(UNIFORM, seed, Uniform(), epochs)
        for name, sampler in self.several.items():
            yield Training(f"{name}-epochs", seed, sampler, epochs)
            equal = max(1, round(epochs / self.per_update[name]))
            yield Training(f"{name}-compute", seed, sampler, equal)
        for name, scale in self.scales.items():
            yield Training(name, seed, DeIsomorphic(), epochs, scale)
        for name, rule in self.cures.items():
            yield Training(name, seed, DeIsomorphic(), epochs, rule=rule)
        for name, rows in self.subsets(seed).items():
            sampler = Subset(self.problem.archs[rows])
            yield Training(f"subset-{name}", seed, sampler, epochs, subset=rows)

    @cached_property
    def several(self) -> dict[str, Sampler]:
        """Samplers of several architectures per update, by the prefix of their trainings."""
        found: dict[str, Sampler] = {f"samples{m}": Uniform(m) for m in self.settings.samples}
        return {**found, "fairnas": FairNAS()}

    @cached_property
    def per_update(self) -> Mapping[str, float]:
        """Mean number of architectures that these samplers draw for an update.

        FairNAS leaves out rows that a space does not allow, so it is counted and not assumed.
        """
        networks = self.problem.networks
        return {
            name: float(
                np.mean(
                    [
                        len(sampler.sample(networks, rng=np.random.default_rng([0, update])))
                        for update in range(DRAWS)
                    ]
                )
            )
            for name, sampler in self.several.items()
        }

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """Scales of proxies: half and a quarter of the channels, half of the cells.

        Where networks have one cell per stage, or hardly any channels, only what remains; and
        twice of both beside, since a gap can be measured in that direction as well.
        """
        scale = getattr(self.problem.networks.sizes, "scale", None)
        if not isinstance(scale, Scale):
            return {}
        found = {
            f"channels{c}": Scale(c, scale.cells, scale.reduction)
            for c in (scale.channels // 2, scale.channels // 4, 2 * scale.channels)
        }
        for cells in (scale.cells // 2, 2 * scale.cells):
            found[f"cells{cells}"] = Scale(scale.channels, cells, scale.reduction)
        return {name: each for name, each in found.items() if self._can_be(each)}

    def _can_be(self, scale: Scale) -> bool:
        """Tell whether all architectures have networks of a scale."""
        try:
            rescaled(self.problem.space, scale)
        except SpaceError:
            return False
        return True

    @cached_property
    def cures(self) -> dict[str, UpdateRule]:
        """Update rules with a cure each, by the name of their trainings.

        Architectures of one size alone have no slower decay.
        """
        momentum: dict[str, UpdateRule] = {"cure-momentum": MeanPerWeight(momentum_decision=0)}
        if np.ptp(self.problem.params) == 0:
            return momentum
        return {"cure-decay": MeanPerWeight(decay_exponents=SLOWER), **momentum}

    def subsets(self, seed: int) -> dict[str, Ints]:
        """Return the classes that a supernet is trained on alone, by the subset's name.

        ``random`` are a few at random, as in the paper. ``best`` are the best tenth as a predictor
        ranks them that learnt the truth of the random ones: the part that a search would keep.
        ``costliest`` are the quarter with the most MACs, see
        :class:`~archrank.supernets.samplers.Costliest`.
        """
        from archrank.rankers import RANKERS

        n = len(self.problem)
        size = min(self.settings.subset, n // 2)
        random = np.sort(np.random.default_rng([seed, 1]).permutation(n)[:size])
        ranker = RANKERS.get("random_forest")(self.problem.space, seed=seed)
        ranker.fit(self.problem.archs[random], self.problem.truth[random])
        order = np.argsort(-ranker.predict(self.problem.archs), kind="stable")
        costly = np.argsort(-self.problem.macs, kind="stable")
        return {
            "random": random,
            "best": np.sort(order[: max(2, n // 10)]),
            "costliest": np.sort(costly[: max(2, n // 4)]),
        }

    def space(self, training: Training) -> Space:
        """Return the space whose networks a training shares the weights of."""
        space = self.problem.space
        return space if training.scale is None else rescaled(space, training.scale)


def merged(scorings: Iterable[Scoring]) -> list[Scoring]:
    """Return each scoring once, those of classes left out whose members are scored."""
    found = dict.fromkeys(scorings)
    return [s for s in found if s.whom == "members" or replace(s, whom="members") not in found]
