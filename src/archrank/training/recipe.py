"""Recipes: how a network is optimised."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal, get_args, get_type_hints

from archrank.checks import number, whole
from archrank.errors import SettingsError

BELOW = -1e-300  # the limit below numbers that may be 0
LEAST = {
    "epochs": 1,
    "updates": 1,
    "batch_size": 1,
    "batch_tokens": 1,
    "warmup_updates": 0,
    "plateau_patience": 0,
}
"""Whole numbers, and the smallest that is possible."""

BETWEEN = {
    "lr": (0.0, inf),
    "grad_clip": (0.0, inf),
    "grad_clip_value": (0.0, inf),
    "plateau_factor": (0.0, 1.0),
    "momentum": (BELOW, 1.0),
    "beta2": (BELOW, 1.0),
    "weight_decay": (BELOW, inf),
    "warmup_epochs": (BELOW, inf),
    "label_smoothing": (BELOW, 1.0),
    "final_lr": (BELOW, inf),
}
"""Numbers, and the limits that they lie between."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the optimisation of one network.

    A run remembers the settings that differ from these defaults. New settings may be added with a
    default that changes nothing; the defaults themselves stay.

    Attributes:
        epochs: Passes over the training data, unless there are ``updates``.
        batch_size: Examples per update, at most; of no meaning with ``batch_tokens``.
        optimizer: SGD with momentum, or AdamW, which fairseq calls Adam: its decay, too, is not
            part of the gradient.
        lr: Peak learning rate.
        momentum: Of SGD.
        weight_decay: Decay of all weights.
        decay_norms: Let weight decay act on biases and on scales and shifts of norms, too.
        warmup_epochs: Epochs in which the learning rate rises linearly from 0; with ``updates``, as
            large a part of them as it is of ``epochs``.
        label_smoothing: Share of the target's probability that is spread over all classes.
        grad_clip: Largest L2 norm of the gradient of all weights; ``None``: no limit.
        grad_clip_value: Largest absolute value of each number of a gradient, which is cut off
            there before the norm is limited; ``None``: no limit.
        precision: Number format of forward passes, chosen per operation by autocast.
        nesterov: Look ahead along the momentum of SGD, as Nesterov does.
        schedule: The learning rate falls along a cosine over all updates, or over those after the
            warm-up, to ``final_lr``; or with the inverse root of the number of updates, from the
            end of the warm-up on (Vaswani et al., 2017, eq. 3); or by a factor whenever the mean
            training loss of an epoch has had no new minimum for more than ``plateau_patience``
            epochs; or stays.
        plateau_factor: Of the learning rate at each plateau.
        plateau_patience: Epochs.
        batch_tokens: Tokens per update, at most, padding included: examples times their longest
            sequence. Sequences of like length are batched together. ``None``: ``batch_size``.
        updates: Updates in all, in place of ``epochs``; ``None``: as many as the epochs have.
        warmup_updates: Updates in which the learning rate rises linearly from 0, in place of
            ``warmup_epochs``.
        beta2: Of AdamW, by which its mean of squared gradients forgets.
        final_lr: Learning rate at the end of a cosine; of no meaning with other schedules.

    Raises:
        SettingsError: An optimizer, precision or schedule that does not exist, or a number that is
            out of its range; or two lengths of one thing.
    """

    epochs: int = 12
    batch_size: int = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 0.0
    label_smoothing: float = 0.0
    grad_clip: float | None = None
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    nesterov: bool = True
    schedule: Literal["cosine", "cosine_after_warmup", "inverse_sqrt", "plateau", "constant"] = (
        "cosine"
    )
    plateau_factor: float = 0.5
    plateau_patience: int = 30
    grad_clip_value: float | None = None
    decay_norms: bool = True
    batch_tokens: int | None = None
    updates: int | None = None
    warmup_updates: int = 0
    beta2: float = 0.999
    final_lr: float = 0.0

    def __post_init__(self) -> None:
        hints = get_type_hints(Recipe)
        for name in ("optimizer", "precision", "schedule"):
            known, value = get_args(hints[name]), getattr(self, name)
            if value not in known:
                raise SettingsError(
                    f"recipe: {name} is {value!r}, expected one of {', '.join(known)}"
                )
        for name, least in LEAST.items():
            if name in ("updates", "batch_tokens") and getattr(self, name) is None:
                continue
            whole(getattr(self, name), f"recipe: {name}", at_least=least, error=SettingsError)
        for name, (low, high) in BETWEEN.items():
            if name.startswith("grad_clip") and getattr(self, name) is None:
                continue
            value = number(getattr(self, name), f"recipe: {name}", error=SettingsError)
            if not low < value < high:
                limits = "above 0" if low == 0 else "at least 0"
                limits += "" if high == inf else f" and below {high:g}"
                raise SettingsError(f"recipe: {name} is {value:g}, expected {limits}")
        if self.final_lr > self.lr:
            raise SettingsError(
                f"recipe: final_lr is {self.final_lr:g}, above lr {self.lr:g}, from which the "
                "learning rate falls"
            )
        if self.warmup_epochs and self.warmup_updates:
            raise SettingsError(
                f"recipe: warmup_epochs is {self.warmup_epochs:g} and warmup_updates "
                f"{self.warmup_updates:,}; give one of them"
            )

    def epochs_of(self, batches: int) -> int:
        """Return the number of epochs, the last one perhaps cut short, of so many batches each."""
        return self.epochs if self.updates is None else -(-self.updates // batches)

    def updates_of(self, batches: int) -> int:
        """Return the number of updates in all, where an epoch has so many batches."""
        return self.epochs * batches if self.updates is None else self.updates
