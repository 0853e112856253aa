"""Scores from the gradient of the loss at the initial weights."""

from __future__ import annotations

from archrank.proxies.base import proxy
from archrank.proxies.probe import Probe


@proxy
def snip(probe: Probe) -> float:
    """Sum ``|w dL/dw|`` over all weights: the estimated change of the loss if each is removed.

    Lee et al., "SNIP: Single-shot Network Pruning based on Connection Sensitivity", ICLR 2019, eq.
    3-5 (a mask's derivative at 1 is ``w dL/dw``); summed, as Abdelfattah et al. (ICLR 2021, section
    3.2) score architectures.

    Raises:
        EvaluationError: There are no weights.
    """
    pairs = zip(probe.weights, probe.weight_gradients, strict=True)
    return sum(float((w.detach() * g).abs().sum()) for w, g in pairs)


@proxy
def grad_norm(probe: Probe) -> float:
    """Sum the Euclidean norm of ``dL/dw`` over layers.

    Abdelfattah et al., "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, section 3.1.

    Raises:
        EvaluationError: There are no weights.
    """
    return sum(float(g.norm()) for g in probe.weight_gradients)
