"""Contract check of rankers."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import kendalltau
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from archrank.errors import ArchitectureError, ArchrankError, LabelError
from archrank.rankers.base import NotFittedError, Ranker
from archrank.spaces.base import Space
from archrank.testing._require import require, require_raises
from archrank.types import Archs, Floats

FEW = 40  # labels for the checks that fit many times
LEARNT = 0.5  # Kendall tau on the easy target
ADDED = 5  # labels that a forecast learns after the fit


def check_ranker(
    make_ranker: Callable[..., Ranker], space: Space, *, n: int = 150, seed: int = 0
) -> None:
    """Check that a ranker keeps the contract of :class:`~archrank.rankers.base.Ranker`.

    Args:
        make_ranker: Function that is called as ``make_ranker(space, seed=...)``, or the class.
        space: A space of at least ``2 n`` architectures.
        n: Number of architectures to learn from; as many others are predicted.
        seed: Seed of the architectures.

    Raises:
        AssertionError: The ranker breaks a rule; the message names it.
    """
    rng = np.random.default_rng(seed)
    archs = space.sample(2 * n, rng=rng)
    scores = easy_scores(space, archs)
    train, y, test, truth = archs[:n], scores[:n], archs[n:], scores[n:]
    ranker = make_ranker(space, seed=seed)
    name = type(ranker).__name__

    _check_parameters(ranker, make_ranker(space, seed=seed), name)
    require_raises(NotFittedError, lambda: ranker.predict(test), f"{name}: predict before fit")
    _check_labels(ranker, train, y, name)
    before = ranker.get_params(deep=False)
    require(ranker.fit(train, y) is ranker, f"{name}: fit must return self")
    _require_same(before, ranker.get_params(deep=False), f"{name}: fit must not change parameters")
    predicted = _check_predictions(ranker, test, name)
    tau = float(kendalltau(predicted, truth)[0])
    require(
        tau > LEARNT,
        f"{name}: Kendall tau {tau:.2f} on an easy target (a sum over choices) from {n} labels; "
        f"expected more than {LEARNT}. Are predictions higher for better architectures?",
    )
    _check_determinism(ranker, make_ranker, (train, y, test), seed, name)
    _check_std(ranker, test, name)
    _check_as_estimator(ranker, train[:FEW], y[:FEW], name)
    _check_pretraining(make_ranker(space, seed=seed), (train, y, test), name)
    _check_following(ranker, (train, y, test), name)


def easy_scores(space: Space, archs: Archs) -> Floats:
    """Compute scores that are easy to learn: sums of one value per active option: ``(n,)``.

    Members of a set have a value each, since their number may always be the same.
    """
    rng = np.random.default_rng(7)
    members = {j for one in space.subsets for j in one.columns}
    owners = [choice.name if j in members else "" for j, choice in enumerate(space.choices)]
    worth: dict[object, float] = {}
    for owner, choice in zip(owners, space.choices, strict=True):
        for option in choice.options:
            worth.setdefault((owner, option), rng.normal())
    active = space.active(archs)
    total = np.zeros(len(archs))
    for j, (owner, choice) in enumerate(zip(owners, space.choices, strict=True)):
        effect = np.array([worth[owner, option] for option in choice.options])
        total += effect[archs[:, j]] * active[:, j]
    return total


def _require_same(a: Any, b: Any, message: str) -> None:
    """Require equal parameters; estimators are equal if their parameters are."""
    if isinstance(a, BaseEstimator):
        require(type(a) is type(b), message)
        _require_same(a.get_params(deep=False), b.get_params(deep=False), message)
    elif isinstance(a, dict):
        require(a.keys() == b.keys(), f"{message}: {sorted(a)} became {sorted(b)}")
        for key, value in a.items():
            _require_same(value, b[key], f"{message} ({key})")
    elif isinstance(a, Sequence) and not isinstance(a, str):
        require(len(a) == len(b), message)
        for x, y in zip(a, b, strict=True):
            _require_same(x, y, message)
    else:
        require(a is b or bool(np.all(a == b)), f"{message}: {a!r} became {b!r}")


def _check_parameters(ranker: Ranker, twin: Ranker, name: str) -> None:
    params = ranker.get_params(deep=False)
    require("seed" in params, f"{name} must take seed, its only source of randomness")
    try:
        copy = clone(ranker)
    except (RuntimeError, TypeError) as error:
        raise AssertionError(f"{name}: sklearn.base.clone fails: {error}") from error
    _require_same(params, copy.get_params(deep=False), f"{name}: clone changes parameters")
    twin.set_params(seed=12345)
    require(
        twin.get_params()["seed"] == 12345, f"{name}: set_params(seed=...) must show in get_params"
    )


def _check_labels(ranker: Ranker, archs: Archs, y: Floats, name: str) -> None:
    nan, infinite = y.copy(), y.copy()
    nan[1], infinite[1] = np.nan, np.inf
    bad = {
        "NaN scores": nan,
        "infinite scores": infinite,
        "constant scores": np.zeros(len(y)),
        "one score too few": y[:-1],
    }
    for what, scores in bad.items():
        require_raises(
            LabelError,
            lambda scores=scores: clone(ranker).fit(archs, scores),  # type: ignore[misc]
            f"{name}: fit with {what}",
        )
    outside = archs.astype(np.int64) + 256
    require_raises(
        ArchitectureError,
        lambda: clone(ranker).fit(outside, y),
        f"{name}: fit with architectures outside the space",
    )


def _check_predictions(ranker: Ranker, test: Archs, name: str) -> Floats:
    before = test.copy()
    predicted = ranker.predict(test)
    require((test == before).all(), f"{name}: predict wrote into its input")
    shape = (len(test),)
    require(predicted.shape == shape, f"{name}: predict must give {shape}, got {predicted.shape}")
    require(predicted.dtype == np.float64, f"{name}: predict must give float64")
    require(np.isfinite(predicted).all(), f"{name}: predict must be finite")
    require(np.ptp(predicted) > 0, f"{name}: predict gives every architecture the same score")
    tolerance = 1e-5 * float(np.ptp(predicted))  # float32 sums differ between batch sizes
    for part in (slice(0, 1), slice(3, 20), slice(None, None, -1)):
        require(
            np.allclose(ranker.predict(test[part]), predicted[part], rtol=0, atol=tolerance),
            f"{name}: an architecture's prediction depends on what it is predicted with",
        )
    require(ranker.predict(test[:0]).shape == (0,), f"{name}: predict of no rows must give (0,)")
    return predicted


def _check_determinism(
    ranker: Ranker,
    make_ranker: Callable[..., Ranker],
    data: tuple[Archs, Floats, Archs],
    seed: int,
    name: str,
) -> None:
    train, y, test = data
    predicted = ranker.predict(test)
    np.random.random()  # noqa: NPY002  # changes the results of a ranker that uses the global state
    twin = make_ranker(ranker.space, seed=seed)
    require(
        np.array_equal(twin.fit(train, y).predict(test), predicted),
        f"{name}: same labels and seed must give the same ranker; draw randomness from seed",
    )
    thawed = pickle.loads(pickle.dumps(ranker))
    require(
        np.array_equal(thawed.predict(test), predicted), f"{name}: predicts otherwise once pickled"
    )
    half = len(y) // 2
    twin.fit(train[:half], -y[:half])
    require(
        np.array_equal(twin.fit(train, y).predict(test), predicted),
        f"{name}: fit must start afresh, it remembers the fit before",
    )


def _check_std(ranker: Ranker, test: Archs, name: str) -> None:
    if not ranker.has_std:
        require_raises(
            ArchrankError,
            lambda: ranker.predict(test, return_std=True),
            f"{name}: return_std without has_std",
        )
        return
    mean, std = ranker.predict(test, return_std=True)
    require(std.shape == (len(test),), f"{name}: std must be ({len(test)},), got {std.shape}")
    require(np.isfinite(std).all() and (std >= 0).all(), f"{name}: std must be finite and >= 0")
    require(
        np.allclose(mean, ranker.predict(test)),
        f"{name}: return_std must not change predictions",
    )


def _check_as_estimator(ranker: Ranker, archs: Archs, y: Floats, name: str) -> None:
    """Check that scikit-learn's tools, which all clone, take the ranker."""
    fitted = clone(ranker).fit(archs, y)
    predicted = fitted.predict(archs)
    check_is_fitted(fitted)
    width = getattr(fitted, "n_features_in_", None)
    require(width == archs.shape[1], f"{name}: n_features_in_ must be {archs.shape[1]}, is {width}")
    tau = float(kendalltau(predicted, y)[0])
    require(
        np.isclose(fitted.score(archs, y), tau),
        f"{name}: score must be Kendall's tau, {tau:.4f}, got {fitted.score(archs, y):.4f}",
    )
    line = make_pipeline(FunctionTransformer(), clone(ranker)).fit(archs.tolist(), y.tolist())
    require(
        np.array_equal(line.predict(archs.tolist()), predicted),
        f"{name}: lists in a pipeline must give what arrays give",
    )
    search = GridSearchCV(clone(ranker), {"seed": [0]}, cv=2, refit=False).fit(archs, y)
    judged = float(search.cv_results_["mean_test_score"][0])
    require(np.isfinite(judged), f"{name}: cross-validation gives {judged}")


