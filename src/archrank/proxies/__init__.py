"""Zero-cost proxies: scores of untrained networks on one batch that hint at trained accuracy.

Each is a function of ``(network, inputs, targets, loss)`` that returns a number, higher is better,
and does not change the network. :func:`measure` computes several from one shared pass;
:func:`scores` computes them for many architectures of a space, as weak labels for rankers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archrank.lazy import lazy
from archrank.proxies.names import DEFAULT as DEFAULT
from archrank.proxies.names import PROXIES as PROXIES

if TYPE_CHECKING:
    from archrank.proxies.base import Measured as Measured
    from archrank.proxies.base import Proxy as Proxy
    from archrank.proxies.base import measure as measure
    from archrank.proxies.base import proxy as proxy
    from archrank.proxies.codes import naswot as naswot
    from archrank.proxies.flow import synflow as synflow
    from archrank.proxies.jacobian import jacob_cov as jacob_cov
    from archrank.proxies.probe import Probe as Probe
    from archrank.proxies.saliency import grad_norm as grad_norm
    from archrank.proxies.saliency import snip as snip
    from archrank.proxies.scoring import draw_batch as draw_batch
    from archrank.proxies.scoring import score as score
    from archrank.proxies.scoring import scores as scores

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

__all__, __getattr__, __dir__ = lazy(__name__, _HOMES, "DEFAULT", "PROXIES")
