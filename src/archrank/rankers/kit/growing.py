"""Posteriors of Gaussian processes that rows are added to one by one.

Hyper-parameters stay as they are, so the Cholesky factor of the covariances grows by a row per
architecture, at a cost of ``n^2`` where a new factor costs ``n^3`` (Rasmussen & Williams, 2006,
A.12); labels are free to change, since the factor has no part in them. Candidates that are watched
keep what the factor makes of their covariances, so their posterior costs ``n`` per new row.

Rows are added one at a time, never in blocks: sums in another order have other last digits, and a
run that goes on after a restart must propose what it would have proposed without.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dtrtrs

from archrank.rankers.kit.kernels import JITTER, Kernel
from archrank.types import Floats


class GrowingPosterior:
    """A conditioned kernel that rows can be added to, and candidates that it watches.

    Args:
        kernel: the kernel.
        theta: its hyper-parameters.
        train: the rows that it is conditioned on, as :meth:`Kernel.scaled` gives them, ``n`` each.
        lower: Cholesky factor of their covariances, noise included: ``(n, n)``.
        candidates: features of the candidates to watch: ``(k, f)``.
        room: rows that will be added at most.
    """

    def __init__(
        self,
        kernel: Kernel,
        theta: Floats,
        train: list[Floats],
        lower: Floats,
        candidates: Floats,
        room: int,
    ) -> None:
        self.kernel = kernel
        self.theta = theta
        self.noise = float(np.exp(theta[-1])) + JITTER
        self.n = n = len(lower)
        self._lower = np.zeros((n + room, n + room), order="F")  # columns: no copies for LAPACK
        self._lower[:n, :n] = lower
        self._train = [np.empty((n + room, block.shape[1])) for block in train]
        for whole, block in zip(self._train, train, strict=True):
            whole[:n] = block
        self._candidates = kernel.scaled(theta, candidates)
        self._half = np.empty((n + room, len(candidates)))  # factor^-1 times covariances
        self._half[:n] = self._solved(kernel.between(theta, train, self._candidates))
        self._variance = kernel.variances(theta, self._candidates) - _squares(self._half[:n])
        self._labels: Floats = np.zeros(n)
        self._weights: Floats = np.zeros(n)
        self._alpha: Floats = np.zeros(n)

    @property
    def train(self) -> list[Floats]:
        """The rows that it is conditioned on: ``(n, f_t)`` per term."""
        return [whole[: self.n] for whole in self._train]

    def _solved(self, right: Floats, transposed: bool = False) -> Floats:
        """Solve by the factor, or its transpose: ``(n, k)`` -> ``(n, k)``."""
        solved, info = dtrtrs(self._lower[:, : self.n], right, lower=1, trans=int(transposed))
        if info:  # a zero on the diagonal: the noise forbids it
            raise np.linalg.LinAlgError(f"row {info} of the factor is zero")
        return np.asarray(solved, dtype=np.float64)

    def add(self, x: Floats) -> None:
        """Add one row of features, ``(1, f)``; :meth:`label` follows once all are added."""
        block = self.kernel.scaled(self.theta, x)
        row = self._solved(self.kernel.between(self.theta, self.train, block))[:, 0]
        own = float(self.kernel.variances(self.theta, block)[0]) + self.noise - float(row @ row)
        corner = np.sqrt(max(own, JITTER))
        cross = self.kernel.between(self.theta, block, self._candidates)[0]
        half = (cross - row @ self._half[: self.n]) / corner
        for whole, part in zip(self._train, block, strict=True):
            whole[self.n] = part[0]
        self._lower[self.n, : self.n] = row
        self._lower[self.n, self.n] = corner
        self._half[self.n] = half
        self._variance -= half * half
        self.n += 1

    def label(self, y: Floats) -> None:
        """Condition on labels ``y: (n,)`` of all rows."""
        self._labels = y
        weights = self._solved(y[:, None])
        self._weights = weights[:, 0]
        self._alpha = self._solved(weights, transposed=True)[:, 0]

    def watched(self) -> tuple[Floats, Floats]:
        """Mean and variance of the candidates: ``(k,)`` each."""
        return self._weights @ self._half[: self.n], self._variance

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and variance of other rows of features, ``(b, f)``: ``(b,)`` each."""
        blocks = self.kernel.scaled(self.theta, x)
        cross = self.kernel.between(self.theta, self.train, blocks)
        variance = self.kernel.variances(self.theta, blocks) - _squares(self._solved(cross))
        return self._alpha @ cross, variance

    def fitted(self) -> Floats:
        """Mean of the rows that it is conditioned on: ``(n,)``."""
        return self._labels - self.noise * self._alpha


def _squares(half: Floats) -> Floats:
    """Sums of squares of columns: ``(n, k) -> (k,)``."""
    return np.asarray(np.einsum("ij,ij->j", half, half))
