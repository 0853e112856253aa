"""Probe: one pass of a batch through an untrained network, and the values that proxies need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.func import functional_call

from archrank.errors import EvaluationError
from archrank.networks.inputs import Inputs, only_logits
from archrank.torch_state import mode

Loss = Callable[[Tensor, Tensor], Tensor]
"""``loss(outputs, targets)``, a scalar."""

RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.Hardswish)
"""Activations that are on for positive inputs and (nearly) off for negative ones."""


class Probe:
    """Untrained network and a batch; passes are computed when they are first needed, and once.

    The forward pass is in training mode: batch norms normalise by the batch, as published, because
    the running statistics of an untrained network have no meaning. The network is not changed: no
    gradients are stored, and batch norms update copies of their running statistics. Dropout draws
    from torch's global generator.

    Args:
        network: Untrained network.
        inputs: ``(b, ...)``, or a tuple of such tensors, the network's arguments.
        targets: ``(b, ...)``.
        loss: ``loss(outputs, targets)``, a scalar.
    """

    def __init__(self, network: nn.Module, inputs: Inputs, targets: Tensor, loss: Loss) -> None:
        self.network = network
        self.inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        self.targets = targets
        self.loss = loss

    @cached_property
    def weights(self) -> list[Tensor]:
        """Weights of convolutions and linear layers, without biases and norms.

        Raises:
            EvaluationError: The network has none.
        """
        parameters = self.network.parameters()
        found: list[Tensor] = [p for p in parameters if p.dim() > 1 and p.requires_grad]
        if not found:
            raise EvaluationError("the network has no trainable weights")
        return found

    @cached_property
    def weight_gradients(self) -> list[Tensor]:
        """Gradient of the loss with respect to each of :attr:`weights`; zero for unused ones."""
        with torch.enable_grad():
            loss = self.loss(self._pass[0], self.targets)
        return _gradients(loss, self.weights)

    @cached_property
    def jacobian(self) -> Tensor:
        """Gradient of the sum of all outputs with respect to the inputs: (b, inputs).

        Raises:
            EvaluationError: The inputs are integers (tokens).
        """
        for x in self.inputs:
            if not x.is_floating_point():
                raise EvaluationError(f"there is no derivative by inputs of {x.dtype}")
        outputs, _, inputs = self._pass
        with torch.enable_grad():
            total = outputs.sum()
        return torch.cat([g.flatten(1) for g in _gradients(total, inputs)], dim=1)

    @property
    def codes(self) -> Tensor:
        """Binary activation codes: (b, units), 1 where a rectifier's input is positive.

        Raises:
            EvaluationError: No module of the network is one of :data:`RECTIFIERS`.
        """
        _, signs, _ = self._pass
        if not signs:
            known = ", ".join(kind.__name__ for kind in RECTIFIERS)
            raise EvaluationError(f"the network applies no rectifier module ({known})")
        return torch.cat(signs, dim=1).to(torch.float32)

    @cached_property
    def _pass(self) -> tuple[Tensor, list[Tensor], tuple[Tensor, ...]]:
        """Run the forward pass: outputs, signs of rectifier inputs (b, units), inputs."""
        inputs = tuple(
            x.detach().clone().requires_grad_(x.is_floating_point()) for x in self.inputs
        )
        signs: list[Tensor] = []

        def record(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            signs.append((args[0].detach() > 0).flatten(1))

        rectifiers = [m for m in self.network.modules() if isinstance(m, RECTIFIERS)]
        hooks = [m.register_forward_pre_hook(record) for m in rectifiers]
        buffers = {name: b.clone() for name, b in self.network.named_buffers()}
        try:
            with mode(self.network, training=True), torch.enable_grad():
                outputs: Tensor = only_logits(functional_call(self.network, buffers, inputs))
        finally:
            for hook in hooks:
                hook.remove()
        return outputs, signs, inputs


def _gradients(scalar: Tensor, of: Sequence[Tensor]) -> list[Tensor]:
    """Compute the derivatives of ``scalar``; zero for tensors that it does not depend on."""
    if not scalar.requires_grad:  # the output depends on no parameter
        return [torch.zeros_like(t) for t in of]
    found = torch.autograd.grad(scalar, of, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(of, found, strict=True)]
