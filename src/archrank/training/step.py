"""The update of weights that every training shares: gradients in, new weights out.

One object holds the optimiser, the learning-rate schedule, clipping and mixed precision, so that
training from scratch, groups of networks, supernets and distillation differ only in their losses.

    >>> network = torch.nn.Linear(3, 1)
    >>> step = Step(network.parameters(), Recipe(lr=0.1), updates=10)
    >>> for x in torch.ones(10, 2, 3):
    ...     step(network(x).square().mean())
    >>> step.done
    10
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from archrank.errors import SettingsError
from archrank.training.recipe import Recipe
from archrank.training.schedule import Decay, warmup


class Step:
    """Optimiser, learning-rate schedule, clipping and mixed precision of one training.

    ``step(loss)`` is one update. Where several losses make one update (a supernet's sampled paths,
    the sandwich rule, accumulation over small batches), call :meth:`backward` for each and
    :meth:`update` once. Weights without a gradient, such as those of paths that were not taken,
    stay as they are. Between updates gradients are ``None``. Under ``DistributedDataParallel``
    gradients are averaged inside :meth:`backward`, so every process makes the same update.

    Args:
        parameters: Weights to train, or parameter groups of the optimiser with settings of their
            own, such as ``{"params": norms, "weight_decay": 0.0}``. Weights that need no gradient
            are left out.
        recipe: Optimiser, learning rate, clipping and precision.
        updates: Updates in all, the length of the schedule; ``recipe.epochs`` share them evenly.
        clip: Called before every update to change gradients in place; ``None`` limits their norm
            to ``recipe.grad_clip``. Single numbers are limited before, by
            ``recipe.grad_clip_value``.

    Attributes:
        done: Updates made.

    Raises:
        SettingsError: No weights to train.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        recipe: Recipe,
        updates: int,
        *,
        clip: Callable[[], object] | None = None,
    ) -> None:
        groups = _groups(parameters)
        if not recipe.decay_norms:
            groups = [part for group in groups for part in _without_decay(group)]
        self.recipe, self.updates, self.done = recipe, updates, 0
        weights = [p for group in groups for p in group["params"]]
        if not weights:
            raise SettingsError("there is nothing to train: no parameter needs a gradient")
        self.optimizer = make_optimizer(groups, recipe)
        _start_momenta(self.optimizer)
        self._schedule = Decay(recipe, updates)
        self._peaks = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._clip = clip if clip is not None else self._limit_norm
        self._device = weights[0].device.type
        scaled = recipe.precision == "float16"  # whose small gradients would become 0
        self._scaler = torch.amp.GradScaler(self._device) if scaled else None

    def __call__(self, loss: Tensor) -> None:
        """Make one update from one loss, a scalar."""
        self.backward(loss)
        self.update()

    def forward_context(self) -> AbstractContextManager[Any]:
        """Return the context in which networks run and losses are taken: the precision."""
        if self.recipe.precision == "float32":
            return nullcontext()
        dtype = getattr(torch, self.recipe.precision)
        return torch.autocast(self._device, dtype=dtype)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a scalar ``loss`` to those of this update."""
        scaled = loss if self._scaler is None else self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    @property
    def decay(self) -> float:
        """Factor by which the schedule lowers the rate of the next update, from 1 down to 0."""
        return self._schedule.after(self.done)

    def update(self, decay: float | None = None) -> None:
        """Clip the gradients, update the weights at the scheduled rate, drop the gradients.

        In float16, an update whose gradients overflow is left out, and counts.

        Args:
            decay: Factor of the rate in place of :attr:`decay`; a warm-up still multiplies it.

        Raises:
            SettingsError: The schedule has ended.
        """
        if self.done >= self.updates:
            raise SettingsError(f"the schedule ends after {self.updates:,} updates; give it more")
        ramp = warmup(self.recipe, self.done, self.updates)
        decay = self.decay if decay is None else decay
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = ramp * peak * decay
        with self._used_weights():
            self._apply()
        self.done += 1

    def _apply(self) -> None:
        if self._scaler is not None:
            self._scaler.unscale_(self.optimizer)
        if self.recipe.grad_clip_value is not None:
            nn.utils.clip_grad_value_(self._used, self.recipe.grad_clip_value)
        self._clip()
        if self._scaler is None:
            self.optimizer.step()
        else:
            self._scaler.step(self.optimizer)
            self._scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    @contextmanager
    def _used_weights(self) -> Iterator[None]:
        """Hide weights without a gradient inside the block.

        A supernet has thousands, and clipping, optimiser and dropping gradients look at each.
        """
        groups = self.optimizer.param_groups
        weights = [group["params"] for group in groups]
        for group in groups:
            group["params"] = [w for w in group["params"] if w.grad is not None]
        try:
            yield
        finally:
            for group, params in zip(groups, weights, strict=True):
                group["params"] = params

    def end_epoch(self, loss: float) -> None:
        """Tell the schedule the mean training loss of an epoch; plateaus lower the rate."""
        self._schedule.end_epoch(loss)

    @property
    def _used(self) -> list[nn.Parameter]:
        """The weights of the update that is being made."""
        return [w for group in self.optimizer.param_groups for w in group["params"]]

    def _limit_norm(self) -> None:
        if self.recipe.grad_clip is not None:
            nn.utils.clip_grad_norm_(self._used, self.recipe.grad_clip)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next updates depend on, beside the weights: tensors and numbers."""
        return {
            "done": self.done,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "scaler": {} if self._scaler is None else self._scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the step that returned ``state`` was; its updates follow bit for bit."""
        self.done = int(state["done"])
        self._schedule.load_state_dict(state["schedule"])
        self.optimizer.load_state_dict(state["optimizer"])
        for weight, buffers in self.optimizer.state.items():
            for name, buffer in buffers.items():
                if isinstance(buffer, Tensor) and buffer.shape == weight.shape:
                    # Fused updates take both in the order in which they lie in memory, which a
                    # file does not keep.
                    buffers[name] = torch.empty_like(weight, dtype=buffer.dtype).copy_(buffer)
        if self._scaler is not None:
            self._scaler.load_state_dict(state["scaler"])


def make_optimizer(
    parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]], recipe: Recipe
) -> torch.optim.Optimizer:
    """Return the recipe's optimiser, whose update is one fused call for all parameters.

    Not in float16: where the first update is left out because it overflows, torch's fused SGD goes
    on with a momentum that was never written.
    """
    fused = recipe.precision != "float16"
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(
            parameters,
            recipe.lr,
            betas=(0.9, recipe.beta2),
            weight_decay=recipe.weight_decay,
            fused=fused,
        )
    return torch.optim.SGD(
        parameters,
        recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=fused,
    )


def _start_momenta(optimizer: torch.optim.Optimizer) -> None:
    """Let SGD begin with momenta of 0: its fused update fails where only some weights have one."""
    for group in optimizer.param_groups:
        if group.get("momentum"):
            for weight in group["params"]:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)


def _groups(
    parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
) -> list[dict[str, Any]]:
    """Return parameter groups of the weights that need a gradient, without empty groups."""
    given: list[Any] = list(parameters)
    groups = given if given and isinstance(given[0], dict) else [{"params": given}]
    kept = [{**g, "params": [p for p in g["params"] if p.requires_grad]} for g in groups]
    return [group for group in kept if group["params"]]


def _without_decay(group: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a parameter group as two, of which biases, scales and shifts do not decay."""
    vectors = [p for p in group["params"] if p.dim() < 2]
    matrices = [p for p in group["params"] if p.dim() > 1]
    parts = [{**group, "params": matrices}, {"weight_decay": 0.0, **group, "params": vectors}]
    return [part for part in parts if part["params"]]
