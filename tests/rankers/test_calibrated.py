"""Values and uncertainty in the unit of the labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archrank.errors import ArchrankError, ArgumentError, LabelError, SettingsError
from archrank.rankers import Calibrated, GaussianProcess, Linear
from archrank.rankers.base import NotFittedError
from archrank.spaces import from_choices

SPACE = from_choices(
    {"a": [1, 2, 3, 4, 5, 6], "b": [1, 2, 3, 4, 5, 6], "c": [1, 2, 3, 4]},
    build=lambda config, task: None,  # type: ignore[arg-type,return-value]
)


@pytest.mark.parametrize("kind", [GaussianProcess, Linear])
def test_values_are_in_the_unit_of_the_labels(kind: Any) -> None:
    rng = np.random.default_rng(0)
    archs = rng.permutation(SPACE.enumerate())
    a, b = archs[:, :2].astype(float).T
    values = 70 + 2 * a - b + rng.normal(0, 0.5, len(archs))
    seen, rest = slice(60), slice(60, None)
    mean, sd = Calibrated(kind(SPACE)).fit(archs[seen], values[seen]).predict(archs[rest])
    z = (values[rest] - mean) / sd
    assert (np.abs(z) < 2).mean() > 0.9
    assert 0.6 < np.sqrt(np.mean(z**2)) < 1.4
    assert np.abs(mean - values[rest]).mean() < 1.0


def test_values_follow_labels_that_are_no_straight_line_of_scores() -> None:
    archs = np.random.default_rng(0).permutation(SPACE.enumerate())
    values = np.exp(archs.sum(axis=1) / 2.0)
    calibrated = Calibrated(Linear(SPACE)).fit(archs[:80], values[:80])
    mean, sd = calibrated.predict(archs[80:])
    assert np.abs(np.log(np.maximum(mean, 1) / values[80:])).mean() < 0.4
    low, high = np.argsort(mean)[[0, -1]]
    assert sd[low] < 0.5 * sd[high]  # where values rise steeply, they are less certain


@pytest.mark.parametrize("noise", ["normal", "long tails", "grows"])
@pytest.mark.parametrize("n", [20, 60])
def test_the_share_that_is_covered(n: int, noise: str) -> None:
    inside = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        archs = rng.permutation(SPACE.enumerate())
        total = archs.sum(axis=1).astype(float)
        error = (
            rng.standard_t(3, len(total)) if noise == "long tails" else rng.normal(size=len(total))
        )
        values = total + error * (total / 8 if noise == "grows" else 1)
        calibrated = Calibrated(Linear(SPACE), seed=seed).fit(archs[:n], values[:n])
        rest, truth = archs[n:], values[n:]
        mean, sd = calibrated.predict(rest)
        ends = [calibrated.interval(rest, share) for share in (0.5, 0.8)]
        inside.append(
            [
                (np.abs(truth - mean) <= 2 * sd).mean(),
                *(((low <= truth) & (truth <= high)).mean() for low, high in ends),
            ]
        )
    two_sd, half, most = np.mean(inside, axis=0)
    assert two_sd == pytest.approx(0.955, abs=0.025)
    assert half == pytest.approx(0.5, abs=0.06)
    assert most == pytest.approx(0.8, abs=0.05)


def test_more_certain_intervals_are_wider() -> None:
    rng = np.random.default_rng(0)
    archs = SPACE.enumerate()[:12]
    values = archs.sum(axis=1) + rng.normal(0, 0.5, 12)
    calibrated = Calibrated(Linear(SPACE)).fit(archs, values)
    widths = [
        np.subtract(*calibrated.interval(archs, c)[::-1]) for c in (0.3, 0.6, 0.9, 0.95, 0.99)
    ]
    assert (np.diff(widths, axis=0) > 0).all()
    again = Calibrated(Linear(SPACE)).fit(archs, values)
    assert (again.predict(archs)[1] == calibrated.predict(archs)[1]).all()


def test_what_cannot_be_learnt() -> None:
    archs = SPACE.enumerate()[:20]
    ranker = GaussianProcess(SPACE)
    cases: list[tuple[Any, type[ArchrankError], str]] = [
        (lambda: Calibrated("gp"), ArgumentError, "Calibrated: ranker is 'gp'"),  # type: ignore[arg-type]
        (lambda: Calibrated(ranker, folds=1), SettingsError, "folds must be at least 2"),
        (lambda: Calibrated(ranker).predict(archs), NotFittedError, "is not fitted yet"),
        (
            lambda: Calibrated(ranker).fit(archs, np.arange(20.0)).interval(archs, 95),
            SettingsError,
            "interval: coverage must be above 0 and below 1, got 95",
        ),
        (
            lambda: Calibrated(ranker).fit(archs, np.arange(20) * 1e300),
            LabelError,
            "values from 0 to 1.9e.301 are too large or too close",
        ),
        (lambda: Calibrated(ranker).fit(archs[:5], np.arange(5)), LabelError, "10"),
        (lambda: Calibrated(ranker).fit(archs, np.ones(20)), LabelError, "no order to learn"),
        (
            lambda: Calibrated(ranker).fit(archs, (np.arange(20) == 3).astype(float)),
            LabelError,
            "almost all values are equal",
        ),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
