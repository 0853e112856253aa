from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from archrank.errors import ArchrankError, LabelError, SettingsError
from archrank.rankers import CalibratedLatency, NotFittedError, RandomForest, RankNAS
from archrank.rankers.base import Ranker
from archrank.spaces import CustomSpace
from archrank.types import Archs, Floats

SPACE = CustomSpace({name: list(range(9)) for name in "abcd"}, build=lambda config, task: None)


class Scores(Ranker):
    """Scores by the sum of decisions, stretched by a number that each fit draws anew."""

    def __init__(self, space: CustomSpace, seed: int = 0) -> None:
        self.space = space
        self.seed = seed

    def _fit(self, archs: Archs, scores: Floats) -> None:
        self.scale_ = 1 + 100 * abs(float(np.cos(scores.sum() * 1e3)))
        self.shift_ = float(np.sin(scores.sum()))

    def _predict(self, archs: Archs, return_std: bool) -> tuple[Floats, Floats | None]:
        return self.shift_ - self.scale_ * archs.sum(axis=1), None


def measured(n: int, seed: int, noise: float = 0.1) -> tuple[Archs, NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    archs = SPACE.sample(n, rng=rng)
    return archs, (3.0 + archs.sum(axis=1)) * np.exp(noise * rng.standard_normal(n))


def test_scores_of_any_scale_become_milliseconds() -> None:
    archs, ms = measured(200, 0, noise=0.0)
    latency = CalibratedLatency(Scores(SPACE)).fit(archs, ms)
    new, truth = measured(300, 1, noise=0.0)
    inside = (truth > np.quantile(ms, 0.05)) & (truth < np.quantile(ms, 0.95))
    np.testing.assert_allclose(latency.predict_ms(new)[inside], truth[inside], rtol=0.05)
    assert latency.held_out.tau > 0.95
    assert latency.held_out.error_ms < 0.3
    assert latency.margin < 0.05


@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize("ranker", [Scores(SPACE), RankNAS(SPACE), RandomForest(SPACE)])
def test_the_share_that_is_covered(ranker: Ranker, coverage: float) -> None:
    new, truth = measured(2000, 99)
    shares = []
    for seed in range(4):
        archs, ms = measured(100, seed)
        latency = CalibratedLatency(ranker, coverage, seed=seed).fit(archs, ms)
        shares.append((truth <= latency.upper_ms(new)).mean())
        inside = latency.within(new, 18.0)
        assert (inside == (latency.upper_ms(new) <= 18.0)).all()
        if coverage == 0.9:
            assert (truth[inside] <= 18.0).mean() > 0.9
    assert abs(np.mean(shares) - coverage) < 0.06


def test_a_wider_coverage_has_a_wider_margin() -> None:
    archs, ms = measured(100, 0)
    margins = [CalibratedLatency(Scores(SPACE), c).fit(archs, ms).margin for c in (0.5, 0.8, 0.95)]
    assert margins == sorted(margins)
    assert 0.0 <= margins[0] < 0.05
    # the noise has a standard deviation of 10 %, whose quantile of 95 % is at 1.64 of them
    assert margins[-1] == pytest.approx(0.18, abs=0.08)


def test_the_margin_is_a_conformal_quantile() -> None:
    archs, ms = measured(19, 0)
    latency = CalibratedLatency(Scores(SPACE), 0.95).fit(archs, ms)  # (19 + 1) .95 = the largest
    assert latency.least_labels == 19
    assert (ms <= latency.upper_ms(archs) * 1.35).all()
    with pytest.raises(LabelError, match=r"18 measured latencies are too few .* at least 19"):
        CalibratedLatency(Scores(SPACE), 0.95).fit(archs[:18], ms[:18])


def test_faster_and_slower_than_all_that_was_measured() -> None:
    archs, ms = measured(100, 0, noise=0.0)
    middle = (archs.sum(axis=1) > 10) & (archs.sum(axis=1) < 22)
    latency = CalibratedLatency(Scores(SPACE)).fit(archs[middle], ms[middle])
    ends = np.array([[0] * 4, [8] * 4], dtype=np.uint8)
    fastest, slowest = latency.predict_ms(ends)
    assert fastest < ms[middle].min()
    assert slowest > ms[middle].max()


def test_the_same_again() -> None:
    archs, ms = measured(60, 0)
    a, b = (CalibratedLatency(RandomForest(SPACE), seed=3).fit(archs, ms) for _ in range(2))
    assert (a.upper_ms(archs) == b.upper_ms(archs)).all()


def test_what_cannot_be_learnt() -> None:
    archs, ms = measured(40, 0)
    latency = CalibratedLatency(Scores(SPACE))
    with pytest.raises(NotFittedError, match=r"fit\(archs, ms\)"):
        latency.predict_ms(archs)
    with pytest.raises(NotFittedError):
        latency.margin  # noqa: B018
    for wrong, told in (
        (ms[:-1], "shape"),
        (np.where(np.arange(40) == 7, -1.0, ms), "latency 7 is -1, expected milliseconds above 0"),
        (np.where(np.arange(40) == 7, np.nan, ms), "latency 7 is nan"),
        (np.full(40, 2.0), "all 40 latencies are 2 ms"),
        (np.where(np.arange(40) == 7, 1.0, 2.0), "almost all measured latencies are equal"),
    ):
        with pytest.raises(LabelError, match=told):
            latency.fit(archs, wrong)
    for settings in ({"coverage": 1}, {"coverage": 0}, {"folds": 1}, {"coverage": "90"}):
        with pytest.raises(SettingsError):
            CalibratedLatency(Scores(SPACE), **settings)  # type: ignore[arg-type]
    with pytest.raises(ArchrankError, match="ranker is 'ranknas', expected an archrank Ranker"):
        CalibratedLatency("ranknas")  # type: ignore[arg-type]
