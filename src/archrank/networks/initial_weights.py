"""Initial weights that several families of networks have."""

from __future__ import annotations

from torch import nn


def he_by_fan_out(network: nn.Module) -> None:
    """Draw the weights of convolutions anew by the fan-out form of He et al.; biases are 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
