"""A Gaussian process on ranks: archrank's default ranker.

Three choices make a plain Gaussian process order architectures well from few labels:

* it learns *ranks*: scores are replaced by normal scores of their ranks, so a few failed networks
  far below the rest do not decide the fit (rank-based inverse normal transformation);
* one kernel per group of features (operation counts, depths, paths, ...), each with its own
  amplitude and length scale, added up;
* hyper-parameters maximise the marginal likelihood times weak priors, which matter with ten labels
  and hardly with a hundred.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.23-2.24
(prediction), 5.8-5.9 (marginal likelihood and gradient), 4.17 (Matern 5/2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from archrank.rankers.base import Ranker
from archrank.rankers.kit.weak_labels import WeakLabels, normal_scores
from archrank.types import Archs, Floats

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space

JITTER = 1e-6
CHUNK = 2048  # candidates per block: their kernel rows stay in the processor's cache
REFERENCE = 1024  # architectures whose features fix the scale of every column
TUNED_ON = 256  # labels at most that decide the hyper-parameters; all are conditioned on
BOUND = 6.0  # of the log hyper-parameters around their prior means
# Normal priors on the logarithms of the hyper-parameters: (mean, sd).
AMPLITUDE = (0.0, 0.5)  # of all groups together
LENGTH = (1.0, 1.0)
NOISE = (-2.0, 1.0)  # variance, against unit variance of the labels


class GaussianProcess(Ranker):
    """Gaussian-process regression of normal scores; higher is better.

    Kernel: the sum over feature groups of ``a_g * matern52(r_g / l_g)``, where ``r_g`` is the root
    mean square difference of standardised features. Groups are what stands before ``:`` in the
    space's feature names; a space without groups has one.

    Args:
        space: the architectures' space.
        groups: feature groups to use; ``None`` takes all except ``edge`` (one-hot) where there are
            others. Weak labels, where :meth:`pretrain` gave any, are a group of their own.
        max_iter: steps of the hyper-parameter search.
        seed: unused, the fit is deterministic; here because every ranker takes one.

    Example:
        >>> import numpy as np
        >>> from archrank.spaces import NASBench201
        >>> space = NASBench201()
        >>> archs = space.sample(40, rng=np.random.default_rng(0))
        >>> ranker = GaussianProcess(space).fit(archs[:30], space.cost(archs[:30])["macs"])
        >>> mean, std = ranker.predict(archs[30:], return_std=True)
        >>> mean.shape, bool((std > 0).all())
        ((10,), True)
    """

    has_std = True

    def __init__(
        self,
        space: Space,
        groups: tuple[str, ...] | None = None,
        max_iter: int = 60,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.groups = groups
        self.max_iter = max_iter
        self.seed = seed

    def pretrain(self, archs: NDArray[np.generic], weak_labels: Mapping[str, ArrayLike]) -> Self:
        """Take cheap scores of many architectures as one more group of features.

        Args:
            archs: ``(n, d)``, best all that will ever be ranked; others are guessed.
            weak_labels: ``{name: (n,)}``, such as one-shot accuracies, zero-cost proxies, MACs.

        Raises:
            LabelError: wrong lengths, constant, or not numeric.
        """
        self.pretrained_ = WeakLabels(self.space, archs, weak_labels)
        return self

    # ---- features ------------------------------------------------------------------------------

    def _features(self, archs: Archs) -> Floats:
        features = self.space.features(archs).astype(np.float64)
        weak: WeakLabels | None = getattr(self, "pretrained_", None)
        if weak is None:
            return features
        return np.concatenate([features, weak.features(archs)], axis=1)

    def _set_scale(self) -> None:
        """Fix mean and scale of every column on a fixed sample of the space, and the groups."""
        sample = self.space.sample(REFERENCE, rng=np.random.default_rng(0))
        features = self._features(sample)
        names = [n.partition(":")[0] if ":" in n else "" for n in self.space.feature_names]
        offered = list(dict.fromkeys(names))
        names += ["weak"] * (features.shape[1] - len(names))
        structural = offered if offered == ["edge"] else [g for g in offered if g != "edge"]
        wanted = [*(self.groups or structural), "weak"]
        sd = features.std(axis=0)
        self.columns_: list[list[int]] = []
        self.mean_ = features.mean(axis=0)
        self.scale_ = np.zeros_like(sd)
        for group in wanted:
            columns = [k for k, name in enumerate(names) if name == group and sd[k] > 1e-6]
            if columns:
                self.scale_[columns] = 1 / (sd[columns] * np.sqrt(len(columns)))
                self.columns_.append(columns)

    def _blocks(self, archs: Archs) -> list[Floats]:
        """Standardised features per group: ``(n, f_g)`` each."""
        z = (self._features(archs) - self.mean_) * self.scale_
        return [z[:, columns] for columns in self.columns_]

    # ---- fitting -------------------------------------------------------------------------------

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self._set_scale()
        y = normal_scores(scores)
        self.train_ = self._blocks(archs)
        some = np.unique(np.linspace(0, len(y) - 1, TUNED_ON).astype(int))  # all, if fewer
        parts = [block[some] for block in self.train_]
        squared = np.stack([squared_distances(b, b) for b in parts])  # (groups, k, k)
        g = len(self.train_)
        mean = np.array([AMPLITUDE[0] - np.log(g)] * g + [LENGTH[0]] * g + [NOISE[0]])
        sd = np.array([AMPLITUDE[1]] * g + [LENGTH[1]] * g + [NOISE[1]])
        found = minimize(
            self._loss,
            mean,
            args=(squared, y[some], mean, sd),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(mean - BOUND, mean + BOUND, strict=True)),
            options={"maxiter": self.max_iter},
        )
        theta = np.asarray(found.x, dtype=np.float64)
        self.amplitude_ = np.exp(theta[:g])
        self.length_ = np.exp(theta[g : 2 * g])
        self.noise_ = float(np.exp(theta[-1]))
        kernel = self._kernel(self.train_)
        kernel[np.diag_indices(len(y))] += self.noise_ + JITTER
        self.cholesky_ = cholesky(kernel, lower=True, check_finite=False)
        self.alpha_ = cho_solve((self.cholesky_, True), y, check_finite=False)

    @staticmethod
    def _loss(
        theta: Floats, squared: Floats, y: Floats, mean: Floats, sd: Floats
    ) -> tuple[float, Floats]:
        """Negative log marginal likelihood minus log prior, and its gradient (R&W 5.8, 5.9)."""
        g, n = len(squared), len(y)
        amplitude, noise = np.exp(theta[:g, None, None]), float(np.exp(theta[-1]))
        scaled = squared * np.exp(-2 * theta[g : 2 * g, None, None])  # (groups, n, n)
        r = np.sqrt(5 * scaled)
        decay = amplitude * np.exp(-r)
        parts = (1 + r + 5 / 3 * scaled) * decay
        kernel = parts.sum(axis=0)
        kernel[np.diag_indices(n)] += noise + JITTER
        prior = (theta - mean) / sd
        try:
            lower = cholesky(kernel, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)  # sends the line search back
        inverse = cho_solve((lower, True), np.eye(n), check_finite=False)
        alpha = inverse @ y
        value = 0.5 * y @ alpha + np.log(np.diag(lower)).sum() + 0.5 * prior @ prior
        inner = inverse - np.outer(alpha, alpha)  # trace(inner dK) / 2 is the gradient
        by_amplitude = 0.5 * (parts * inner).sum(axis=(1, 2))
        by_length = 0.5 * (5 / 3 * (1 + r) * decay * scaled * inner).sum(axis=(1, 2))
        by_noise = 0.5 * noise * np.trace(inner)
        gradient = np.concatenate([by_amplitude, by_length, [by_noise]]) + prior / sd
        return float(value), gradient

    # ---- prediction ----------------------------------------------------------------------------

    def _kernel(self, blocks: list[Floats]) -> Floats:
        """Prior covariance of the training architectures with others: ``(n_train, n)``."""
        total = np.zeros((len(self.train_[0]), len(blocks[0])))
        for a, b, amplitude, length in zip(
            self.train_, blocks, self.amplitude_, self.length_, strict=True
        ):
            squared = squared_distances(a / length, b / length)
            r = np.sqrt(5 * squared)
            total += amplitude * (1 + r + 5 / 3 * squared) * np.exp(-r)
        return total

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        mean, variance = np.empty(len(archs)), np.empty(len(archs))
        for start in range(0, len(archs), CHUNK):
            part = slice(start, start + CHUNK)
            cross = self._kernel(self._blocks(archs[part]))  # (n_train, chunk)
            mean[part] = self.alpha_ @ cross
            if return_std:
                half = solve_triangular(self.cholesky_, cross, lower=True, check_finite=False)
                variance[part] = self.amplitude_.sum() - np.einsum("ij,ij->j", half, half)
        return mean, np.sqrt(np.maximum(variance, 1e-12)) if return_std else None


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Squared Euclidean distances of rows: ``(n, f), (k, f) -> (n, k)``."""
    squared = -2.0 * a @ b.T
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return np.maximum(squared, 0.0, out=squared)
