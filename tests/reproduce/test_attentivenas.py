"""Figures of AttentiveNAS: trainings of a few updates, and what is told of measured numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from archrank.reproduce import reproduce
from archrank.reproduce.attentivenas import extent, measuring, ranker, samplings
from archrank.reproduce.attentivenas.extent import FULL, Extent, extent_of
from archrank.reproduce.attentivenas.trainings import SAMPLINGS, UNIFORM, Supernets, networks_of
from archrank.reproduce.base import Found, Plan
from archrank.spaces.samplers.flops import FlopsSampler
from archrank.supernets.training import SupernetTraining
from archrank.tasks.base import Splits
from archrank.tasks.images.digits import Digits
from archrank.types import Floats

TINY = Extent(
    images=128,
    eval_images=64,
    epochs=2,
    early=1,
    archs=12,
    per_regime=3,
    initial=8,
    generations=1,
    children=4,
    offline=2000,
)


@dataclass(frozen=True)
class FewDigits(Digits):
    """Some of the digits, which need no fonts."""

    name = "few digits"

    def load(self) -> Splits:
        """Return 128 images to train with, 64 of each other part."""
        whole = super().load()
        return Splits(*(part.take(slice(n)) for part, n in zip(whole, (128, 64, 64), strict=True)))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[Extent]:
    """The shortest extent."""
    monkeypatch.setattr(Extent, "task", lambda self, split: FewDigits(seed=split))
    monkeypatch.setattr(extent, "QUICK", TINY)
    monkeypatch.setattr("archrank.spaces.networks.SAMPLED", 50_000)  # for the prior of FLOPs
    networks_of.cache_clear()
    yield TINY
    networks_of.cache_clear()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Priors of FLOPs that are drawn, by the size of their sample."""
    drawn: list[int] = []

    class Counted(FlopsSampler):
        def __init__(self, *arguments: Any, sample: int, **options: Any) -> None:
            drawn.append(sample)
            super().__init__(*arguments, sample=sample, **options)

    monkeypatch.setattr("archrank.spaces.samplers.flops.FlopsSampler", Counted)
    return drawn


