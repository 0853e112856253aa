from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archrank.errors import SpaceError, TableError
from archrank.hardware import pixel1_latency
from archrank.hardware.look_up import PIXEL1_FILE
from archrank.rankers import AceNAS
from archrank.spaces import NASBench201, ProxylessNAS
from archrank.strategies import STRATEGIES, ProxylessAceNAS
from tests.strategies.helpers import Weights, history, rows, some, write_weights

SPACE = ProxylessNAS()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


def test_published_plan(weights: Path) -> None:
    strategy = ProxylessAceNAS(SPACE, root=weights)
    assert STRATEGIES.get("acenas_proxyless") is ProxylessAceNAS
    assert strategy.sizes == (80, 30, 30, 30)
    assert (strategy.budget, strategy.top, strategy.usual_budget) == (200, 30, 234)
    known = some(SPACE, 80)
    batches = [strategy.batch(history(SPACE, known[:n], np.zeros(n))) for n in (0, 10, 80)]
    assert batches == [80, 70, 30]
    assert int(strategy.greedy * 30 + 1e-9) == 20
    ranker = strategy.ranker
    assert isinstance(ranker, AceNAS)
    assert (ranker.width, ranker.head, ranker.relevance_scale) == (128, 256, 15)
    assert strategy.describe()["band"]["low_ms"] == 83


def test_everything_lies_in_the_band_and_half_is_greedy(weights: Path) -> None:
    strategy = ProxylessAceNAS(SPACE, Weights(SPACE), root=weights, candidates=3_000)
    model = pixel1_latency(SPACE, weights / PIXEL1_FILE)
    known = strategy.propose(
        history(SPACE, some(SPACE, 1)[:0], []), 80, rng=np.random.default_rng(0)
    )
    assert len(rows(known)) == 80
    score = lambda archs: -archs.astype(float).sum(axis=1)  # noqa: E731
    while len(known) < 200:
        now = history(SPACE, known, score(known))
        n = strategy.batch(now)
        new = strategy.propose(now, n, rng=np.random.default_rng(len(known)))
        assert len(new) == n == 30
        if len(known) < 170:
            assert score(new[:20]).min() > score(new[20:]).mean()
        known = np.concatenate([known, new])
    assert len(rows(known)) == 200
    assert ((model(known) >= 83) & (model(known) <= 85)).all()
    assert score(known[170:]).mean() > score(known[:80]).max()  # evolution goes beyond the random


def test_weak_architectures(weights: Path) -> None:
    strategy = ProxylessAceNAS(SPACE, Weights(SPACE), root=weights)
    weak = strategy.weak_archs(SPACE, rng=np.random.default_rng(0))
    assert 9_900 < len(weak) <= 10_000
    assert strategy.band is not None
    assert 0.5 < strategy.band.inside(weak).mean() < 0.7


def test_what_does_not_fit_is_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpaceError, match="searches the space proxylessnas, got nasbench201"):
        ProxylessAceNAS(NASBench201(), root=weights)
    with pytest.raises(SpaceError, match="no architecture of"):
        ProxylessAceNAS(SPACE, root=weights, band_ms=(1, 2))
    monkeypatch.delenv("ARCHRANK_DATA", raising=False)
    with pytest.raises(TableError, match="the latency weights are not part of archrank"):
        ProxylessAceNAS(SPACE)
