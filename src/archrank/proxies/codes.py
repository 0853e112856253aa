"""NASWOT: a score of the differences between activation patterns of an untrained network."""

from __future__ import annotations

import numpy as np

from archrank.proxies.base import proxy
from archrank.proxies.probe import Probe

SMALLEST = 1e-5


@proxy
def naswot(probe: Probe) -> float:
    """Compute the logarithm of the determinant of the kernel of binary activation codes.

    Mellor et al., "Neural Architecture Search without Training", ICML 2021, section 3, eq. 1-2:
    ``K_ij = N - d_H(c_i, c_j)``, the units that agree on examples i and j of the batch; the score
    is ``log |det K|``.

    Differences from the paper: eigenvalues below 1e-5 count as 1e-5, because two examples with the
    same code make the determinant 0; such a network scores low instead of minus infinity. Smooth
    rectifiers (GELU, SiLU, ...) have codes too.

    Raises:
        EvaluationError: The network applies no rectifier module.
    """
    on = probe.codes  # (b, units)
    off = 1 - on
    kernel = (on @ on.T + off @ off.T).double().cpu().numpy()  # (b, b), whole numbers
    return float(np.log(np.maximum(np.linalg.eigvalsh(kernel), SMALLEST)).sum())
