"""Kernels that are sums of terms, and the likelihood of labels under them.

A term compares some columns of the features: Matern 5/2 of their distance, or the product of a
linear model. Terms may weigh columns by the relevance of the decision they belong to, which all
terms of a kernel share. All hyper-parameters are logarithms with normal priors: of every term its
amplitude, and its length where it has one; the relevances; the noise.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, equations 4.17 (Matern 5/2),
5.8-5.9 (marginal likelihood and gradient). Laplace's approximation of the evidence: MacKay, "The
evidence framework applied to classification networks", Neural Computation 1992; here with the
Fisher information in place of the Hessian, which is never indefinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import minimize

from archrank.types import Floats, Ints

JITTER = 1e-6
IN_CACHE = 16384  # numbers of a matrix that are worked on at a time
BOUND = 6.0  # of the log hyper-parameters around their prior means
TOLERANCE = 1e-5  # of the fit: relative change of the objective
# Normal priors on the logarithms of the hyper-parameters: (mean, sd).
AMPLITUDE_SD = {False: 0.5, True: 1.0}  # if linear; means add up to an amplitude of 1
LENGTH = (1.0, 1.0)
RELEVANCE = (0.0, 1.0)
LEARNT_SD = 0.5  # of priors that are centred on what was learnt elsewhere, against the others
NOISE = (-2.0, 1.0)  # variance, against unit variance of the labels


@dataclass(frozen=True)
class Term:
    """One summand of a kernel.

    Attributes:
        columns: of the features, which it compares: ``(f,)``.
        linear: one plus the product of columns, a linear model with an offset, instead of Matern
            5/2 of their distance.
        decisions: the relevance that weighs each column: ``(f,)``; ``None``: all weigh the same.
        amplitude: prior of the logarithm of its amplitude, against an equal share: (mean, sd);
            ``None``: mean 0 and :data:`AMPLITUDE_SD`.
    """

    columns: Ints
    linear: bool = False
    decisions: Ints | None = None
    amplitude: tuple[float, float] | None = None


class Kernel:
    """A sum of terms, and its hyper-parameters.

    Args:
        terms: at least one.
        noise: prior of the logarithm of the noise variance: (mean, sd).
        learnt: hyper-parameters that explained other labels, of a kernel that consists of the first
            terms of this one, none of them linear. The priors of these terms are centred on them,
            and narrower; of amplitudes, only the ratios count, and the noise keeps its prior.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        noise: tuple[float, float] = NOISE,
        learnt: Floats | None = None,
    ) -> None:
        self.terms = tuple(terms)
        used = [t.decisions.max() + 1 for t in self.terms if t.decisions is not None]
        self.relevances = int(max(used, default=0))
        g, smooth = len(self.terms), sum(not t.linear for t in self.terms)
        given = [t.amplitude or (0.0, AMPLITUDE_SD[t.linear]) for t in self.terms]
        priors = [(mean - np.log(g), sd) for mean, sd in given] + [LENGTH] * smooth
        priors += [RELEVANCE] * self.relevances + [noise]
        self.prior_mean, self.prior_sd = (np.array(part) for part in zip(*priors, strict=True))
        lengths = iter(range(g, g + smooth))
        self._lengths = [-1 if t.linear else next(lengths) for t in self.terms]
        self._relevance = slice(g + smooth, g + smooth + self.relevances)
        if learnt is not None:
            self._expect(learnt)

    def _expect(self, learnt: Floats) -> None:
        """Centre the priors of the first terms on hyper-parameters ``learnt`` elsewhere.

        As far as these explained the labels there: of labels that were all noise, not at all.
        """
        k, g = (len(learnt) - self.relevances - 1) // 2, len(self.terms)
        amplitudes, others = learnt[:k], learnt[k:-1]
        target = np.concatenate([amplitudes - np.log(np.exp(amplitudes).sum()), others])
        known = np.r_[:k, g : g + k, self._relevance]
        explained = max(1 - np.exp(learnt[-1]), 0.0)
        share = np.zeros(len(known))
        share[:k] = np.log(k / g)  # of all amplitudes; together they stay what they were
        self.prior_mean[known] += explained * (target + share - self.prior_mean[known])
        self.prior_sd[known] *= LEARNT_SD**explained

    def scaled(self, theta: Floats, x: Floats) -> list[Floats]:
        """Columns of each term as its distance or product sees them: ``(n, f_t)`` each."""
        blocks = []
        for t, (term, length) in enumerate(zip(self.terms, self._lengths, strict=True)):
            scale: Floats | float = np.exp(0.5 * theta[t] if term.linear else -theta[length])
            if term.decisions is not None:
                scale = scale * np.exp(theta[self._relevance])[term.decisions]
            block = x[:, term.columns] * scale
            if term.linear:  # the offset of the linear model
                block = np.column_stack([block, np.full(len(x), np.exp(0.5 * theta[t]))])
            blocks.append(block)
        return blocks

    def between(self, theta: Floats, a: list[Floats], b: list[Floats]) -> Floats:
        """Prior covariances of what :meth:`scaled` gave: ``(n, k)``."""
        total = np.zeros((len(a[0]), len(b[0])))
        for t, (term, left, right) in enumerate(zip(self.terms, a, b, strict=True)):
            if term.linear:
                total += left @ right.T
            else:
                _add_matern(total, squared_distances(left, right), np.exp(theta[t]))
        return total

    def variances(self, theta: Floats, blocks: list[Floats]) -> Floats:
        """Prior variances: ``(n,)``."""
        total = np.zeros(len(blocks[0]))
        for t, (term, block) in enumerate(zip(self.terms, blocks, strict=True)):
            total += np.einsum("ij,ij->i", block, block) if term.linear else np.exp(theta[t])
        return total

    # ---- likelihood ----------------------------------------------------------------------------

    def fit(
        self, x: Floats, y: Floats, start: Floats | None = None, max_iter: int = 60
    ) -> tuple[Floats, float]:
        """Most probable hyper-parameters and the log evidence of the labels.

        Args:
            x: standardised features: ``(n, f)``.
            y: labels, of mean 0 and variance 1: ``(n,)``.
            start: where to begin; ``None``: the prior means.
            max_iter: steps at most.
        """
        low, high = self.prior_mean - BOUND, self.prior_mean + BOUND
        bases = self._bases(x)
        found = minimize(
            self.loss,
            self.prior_mean if start is None else start,
            args=(x, y, bases),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(low, high, strict=True)),
            options={"maxiter": max_iter, "ftol": TOLERANCE},
        )
        theta = np.asarray(found.x, dtype=np.float64)
        information = self._information(theta, x, bases) * np.outer(self.prior_sd, self.prior_sd)
        volume = np.linalg.slogdet(np.eye(len(theta)) + information)[1]
        return theta, -float(found.fun) - 0.5 * len(y) * np.log(2 * np.pi) - 0.5 * float(volume)

    def loss(
        self, theta: Floats, x: Floats, y: Floats, bases: list[Floats | None] | None = None
    ) -> tuple[float, Floats]:
        """Negative log marginal likelihood minus log prior, and its gradient: ``(p,)``.

        Priors are counted relative to their peak. ``bases`` saves work that ``theta`` has no part
        in.
        """
        n, noise = len(y), float(np.exp(theta[-1]))
        parts = self._parts(theta, x, self._bases(x) if bases is None else bases)
        kernel = np.sum([part.value for part in parts], axis=0)
        kernel[np.diag_indices(n)] += noise + JITTER
        prior = (theta - self.prior_mean) / self.prior_sd
        try:
            lower = cholesky(kernel, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)  # sends the line search back
        inverse = cho_solve((lower, True), np.eye(n), check_finite=False)
        alpha = inverse @ y
        value = 0.5 * y @ alpha + np.log(np.diag(lower)).sum() + 0.5 * prior @ prior
        inner = inverse - np.outer(alpha, alpha)  # trace(inner dK) / 2 is the gradient
        gradient = prior / self.prior_sd
        gradient[-1] += 0.5 * noise * np.trace(inner)
        for t, (term, part) in enumerate(zip(self.terms, parts, strict=True)):
            gradient[t] += 0.5 * np.vdot(part.value, inner)
            pull = part.slope * inner
            if not term.linear:
                gradient[self._lengths[t]] += 0.5 * np.vdot(pull, part.base)
            if term.decisions is not None:
                by_column = np.einsum("ij,ij->j", part.block, pull @ part.block)
                if not term.linear:
                    by_column -= pull.sum(axis=1) @ part.block**2
                gradient[self._relevance] += np.bincount(
                    term.decisions, by_column, minlength=self.relevances
                )
        return float(value), gradient

    def _bases(self, x: Floats) -> list[Floats | None]:
        """Distances or products of terms whose columns weigh the same; ``None`` of others."""
        return [
            None if term.decisions is not None else _base(term, x[:, term.columns])
            for term in self.terms
        ]

    def _parts(self, theta: Floats, x: Floats, bases: list[Floats | None]) -> list[_Part]:
        """Every term's covariances among ``x: (n, f)``, and what their derivatives need."""
        parts = []
        for t, (term, base) in enumerate(zip(self.terms, bases, strict=True)):
            block = x[:, term.columns]
            if base is None:
                block = block * np.exp(theta[self._relevance])[term.decisions]
                base = _base(term, block)
            amplitude = np.exp(theta[t])
            if term.linear:
                parts.append(_Part(block, base, amplitude * base, amplitude))
                continue
            shrink = np.exp(-theta[self._lengths[t]])
            base = base * shrink**2
            r = np.sqrt(5 * base)
            decay = amplitude * np.exp(-r)
            value, slope = (1 + r + 5 / 3 * base) * decay, 5 / 3 * (1 + r) * decay
            parts.append(_Part(block * shrink, base, value, slope))
        return parts

    def _information(self, theta: Floats, x: Floats, bases: list[Floats | None]) -> Floats:
        """Fisher information of the hyper-parameters: ``(p, p)`` (R&W 5.9, in expectation)."""
        parts = self._parts(theta, x, bases)
        kernel = np.sum([part.value for part in parts], axis=0)
        kernel[np.diag_indices(len(x))] += np.exp(theta[-1]) + JITTER
        lower = cholesky(kernel, lower=True, check_finite=False)
        inverse = cho_solve((lower, True), np.eye(len(x)), check_finite=False)
        relative = inverse @ self._slopes(theta, parts)  # (p, n, n)
        p = len(theta)
        left, right = relative.reshape(p, -1), relative.transpose(0, 2, 1).reshape(p, -1)
        information: Floats = 0.5 * left @ right.T
        return information

    def _slopes(self, theta: Floats, parts: list[_Part]) -> Floats:
        """Derivatives of the covariances by every hyper-parameter: ``(p, n, n)``."""
        n = len(parts[0].value)
        slopes = np.zeros((len(theta), n, n))
        slopes[-1] = np.exp(theta[-1]) * np.eye(n)
        first = self._relevance.start
        for t, (term, part) in enumerate(zip(self.terms, parts, strict=True)):
            slopes[t] = part.value
            if not term.linear:
                slopes[self._lengths[t]] = part.slope * part.base
            if term.decisions is None:
                continue
            for decision in np.unique(term.decisions):
                own = part.block[:, term.decisions == decision]
                slopes[first + decision] += part.slope * (
                    2 * own @ own.T if term.linear else -squared_distances(own, own)
                )
        return slopes