def test_the_forest_is_told_beside_the_paper(
    tiny: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    priors = counted(monkeypatch)
    told: list[str] = []
    found = reproduce("attentivenas-fig4", quick=True, seeds=1, out=tmp_path, announce=told.append)
    assert len(priors) <= 2  # one for the images of each split, none for a training
    for doing in ("training with uniform, 2 epochs", "scoring 12 sub-networks of uniform"):
        assert [line for line in told if line.startswith(f"images 0, {doing}: ")][:2] == [
            f"images 0, {doing}: begins",
            next(line for line in told if line.startswith(f"images 0, {doing}: done in ")),
        ]
    rows = {row.what: row for row in found.rows}
    assert len(rows) == len(found.rows) == 24
    papers = [row.paper for row in found.rows if row.what.endswith("forest, tau")]
    assert papers == [0.89, 0.87, 0.88, None]
    assert all(np.isfinite(row.ours) and row.why for row in found.rows)
    assert sum("default ranker" in what for what in rows) == 4
    assert len(found.claims) == 3
    assert [figure.title for figure in found.figures] == [
        "(a) epoch 1, split 0",
        "(b) epoch 2, split 0",
        "(c) epoch 1, split 1",
        "(d) epoch 2, split 0, labels of that epoch",
    ]
    assert any("mean nothing" in note for note in found.notes)

    def trained_again(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SupernetTraining, "run_epoch", trained_again)
    again = reproduce("attentivenas-fig4", quick=True, seeds=1, out=tmp_path)
    assert [row.ours for row in again.rows] == [row.ours for row in found.rows]


def test_samplings_are_told_by_regime_and_share_their_trainings(
    tiny: Extent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    priors = counted(monkeypatch)
    told: list[str] = []
    found = reproduce("attentivenas-fig5", quick=True, seeds=1, out=tmp_path, announce=told.append)
    assert len(priors) == 1
    for doing in ("training with bestup-1m", "measuring regimes of uniform", "searching for the"):
        assert any(line.startswith(f"images 0, {doing}") for line in told)
    assert sum(line.endswith(": begins") for line in told) == len(told) / 2
    rows = {row.what: row.ours for row in found.rows}
    assert len(rows) == len(found.rows) == len(SAMPLINGS) * 5 * 3
    for name in SAMPLINGS.values():
        regime = [v for what, v in rows.items() if what.startswith(f"{name}, 0.14 MFLOPs")]
        assert 0 <= regime[0] <= regime[1] <= regime[2] <= 100  # minimum, quartile, median
    assert len(found.claims) == 2
    assert found.figures[0].svg.count("Uniform, ") == 5

    def trained_again(*arguments: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SupernetTraining, "run_epoch", trained_again)
    again = reproduce("attentivenas-fig6", quick=True, seeds=1, out=tmp_path)
    assert len(again.rows) == (len(SAMPLINGS) - 1) * 6 + len(SAMPLINGS)
    assert len(again.claims) == 4
    assert all(np.isfinite(row.ours) and row.why for row in again.rows)


def test_claims_of_samplings_are_judged_by_paired_differences() -> None:
    def run(*best: float) -> Found:
        return {"best": best, "regimes": [[value - 0.1, value] for value in best]}

    runs = {name: [run(*[0.5 + 0.1 * r] * 5) for r in range(3)] for name in SAMPLINGS}
    assert not any(c.holds for c in (*samplings._claims_5(runs), *samplings._claims_6(gains(runs))))
    better = {"worstup-50-ranker": 0.01, "worstup-1m": 0.02, "bestup-3-loss": 0.05}
    better["worstup-3-loss"] = 0.01
    for name, more in better.items():
        runs[name] = [run(*[0.5 + 0.1 * r + more] * 5) for r in range(3)]
    assert [c.holds for c in samplings._claims_5(runs)] == [True, True]
    told = samplings._claims_6(gains(runs))
    assert [c.holds for c in told] == [True, False, True, True]
    assert told[0].measured == "+1.00 ± 0.00 and +2.00 ± 0.00"


def gains(runs: samplings.Runs) -> dict[str, Floats]:
    return {name: samplings.gain(runs, name) for name in runs if name != UNIFORM}


def test_regimes_are_in_proportion_to_the_published_ones() -> None:
    networks = networks_of(TINY, 0)
    low, high = measuring.extremes(networks)
    prior = networks.flops_prior
    found = measuring.centres(networks)
    wanted = low + (np.array([300, 400, 500, 600]) - 203.39) / (1939.34 - 203.39) * (high - low)
    assert np.abs(found[1:] - wanted).max() <= prior.bin_mflops / 2 + 1e-6
    for centre in found:
        archs = measuring.in_regime(networks, centre, 6, np.random.default_rng(0))
        macs = networks.cost(archs)["macs"] / 1e6
        assert len(np.unique(archs, axis=0)) == len(archs) == 6
        assert np.abs(macs - centre).max() <= prior.bin_mflops / 2 + 1e-9


def test_ranks_that_are_apart() -> None:
    truth = np.arange(20.0)
    predicted = truth.copy()
    predicted[[0, 10]] = predicted[[10, 0]]
    found = ranker.judged(predicted, -truth, truth, truth)
    assert found["tau"] == pytest.approx(kendalltau(predicted, truth).statistic)
    assert (found["macs"], found["ceiling"]) == (-1.0, 1.0)
    assert found["apart"] == pytest.approx(100 * (10 + 10) / 20 / 20)
    assert found["near"] == pytest.approx(90.0)


def test_samplings_that_cost_more_have_fewer_epochs(tmp_path: Path) -> None:
    supernets = Supernets(FULL, 0, tmp_path)
    epochs = {name: supernets.epochs(name) for name in SAMPLINGS}
    assert epochs[UNIFORM] == FULL.epochs
    assert epochs["bestup-3-loss"] == epochs["worstup-3-loss"] < FULL.epochs
    guided = {epochs[n] for n in SAMPLINGS if n.endswith(("ranker", "1m"))}
    assert len(guided) == 1
    assert FULL.epochs // 2 < guided.pop() < FULL.epochs - FULL.early


def test_numbers_are_measured_once(tmp_path: Path) -> None:
    supernets = Supernets(FULL, 0, tmp_path)
    calls: list[int] = []

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"n": len(calls)}

    first = [supernets.kept(UNIFORM, "x", {"archs": ["a"]}, measure) for _ in range(2)]
    assert first == [{"n": 1}, {"n": 1}]
    assert supernets.kept(UNIFORM, "x", {"archs": ["b"]}, measure) == {"n": 2}
    other = Supernets(replace(FULL, epochs=3), 0, tmp_path)
    assert other.kept(UNIFORM, "x", {"archs": ["b"]}, measure) == {"n": 3}


def test_an_extent_of_given_epochs() -> None:
    assert extent_of(Plan()) == FULL
    assert FULL.epochs == 12 * FULL.early
    assert extent_of(Plan(epochs=6)) == replace(FULL, epochs=6, early=2)
