"""Jacobian covariance: a score of how different inputs look to an untrained network."""

from __future__ import annotations

import numpy as np

from archrank.errors import EvaluationError
from archrank.proxies.base import proxy
from archrank.proxies.probe import Probe

K = 1e-5  # published; keeps eigenvalues of zero finite


@proxy
def jacob_cov(probe: Probe) -> float:
    """Score the lack of correlation between the input gradients of a batch's examples.

    Mellor et al., "Neural Architecture Search without Training", first version (arXiv 2006.04647v1,
    section 3): ``-sum_i log(v_i + k) + 1 / (v_i + k)`` over the eigenvalues ``v`` of the
    correlation matrix (b, b) of the examples' gradients. It is largest, about ``-b``, if they are
    uncorrelated. If a batch has at least as many examples as an example has values, some
    eigenvalues are zero for every network, each adding ``-1 / k``; use smaller batches for tiny
    images.

    Raises:
        EvaluationError: Inputs are integers, or the gradient of an example is constant, so that
            its correlations are undefined.
    """
    jacobian = probe.jacobian.double().cpu().numpy()  # (b, inputs)
    seen = np.count_nonzero(jacobian.std(axis=1) > 0)
    if seen < len(jacobian):
        raise EvaluationError(f"the outputs depend on {seen} of {len(jacobian)} examples")
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(jacobian))  # real, unlike those of eig
    return -float((np.log(eigenvalues + K) + 1 / (eigenvalues + K)).sum())
