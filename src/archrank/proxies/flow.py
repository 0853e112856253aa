"""SynFlow: a score of the signal that the weights let through, without any data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm

from archrank.errors import EvaluationError
from archrank.proxies.base import proxy
from archrank.proxies.probe import Probe
from archrank.torch_state import mode


@proxy
def synflow(probe: Probe) -> float:
    """Sum ``|w dR/dw|`` over all weights, where ``R`` is the network's output for ones.

    Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic
    flow", NeurIPS 2020, eq. 1 with ``R`` of section 6; as a score of architectures: Abdelfattah et
    al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, section 3.2. All weights are made
    positive, the input is one example of ones, and batch norms are bypassed, since with
    normalisation the flow would be about the same in every network. Numbers are float64, since the
    flow is multiplied from layer to layer (e^25 to e^65 in NAS-Bench-201); published tables hold
    its logarithm.

    Only the shape of the probe's inputs is used. A network with an output that depends on no weight
    scores 0.

    Raises:
        EvaluationError: Inputs are integers, or there are no weights.
    """
    for x in probe.inputs:
        if not x.is_floating_point():
            raise EvaluationError(f"synflow has no input of ones of {x.dtype}")
    weights = set(map(id, probe.weights))
    state: dict[str, Tensor] = {}
    positive: list[Tensor] = []
    for name, p in probe.network.named_parameters():
        # abs() copies: the network's own weights must not change
        state[name] = p.detach().to(torch.float64).abs()
        if id(p) in weights:
            positive.append(state[name].requires_grad_())
    for name, b in probe.network.named_buffers():
        state[name] = b.to(torch.float64) if b.is_floating_point() else b.clone()
    ones = tuple(torch.ones_like(x[:1], dtype=torch.float64) for x in probe.inputs)  # (1, ...)
    with mode(probe.network, training=False), _bypass(probe.network), torch.enable_grad():
        flow = functional_call(probe.network, state, ones).sum()  # R
        if not flow.requires_grad:
            return 0.0
        gradients = torch.autograd.grad(flow, positive, allow_unused=True)
    used = [(w.detach(), g) for w, g in zip(positive, gradients, strict=True) if g is not None]
    return sum(float((w * g).abs().sum()) for w, g in used)


@contextmanager
def _bypass(network: nn.Module) -> Iterator[None]:
    """Make batch norms return their input inside the block."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    hooks = [norm.register_forward_hook(_input) for norm in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _input(_: nn.Module, args: tuple[Tensor, ...], __: Tensor) -> Tensor:
    return args[0]
