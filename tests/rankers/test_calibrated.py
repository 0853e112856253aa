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
def test_uncertainty_is_that_of_what_was_not_seen(kind: Any) -> None:
    rng = np.random.default_rng(0)
    archs = rng.permutation(SPACE.enumerate())
    a, b = archs[:, :2].astype(float).T
    values = 70 + 2 * a - b + rng.normal(0, 0.5, len(archs))
    seen, rest = slice(60), slice(60, None)
    mean, sd = Calibrated(kind(SPACE)).fit(archs[seen], values[seen]).predict(archs[rest])
    z = (values[rest] - mean) / sd
    assert np.abs(z).max() < 5
    assert (np.abs(z) < 2).mean() > 0.85
    assert 0.6 < np.sqrt(np.mean(z**2)) < 1.4
    assert np.abs(mean - values[rest]).mean() < 1.0


def test_what_cannot_be_learnt() -> None:
    archs = SPACE.enumerate()[:20]
    ranker = GaussianProcess(SPACE)
    cases: list[tuple[Any, type[ArchrankError], str]] = [
        (lambda: Calibrated("gp"), ArgumentError, "Calibrated: ranker is 'gp'"),  # type: ignore[arg-type]
        (lambda: Calibrated(ranker, folds=1), SettingsError, "folds must be at least 2"),
        (lambda: Calibrated(ranker).predict(archs), NotFittedError, "is not fitted yet"),
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