@dataclass(frozen=True)
class _Part:
    """One term's share of the covariances of ``n`` architectures.

    Attributes:
        block: its columns, scaled: ``(n, f)``.
        base: their products or squared distances: ``(n, n)``.
        value: covariances: ``(n, n)``.
        slope: derivative of the covariances by products; or -2 of that by squared distances.
    """

    block: Floats
    base: Floats
    value: Floats
    slope: Floats


def _base(term: Term, block: Floats) -> Floats:
    """Products, of an offset too, or squared distances of rows: ``(n, n)``."""
    return 1 + block @ block.T if term.linear else squared_distances(block, block)


def _add_matern(total: Floats, squared: Floats, amplitude: float) -> None:
    """Add Matern 5/2 of squared distances ``(n, k)`` to ``total: (n, k)``; overwrites both.

    A few rows at a time, so that what is computed on the way stays in the processor's cache.
    """
    rows = max(IN_CACHE // max(squared.shape[1], 1), 1)
    for start in range(0, len(squared), rows):
        part = squared[start : start + rows]
        r = 5 * part
        np.sqrt(r, out=r)
        value = 1 + r
        part *= 5 / 3
        value += part
        np.negative(r, out=r)
        value *= np.exp(r, out=r)
        value *= amplitude
        total[start : start + rows] += value


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Squared Euclidean distances of rows: ``(n, f), (k, f) -> (n, k)``."""
    squared = -2.0 * a @ b.T
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return np.maximum(squared, 0.0, out=squared)
