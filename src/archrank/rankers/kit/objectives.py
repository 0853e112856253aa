"""Base class of neural rankers that can be told which loss to train with."""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor

from archrank.criteria import relevance
from archrank.losses import (
    LOSSES,
    Loss,
    Piecewise,
    Progress,
    approx_ndcg,
    hinge,
    lambdarank,
    loss_at,
    warp,
)
from archrank.rankers.kit.neural import BatchLoss, NeuralRanker
from archrank.types import Floats

Objective: TypeAlias = str | Loss

PAIRS_PER_LABEL = 4  # largest number of pairs per label of a batch that hinge compares, published
OF_RELEVANCES = (approx_ndcg, lambdarank)


class ObjectiveRanker(NeuralRanker):
    """Base class of neural rankers with an ``objective``: a loss by its name, or a function.

    Names are those of :data:`archrank.losses.LOSSES`; a function is called with scores and targets
    ``(b,)`` of a batch. Targets are standardised labels, or relevances for the losses that need
    them. ``hinge`` compares at most 4 pairs per label of a batch, drawn from the pairs with
    different labels; it and ``warp`` have the ranker's ``margin``. A
    :class:`~archrank.losses.Piecewise` loss is told the epoch and the number of labels.
    """

    objective: Objective
    margin: float = 0.1

    def _chosen(self) -> Loss:
        """Return the loss that ``objective`` names or is."""
        if callable(self.objective):
            return self.objective
        chosen: Loss = LOSSES.get(self.objective)
        return chosen

    def _targets(self, scores: Floats) -> Floats:
        chosen = self._chosen()
        if (chosen.func if isinstance(chosen, partial) else chosen) in OF_RELEVANCES:
            return relevance(scores)
        return super()._targets(scores)

    def _loss(self, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        return self._computed(self._chosen(), outputs, targets, generator)

    def _loss_at(self, progress: Progress) -> BatchLoss:
        chosen = self._chosen()
        if not isinstance(chosen, Piecewise):
            return super()._loss_at(progress)
        return partial(self._computed, loss_at(chosen, progress))

    def _computed(
        self, loss: Loss, outputs: Tensor, targets: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Compute ``loss`` of a batch, with the settings of the ranker where it has none."""
        if loss is hinge:
            most = PAIRS_PER_LABEL * len(targets)
            return hinge(outputs, targets, margin=self.margin, max_pairs=most, generator=generator)
        if loss is warp:
            return warp(outputs, targets, margin=self.margin, generator=generator)
        return loss(outputs, targets)
