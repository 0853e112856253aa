"""Jacobian covariance: whether an untrained network sees its inputs as different."""

from __future__ import annotations

import numpy as np

from archrank.errors import EvaluationError
from archrank.proxies.base import proxy
from archrank.proxies.probe import Probe

K = 1e-5  # published; keeps eigenvalues of zero finite


@proxy
def jacob_cov(probe: Probe) -> float:
    """How little the input gradients of a batch's examples are correlated.

    Mellor et al., "Neural Architecture Search without Training", first version (arXiv 2006.04647v1,
    section 3): ``-sum_i log(v_i + k) + 1 / (v_i + k)`` over the eigenvalues ``v`` of the
    correlation matrix (b, b) of the examples' gradients; largest, about ``-b``, where they are
    uncorrelated. Of a batch with as many examples as input values, or more, some eigenvalues are
    zero for every network, each worth ``-1 / k``; take smaller batches for tiny images.

    Raises:
        EvaluationError: Inputs are integers, or the outputs do not depend on some example: its
            gradient is the same everywhere, and has no correlations.
    """
    jacobian = probe.jacobian.double().cpu().numpy()  # (b, inputs)
    seen = np.count_nonzero(jacobian.std(axis=1) > 0)
    if seen < len(jacobian):
        raise EvaluationError(f"the outputs depend on {seen} of {len(jacobian)} examples")
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(jacobian))  # real, unlike those of eig
    return -float((np.log(eigenvalues + K) + 1 / (eigenvalues + K)).sum())