def _check_pretraining(ranker: Ranker, data: tuple[Archs, Floats, Archs], name: str) -> None:
    """Check that clones of the unfitted ``ranker`` keep the result of pretraining."""
    train, y, test = data
    weak = {"weak": y + 0.1 * np.arange(len(y)) / len(y)}
    if not ranker.can_pretrain:
        require_raises(
            ArchrankError,
            lambda: ranker.pretrain(train, weak),
            f"{name}: pretrain without can_pretrain",
        )
        return
    require(ranker.pretrain(train, weak) is ranker, f"{name}: pretrain must return self")
    few = slice(0, len(y) // 5)
    copy = clone(ranker).fit(train[few], y[few])
    require(
        np.array_equal(ranker.fit(train[few], y[few]).predict(test), copy.predict(test)),
        f"{name}: clone must keep what pretrain learnt; store it in attributes pretrain..._",
    )
    if ranker.can_foresee:
        require(
            clone(ranker).can_foresee
            and np.array_equal(clone(ranker).foresee(test), ranker.foresee(test)),
            f"{name}: clone must foresee the same",
        )
        require(
            not ranker.without_weak_labels().can_foresee,
            f"{name}: without_weak_labels must not foresee",
        )


def _check_following(ranker: Ranker, data: tuple[Archs, Floats, Archs], name: str) -> None:
    """Check that a forecast agrees with its ranker, and learns the same in one step or several."""
    train, y, test = data
    ranker.fit(train[:-ADDED], y[:-ADDED])
    if not ranker.can_follow:
        message = f"{name}: can_follow is False, but follow does not refuse"
        require_raises(ArchrankError, lambda: ranker.follow(test, ADDED), message)
        return
    require(ranker.has_std, f"{name}: can_follow needs has_std")
    forecasts = [ranker.follow(test, ADDED) for _ in range(2)]
    forecasts[0].label(y[:-ADDED])
    mean, std = ranker.predict(test, return_std=True)
    for which, found in zip(
        ("watched", "predict"),
        (forecasts[0].watched(), forecasts[0].predict(test)),
        strict=True,
    ):
        same = np.allclose(found[0], mean, atol=1e-6) and np.allclose(found[1], std, atol=1e-6)
        require(same, f"{name}: {which} of a forecast differs from what the ranker predicts")
    fitted = np.allclose(forecasts[0].fitted(), ranker.predict(train[:-ADDED]), atol=1e-6)
    require(fitted, f"{name}: fitted of a forecast differs from what the ranker predicts")
    forecasts[0].add(train[-ADDED:])
    for arch in train[-ADDED:]:
        forecasts[1].add(arch[None])
    for forecast in forecasts:
        forecast.label(y)
    one, several = (np.stack([*f.watched(), *f.predict(test)]) for f in forecasts)
    require(
        np.array_equal(one, several),
        f"{name}: what a forecast predicts must not depend on how many calls added labels",
    )
    require(
        not np.array_equal(one[0], mean), f"{name}: a forecast learnt nothing from added labels"
    )
