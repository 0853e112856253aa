"""One momentum per group of architectures, so that groups do not push each other's weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.training.step import Step
from archrank.types import Ints


class Momenta:
    """Momentum buffers of SGD, a set for each group of architectures.

    An update of one group moves the weights by that group's momentum alone. Where architectures
    of several groups make one update together and share a weight, it moves by the sum of their
    momenta, and its gradient is divided among their buffers by the number of architectures: exact
    for weights that one group uses, an attribution for the others.

    Args:
        step: whose optimiser is given the buffers.
        weights: those of the optimiser.
        groups: number of groups.

    Raises:
        SettingsError: the recipe has no momentum, or one that cannot be separated.
    """

    def __init__(self, step: Step, weights: Sequence[nn.Parameter], groups: int) -> None:
        recipe = step.recipe
        if recipe.optimizer != "sgd" or not recipe.momentum:
            raise SettingsError(
                "momentum_decision separates the momentum of SGD, but the recipe has "
                f"optimizer={recipe.optimizer!r}, momentum={recipe.momentum:g}: give it a momentum "
                "or leave momentum_decision out"
            )
        if recipe.precision == "float16":  # whose updates may be left out
            raise SettingsError("momentum_decision needs precision float32 or bfloat16")
        self._step, self._weights, self._decay = step, weights, recipe.momentum
        self._buffers = [[torch.zeros_like(w) for w in weights] for _ in range(groups)]
        self._shared: dict[int, Tensor] = {}

    def lend_one(self, group: int) -> None:
        """Give the optimiser the momenta of a group that makes the next update alone."""
        state = self._step.optimizer.state
        for weight, buffer in zip(self._weights, self._buffers[group], strict=True):
            if weight.grad is not None:
                state[weight]["momentum_buffer"] = buffer

    @torch.no_grad()
    def lend(self, uses: Ints) -> None:
        """Give the optimiser the momenta of the next update.

        Args:
            uses: architectures of each group that use each weight, ``(groups, weights)``.
        """
        state = self._step.optimizer.state
        for i in np.flatnonzero(uses.any(axis=0)).tolist():
            first, *others = (self._buffers[g][i] for g in np.flatnonzero(uses[:, i]).tolist())
            buffer = first
            if others:  # a copy in the memory layout of the weight
                buffer = first.clone()
                for other in others:
                    buffer += other
                self._shared[i] = buffer.clone()
            state[self._weights[i]]["momentum_buffer"] = buffer

    @torch.no_grad()
    def take_back(self, uses: Ints) -> None:
        """Divide what an update has added to shared momenta among the groups."""
        state = self._step.optimizer.state
        added = {
            i: state[self._weights[i]]["momentum_buffer"] - self._decay * before
            for i, before in self._shared.items()
        }
        counts = uses.sum(axis=0)
        for g, buffers in enumerate(self._buffers):
            for i, gradient in added.items():
                if uses[g, i]:
                    share = float(uses[g, i] / counts[i])
                    buffers[i].mul_(self._decay).add_(gradient, alpha=share)
        self._shared = {}

    def state_dict(self) -> dict[str, Any]:
        """Return all buffers."""
        return {"buffers": [list(group) for group in self._buffers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the buffers of a checkpoint, in the memory layout of the weights."""
        for own, stored in zip(self._buffers, state["buffers"], strict=True):
            for buffer, value in zip(own, stored, strict=True):
                buffer.copy_(value)
