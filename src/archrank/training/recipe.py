"""Recipes: how a network is optimised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """Settings of the optimisation of one network.

    A run remembers the settings that differ from these defaults. New settings may be added with a
    default that changes nothing; the defaults themselves stay.

    Attributes:
        epochs: Passes over the training data.
        batch_size: Examples per update, at most.
        optimizer: SGD with Nesterov momentum, or AdamW.
        lr: Peak learning rate; it falls to 0 along a cosine over all updates.
        momentum: Of SGD.
        weight_decay: Decay of all weights.
        warmup_epochs: Epochs in which the learning rate rises linearly from 0.
        label_smoothing: Share of the target's probability that is spread over all classes.
        grad_clip: Largest L2 norm of the gradient of all weights; ``None``: no limit.
        precision: Number format of forward passes, chosen per operation by autocast.
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
