"""A Gaussian process that weighs several views of architectures: archrank's default ranker.

What decides an order differs: accuracy depends on what a network computes, latency on all it runs;
numbers of channels have an order, activation functions have none; costs add up, accuracies
saturate. So the ranker considers a few kernels and three forms of the labels, and lets the labels
choose:

* every group of features (operation counts, depths, paths, ...) has a Matern kernel with an
  amplitude and a length of its own; the kernels add up;
* one more kernel compares all groups at once and gives each a relevance, and one gives each column
  a relevance of its own;
* where groups describe decisions one by one (``ordered``, ``choice``), the second kernel gives each
  decision a relevance instead, and both are tried without the view that ignores the order of
  numbers;
* where groups describe all that is run (``operation``, ``total``), a second kernel adds them,
  linearly, as costs of operations add up;
* labels are normal scores of their ranks, or standardised, or logarithms of the gap to a bound a
  little above the best, as far above as explains them best (see :mod:`.kit.targets`).

Weak labels (:meth:`GaussianProcess.pretrain`) serve twice. They are one more group of features,
with a small amplitude to begin with, since what ranks best on them is seldom best; the less of
them other features explain, the smaller, since a label that nothing explains is noise. And they
tell what matters: priors of the hyper-parameters are centred on those that explain the weak labels
from the other features, whatever the direction in which these rank. Kernels with the usual priors
are considered beside these, for weak labels that depend on other things than labels do, as MACs.

Hyper-parameters maximise marginal likelihood times weak priors, which matter with ten labels and
hardly with a hundred. Predictions average over kernels and forms by evidence (Bayesian model
averaging); all forms have unit variance, so nothing but the order of a mean has a meaning.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, equations 2.23-2.24
(prediction); :mod:`.kit.kernels` has the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import logsumexp

from archrank.errors import UnknownNameError
from archrank.rankers.base import Forecast, Ranker, check_scores
from archrank.rankers.kit.growing import GrowingPosterior
from archrank.rankers.kit.kernels import JITTER, Kernel, Term
from archrank.rankers.kit.targets import gap_scores, log_stretch, normal_scores, standard_scores
from archrank.rankers.kit.weak_labels import WeakLabels
from archrank.spaces.numbers import CHOICE, ORDERED
from archrank.types import Archs, Floats, Ints

if TYPE_CHECKING:
    from typing_extensions import Self

    from archrank.spaces.base import Space

CHUNK = 2048  # candidates per block: their kernel rows stay in the processor's cache
REFERENCE = 1024  # architectures whose features fix the scale of every column
TUNED_ON = 256  # labels at most that decide the hyper-parameters; all are conditioned on
UNUSED = ("edge",)  # groups left out where there are others: one-hot of live edges
WEAK = ("weak", "weak as run")  # groups of weak labels: means of classes, of rows
RUN = ("operation", "total")  # groups that describe what a network runs, used or not
DECISIONS = (ORDERED, CHOICE)  # groups with columns of decisions
MOST_RELEVANCES = 128  # columns at most that have a relevance of their own each
WEAK_AMPLITUDE = (
    -1.5,
    0.75,
)  # prior of its logarithm, against an equal share, of one label: mean, sd
UNEXPLAINED = 0.01  # share of their variance that features explain, at least, as far as it counts
UNTAUGHT_LOG_ODDS = -1.0  # that weak labels do not tell what labels depend on
JOINT_LOG_ODDS = -2.0  # that groups interact: it takes labels to tell their relevances
COST_LOG_ODDS = -4.0  # that labels depend on what is run: most labels are accuracies
VALUES_LOG_ODDS = -1.0  # that values tell more than ranks: it takes labels to know their scale
MARGINS = (0.1, 0.3, 1.0)  # of the bound that gaps are counted from, one of which is taken
GAPS_LOG_ODDS = VALUES_LOG_ODDS - float(np.log(len(MARGINS)))
NEGLIGIBLE = 0.01  # weight below which a kernel is dropped
SEARCHED = ("ranks", "values")  # forms of the labels that guided search considers
NOISE = {
    "ranks": (-2.0, 1.0),
    "gaps": (-2.0, 1.0),
    "values": (-3.0, 1.5),
}  # priors of the log noise, by form of labels


@dataclass(frozen=True)
class _Member:
    """A kernel and a form of the labels, its hyper-parameters, and what it has learnt."""

    weight: float
    form: str
    kernel: Kernel
    theta: Floats
    train: list[Floats]
    cholesky: Floats
    alpha: Floats


class GaussianProcess(Ranker):
    """Gaussian-process regression on the space's features; higher is better.

    Kernels are sums over feature groups of ``a_g * matern52(r_g / l_g)``, where ``r_g`` is the root
    mean square difference of standardised features. Groups are what stands before ``:`` in the
    space's feature names; a space without groups has one.

    Args:
        space: the architectures' space.
        groups: feature groups to use; ``None`` takes all except ``edge`` (one-hot) where there are
            others. Weak labels, where :meth:`pretrain` gave any, are a group of their own.
        forms: forms of the labels to consider, of ``ranks``, ``gaps`` and ``values``; ``None`` is
            all.
        joint: whether kernels that compare all groups at once are considered. Most of the order is
            clearer with them and with ``gaps``, but these bring the best closer together, and
            guided search, which takes longer with both, leaves both out (:meth:`for_search`).
        max_iter: steps of each hyper-parameter search.
        seed: unused, the fit is deterministic; here because every ranker takes one.

    Attributes:
        members_: what predictions average: kernels, forms of the labels (``ranks``, ``gaps``,
            ``values``), and their weights.

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
    can_follow = True

    def __init__(
        self,
        space: Space,
        groups: tuple[str, ...] | None = None,
        forms: tuple[str, ...] | None = None,
        joint: bool = True,
        max_iter: int = 60,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.groups = groups
        self.forms = forms
        self.joint = joint
        self.max_iter = max_iter
        self.seed = seed

    def pretrain(self, archs: NDArray[np.generic], weak_labels: Mapping[str, ArrayLike]) -> Self:
        """Take cheap scores of many architectures as one more group of features.

        The hyper-parameters that explain them from all other features are what later fits expect.

        Args:
            archs: ``(n, d)``, best all that will ever be ranked; others are guessed.
            weak_labels: ``{name: (n,)}``, such as one-shot accuracies, zero-cost proxies, MACs.

        Raises:
            LabelError: wrong lengths, constant, or not numeric.
        """
        self.pretrained_ = WeakLabels(self.space, archs, weak_labels)
        self._set_scale()
        some, columns = self.pretrained_.some()
        x = self._standardised(some)
        self.pretrained_priors_ = [
            np.mean([self._explain(view, x, y) for y in columns.T], axis=0) if view else None
            for view in self._views()
        ]
        added = self.pretrained_priors_[: len(self._added())]
        noise = [np.exp(learnt[-1]) for learnt in added if learnt is not None]
        explained = max(1 - min(noise, default=0.0), UNEXPLAINED)
        trust = np.log(explained) + 0.5 * np.log(len(weak_labels))  # several are worth more
        self.pretrained_amplitude_ = (WEAK_AMPLITUDE[0] + float(trust), WEAK_AMPLITUDE[1])
        return self

    def _explain(self, terms: list[Term], x: Floats, y: Floats) -> Floats:
        """Return the hyper-parameters of a kernel that explain ``y: (n,)`` from ``x: (n, f)``."""
        return Kernel(terms, NOISE["ranks"]).fit(x, normal_scores(y), max_iter=self.max_iter)[0]

    def without_weak_labels(self) -> Self:
        """Return a copy without labels and weak labels, but with the hyper-parameters they taught.

        Which features matter to a weak label often matters to the labels, too, even where the weak
        label orders the best architectures wrongly.
        """
        copy = super().without_weak_labels()
        if hasattr(self, "pretrained_priors_"):
            copy.pretrained_priors_ = self.pretrained_priors_
        return copy

    def for_search(self) -> Self:
        """Return an unfitted copy without joint kernels and gaps, if no forms were chosen."""
        copy = super().for_search()
        return copy if self.forms else copy.set_params(forms=SEARCHED, joint=False)

    @property
    def can_foresee(self) -> bool:
        """True after :meth:`pretrain`."""
        return hasattr(self, "pretrained_")

    def foresee(self, archs: Archs) -> Floats:
        """Return what weak labels of ``archs: (n, d)`` have in common: ``(n,)``."""
        if not self.can_foresee:
            return super().foresee(archs)
        return self.pretrained_.common(archs)

    # ---- features ------------------------------------------------------------------------------

    def _features(self, archs: Archs) -> Floats:
        features = self.space.features(archs).astype(np.float64)
        weak: WeakLabels | None = getattr(self, "pretrained_", None)
        if weak is None:
            return features
        return np.concatenate([features, weak.features(archs)], axis=1)

    def _set_scale(self) -> None:
        """Fix mean and scale of every column on a fixed sample of the space, and the groups.

        Variances of a group add up to 1, and are the same for all its decisions: columns that share
        what stands before ``=`` in their names.
        """
        sample = self.space.sample(REFERENCE, rng=np.random.default_rng(0))
        features = self._features(sample)
        names = [n if ":" in n else f":{n}" for n in self.space.feature_names]
        weak = (features.shape[1] - len(names)) // 2  # by class, then by row
        names += [f"{group}:{k}" for group in WEAK for k in range(weak)]
        groups = np.array([name.partition(":")[0] for name in names])
        decisions = np.array([name.partition(":")[2].partition("=")[0] for name in names])
        variance = features.var(axis=0)
        self.mean_, self.scale_ = features.mean(axis=0), np.zeros_like(variance)
        self.columns_ = {
            str(group): np.flatnonzero((groups == group) & (variance > 1e-12))
            for group in dict.fromkeys(groups)
        }
        for columns in self.columns_.values():
            _, owner = np.unique(decisions[columns], return_inverse=True)
            share = np.bincount(owner, variance[columns])[owner] * (owner.max(initial=0) + 1)
            self.scale_[columns] = 1 / np.sqrt(share)
        both = np.concatenate([self.columns_.get(g, np.zeros(0, dtype=int)) for g in DECISIONS])
        self.decision_ = np.zeros(len(names), dtype=np.int64)
        self.decision_[both] = np.unique(decisions[both], return_inverse=True)[1]

    def _groups(self) -> tuple[list[str], list[str]]:
        """Names of the groups that are used, weak labels aside: of smooth terms, of linear ones."""
        named = [g for g, columns in self.columns_.items() if len(columns) and g not in WEAK]
        chosen = self.groups or [g for g in named if g not in UNUSED] or named
        used = [g for g in named if g in chosen]
        return [g for g in used if g not in RUN], [g for g in used if g in RUN]

    def _views(self) -> list[list[Term]]:
        """Smooth terms of every kernel that is considered, weak labels aside; joint ones last."""
        smooth, _ = self._groups()
        joint = self.joint and not set(DECISIONS) & set(smooth)
        return self._added() + (self._joint(smooth) if joint else [])

    def _added(self) -> list[list[Term]]:
        """Smooth terms of the kernels with a term per group."""
        smooth, _ = self._groups()
        views = [smooth]
        if set(DECISIONS) <= set(smooth):
            views.append([g for g in smooth if g != CHOICE])
        plain = [[self._term(g) for g in view] for view in views]
        if not set(DECISIONS) & set(smooth):
            return plain
        return plain + [[self._term(g, True) for g in view] for view in views]

    def _joint(self, groups: list[str]) -> list[list[Term]]:
        """Kernels of one term that compares all groups at once; each has or shares a relevance."""
        if len(groups) < 2:
            return []
        columns = np.concatenate([self.columns_[g] for g in groups])
        owners = np.repeat(np.arange(len(groups)), [len(self.columns_[g]) for g in groups])
        joint = [Term(columns, decisions=owners)]
        if len(columns) <= MOST_RELEVANCES:
            joint.append(Term(columns, decisions=np.arange(len(columns))))
        return [[term] for term in joint]

    def _kernels(self) -> list[tuple[list[Term], Floats | None, float]]:
        """Terms of every kernel that is considered, what is expected of them, prior log odds."""
        views, (_, run) = self._views(), self._groups()
        none = [None] * len(views)
        learnt = [*getattr(self, "pretrained_priors_", none), *none][: len(views)]
        trust = getattr(self, "pretrained_amplitude_", WEAK_AMPLITUDE)
        computed, as_run = (self.columns_.get(g, np.zeros(0, dtype=int)) for g in WEAK)
        weak = [Term(computed, amplitude=trust)] if len(computed) else []
        added = len(self._added())
        odds = [0.0] * added + [JOINT_LOG_ODDS] * (len(views) - added)
        kernels = [
            (view + weak, expected, prior)
            for view, expected, prior in zip(views, learnt, odds, strict=True)
            if view + weak
        ]
        kernels += [
            (terms, None, UNTAUGHT_LOG_ODDS + prior)
            for terms, expected, prior in kernels
            if expected is not None
        ]
        if run:
            linear = [Term(self.columns_[g], linear=True) for g in run]
            linear += [Term(as_run, linear=True, amplitude=trust)] if len(as_run) else []
            kernels.append((views[0] + linear + weak, learnt[0], COST_LOG_ODDS))
        return kernels

    def _term(self, group: str, relevance: bool = False) -> Term:
        columns = self.columns_[group]
        apart = relevance and group in DECISIONS
        return Term(columns, decisions=self.decision_[columns] if apart else None)

    def _standardised(self, archs: Archs) -> Floats:
        standardised: Floats = (self._features(archs) - self.mean_) * self.scale_
        return standardised

    # ---- fitting -------------------------------------------------------------------------------

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self._set_scale()
        x = self._standardised(archs)
        some = np.unique(np.linspace(0, len(scores) - 1, TUNED_ON).astype(int))  # all, if fewer
        forms = self._labels(x, scores, some)
        found = [
            (form, kernel, theta, offset + evidence)
            for form, (y, offset) in forms.items()
            for kernel, theta, evidence in self._tune(x[some], y[some], form)
        ]
        log_weights = np.array([evidence for *_, evidence in found])
        weights = np.exp(log_weights - logsumexp(log_weights))
        weights = np.where(weights < NEGLIGIBLE, 0.0, weights)
        self.members_ = [
            _condition(weight, form, kernel, theta, x, forms[form][0])
            for weight, (form, kernel, theta, _) in zip(weights / weights.sum(), found, strict=True)
            if weight
        ]

    def _labels(self, x: Floats, scores: Floats, some: Ints) -> dict[str, tuple[Floats, float]]:
        """Return labels in every form, ``(n,)``, and the log odds of the form before a fit.

        These count densities of ``some`` scores, whose likelihood under a kernel is to be added.
        """
        chosen = self.forms or tuple(NOISE)
        for form in chosen:
            if form not in NOISE:
                raise UnknownNameError("form of the labels", form, NOISE)
        normal, standard = normal_scores(scores), standard_scores(scores)
        forms = {
            "ranks": (normal, log_stretch(normal[some], standard[some])),
            "values": (standard, VALUES_LOG_ODDS),
        }
        self.margin_ = MARGINS[0]
        if "gaps" in chosen:
            self.margin_ = self._margin(x[some], scores, some)
            gaps, slopes = gap_scores(scores, self.margin_)
            forms["gaps"] = gaps, GAPS_LOG_ODDS + float(slopes[some].sum())
        return {form: forms[form] for form in chosen}

    def _margin(self, x: Floats, scores: Floats, some: Ints) -> float:
        """Choose the bound under which the first kernel explains gaps of ``some`` scores best."""
        terms, expected, _ = self._kernels()[0]
        kernel = Kernel(terms, NOISE["gaps"], expected)
        evidence = []
        for margin in MARGINS:
            gaps, slopes = gap_scores(scores, margin)
            found = kernel.fit(x, gaps[some], max_iter=self.max_iter)[1]
            evidence.append(found + float(slopes[some].sum()))
        return MARGINS[int(np.argmax(evidence))]

    def _tune(self, x: Floats, y: Floats, form: str) -> list[tuple[Kernel, Floats, float]]:
        """Every kernel with its hyper-parameters and its log evidence, prior odds included."""
        tuned = []
        for terms, expected, odds in self._kernels():
            kernel = Kernel(terms, NOISE[form], expected)
            theta, evidence = kernel.fit(x, y, max_iter=self.max_iter)
            tuned.append((kernel, theta, evidence + odds))
        return tuned

    # ---- prediction ----------------------------------------------------------------------------

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        mean, variance = np.empty(len(archs)), np.empty(len(archs))
        for start in range(0, len(archs), CHUNK):
            part = slice(start, start + CHUNK)
            x = self._standardised(archs[part])
            each = [_posterior(member, x, return_std) for member in self.members_]
            weights = np.array([member.weight for member in self.members_])
            means, variances = (np.stack(values) for values in zip(*each, strict=True))
            mean[part], variance[part] = _mixture(weights, means, variances)
        return mean, np.sqrt(np.maximum(variance, 1e-12)) if return_std else None

    def follow(self, candidates: Archs, room: int) -> Forecast:
        """Return a forecast with the hyper-parameters and weights of this fit.

        Args:
            candidates: ``(k, d)`` to watch.
            room: architectures that will be added at most.
        """
        x = self._standardised(candidates)
        posteriors = [
            GrowingPosterior(m.kernel, m.theta, m.train, m.cholesky, x, room) for m in self.members_
        ]
        return _Forecast(self, posteriors)


class _Forecast(Forecast):
    """Predictions of a fitted Gaussian process that follow new labels."""

    def __init__(self, ranker: GaussianProcess, posteriors: list[GrowingPosterior]) -> None:
        self._ranker = ranker
        self._posteriors = posteriors
        self._weights = np.array([member.weight for member in ranker.members_])

    def add(self, archs: Archs) -> None:
        for arch in archs:  # one by one: sums over rows may depend on how many there are
            x = self._ranker._standardised(arch[None])
            for posterior in self._posteriors:
                posterior.add(x)

    def label(self, scores: Floats) -> None:
        n, name = self._posteriors[0].n, type(self._ranker).__name__
        scores = check_scores(scores, n, self._ranker.min_labels, name)
        forms = {
            "ranks": normal_scores(scores),
            "gaps": gap_scores(scores, self._ranker.margin_)[0],
            "values": standard_scores(scores),
        }
        for member, posterior in zip(self._ranker.members_, self._posteriors, strict=True):
            posterior.label(forms[member.form])

    def watched(self) -> tuple[Floats, Floats]:
        return self._mixed([p.watched() for p in self._posteriors])

    def predict(self, archs: Archs) -> tuple[Floats, Floats]:
        x = self._ranker._standardised(archs)
        return self._mixed([p.predict(x) for p in self._posteriors])

    def _mixed(self, each: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
        means, variances = (np.stack(values) for values in zip(*each, strict=True))
        mean, variance = _mixture(self._weights, means, variances)
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def fitted(self) -> Floats:
        means: Floats = self._weights @ np.stack([p.fitted() for p in self._posteriors])
        return means


def _mixture(weights: Floats, means: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a mixture of members: ``(p,)``, ``(p, n)``, ``(p, n)`` -> ``(n,)``."""
    mean: Floats = weights @ means
    return mean, weights @ (variances + (means - mean) ** 2)


def _condition(
    weight: float, form: str, kernel: Kernel, theta: Floats, x: Floats, y: Floats
) -> _Member:
    """A kernel conditioned on labels ``y: (n,)`` of ``x: (n, f)``."""
    train = kernel.scaled(theta, x)
    covariance = kernel.between(theta, train, train)
    covariance[np.diag_indices(len(y))] += np.exp(theta[-1]) + JITTER
    lower = cholesky(covariance, lower=True, check_finite=False)
    alpha = cho_solve((lower, True), y, check_finite=False)
    return _Member(weight, form, kernel, theta, train, lower, alpha)


def _posterior(member: _Member, x: Floats, return_std: bool) -> tuple[Floats, Floats]:
    """Mean and variance of ``x: (n, f)`` under one kernel: ``(n,)`` each; no variance is zeros."""
    blocks = member.kernel.scaled(member.theta, x)
    cross = member.kernel.between(member.theta, member.train, blocks)  # (n_train, n)
    mean = member.alpha @ cross
    if not return_std:
        return mean, np.zeros_like(mean)
    half = solve_triangular(member.cholesky, cross, lower=True, check_finite=False)
    prior = member.kernel.variances(member.theta, blocks)
    return mean, prior - np.einsum("ij,ij->j", half, half)
