"""Zero-cost proxies: scores of untrained networks on one batch that hint at trained accuracy.

Each is a function of ``(network, inputs, targets, loss)`` that returns a number, higher is better,
and does not change the network. :func:`measure` computes several from one shared pass;
:func:`scores` computes them for many architectures of a space, as weak labels for rankers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.registry import Registry

if TYPE_CHECKING:
    from archrank.proxies.base import Measured, Proxy, measure, proxy
    from archrank.proxies.codes import naswot
    from archrank.proxies.flow import synflow
    from archrank.proxies.jacobian import jacob_cov
    from archrank.proxies.probe import Probe
    from archrank.proxies.saliency import grad_norm, snip
    from archrank.proxies.scoring import draw_batch, score, scores

PROXIES = Registry(
    "proxy",
    {
        "grad_norm": "archrank.proxies.saliency:grad_norm",
        "jacob_cov": "archrank.proxies.jacobian:jacob_cov",
        "naswot": "archrank.proxies.codes:naswot",
        "snip": "archrank.proxies.saliency:snip",
        "synflow": "archrank.proxies.flow:synflow",
    },
    plural="proxies",
)

DEFAULT = ("synflow", "jacob_cov", "naswot", "snip", "grad_norm")

_HOMES = {
    "Measured": "base",
    "Probe": "probe",
    "Proxy": "base",
    "draw_batch": "scoring",
    "grad_norm": "saliency",
    "jacob_cov": "jacobian",
    "measure": "base",
    "naswot": "codes",
    "proxy": "base",
    "score": "scoring",
    "scores": "scoring",
    "snip": "saliency",
    "synflow": "flow",
}

__all__ = [
    "DEFAULT",
    "PROXIES",
    "Measured",
    "Probe",
    "Proxy",
    "draw_batch",
    "grad_norm",
    "jacob_cov",
    "measure",
    "naswot",
    "proxy",
    "score",
    "scores",
    "snip",
    "synflow",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
