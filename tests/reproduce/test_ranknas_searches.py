"""RankNAS's Table 4, Figs. 6 and 7: quick runs of one folder, and rules on made-up numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from archrank.reproduce import reproduce
from archrank.reproduce.base import Comparison, Found
from archrank.reproduce.catalogue import find
from archrank.reproduce.page import render
from archrank.reproduce.ranknas import accuracy, search_quality, strategies
from archrank.reproduce.ranknas.charts import Curve, curves
from archrank.reproduce.ranknas.extent import FULL, QUICK
from archrank.reproduce.ranknas.fits import DEFAULT, RANKNAS
from archrank.reproduce.ranknas.scratch import agreement, judges
from archrank.supernets.training import SupernetTraining

NAMES = ("ranknas-table4", "ranknas-fig6", "ranknas-fig7")


def numbers(found: Comparison) -> dict[str, float]:
    return {row.what: row.ours for row in found.rows}


def test_quick_runs_share_their_trainings_and_repeat_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    first = {
        name: reproduce(name, quick=True, out=tmp_path, announce=told.append) for name in NAMES
    }
    begun = [line for line in told if line.endswith(": begins")]
    assert sum("training of supernet" in line for line in begun) == 2  # one of each space
    scratch = [line for line in begun if "from scratch" in line]
    found = first["ranknas-fig6"].notes[1]
    assert len(scratch) <= 2 * QUICK.scratch + int(found.split()[0])
    for name in NAMES:
        assert len(numbers(first[name])) == len(first[name].rows)  # all are named differently
        assert all(row.why for row in first[name].rows)
        assert any("mean nothing" in note for note in first[name].notes)

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(SupernetTraining, "run_epoch", never)
    monkeypatch.setattr("archrank.reproduce.ranknas.trainings.train", never)
    monkeypatch.setattr("archrank.reproduce.ranknas.trainings.one_shot_scores", never)
    for name in NAMES:
        again = reproduce(name, quick=True, out=tmp_path)
        assert np.array_equal(
            list(numbers(again).values()), list(numbers(first[name]).values()), equal_nan=True
        )
    tables = [row for row in first["ranknas-table4"].rows if row.paper is not None]
    assert [row.paper for row in tables[:4]] == [0.827, 0.883, 0.913, 0.945]
    assert len(tables) == 16
    for name in NAMES[1:]:
        page = render(find(name), first[name])
        assert 'class="band s0"' in page
        assert "path.band.s0" in page


def space_of(ranknas: list[float], hat: list[float], losses: list[float]) -> accuracy.Ranked:
    archs = judges("hat_small", QUICK)[: len(losses)]
    alone: list[Found] = [
        {"valid_loss": loss, "test_bleu": 100 - loss, "cpu_seconds": 1.0} for loss in losses
    ]
    scores = {accuracy.HAT: hat, RANKNAS: ranknas, DEFAULT: hat}
    run: Any = {name: {"scores": each, "seconds": 1.0} for name, each in scores.items()}
    return accuracy.Ranked("hat_small", archs, alone, [run], QUICK)


def test_ranks_are_judged_by_trainings_that_ended() -> None:
    losses, scores = [1.0, 2.0, 3.0, float("nan")], [0.4, 0.1, 0.3, 0.2]
    space = space_of(scores, scores[::-1], losses)
    rows = {row.what: row.ours for row in accuracy._rows(space)}
    head = "small space, by validation loss, RankNAS"
    truth = [-1, -2, -3]
    assert rows[f"{head}: tau"] == pytest.approx(kendalltau(scores[:3], truth).statistic)
    assert rows[f"{head}: rho"] == pytest.approx(spearmanr(scores[:3], truth).statistic)
    assert rows["small space, by test BLEU, RankNAS: tau"] == rows[f"{head}: tau"]
    assert "validation loss 1.000 to 3.000" in accuracy._note(space)


def test_claims_of_accuracy() -> None:
    losses = [1.0, 2.0, 3.0, 4.0]
    right, wrong = [4.0, 3.0, 2.0, 1.0], [3.0, 4.0, 2.0, 1.0]
    assert accuracy._claims(space_of(right, wrong, losses))[0].holds
    assert not accuracy._claims(space_of(wrong, right, losses))[0].holds
    name, values = space_of(right, right, losses).feature()
    best = max(
        abs(agreement("tau", column, -np.array(losses)))
        for column in accuracy.networks_of("hat_small", QUICK)
        .space.features(judges("hat_small", QUICK))
        .T.astype(float)
    )
    assert agreement("tau", values, -np.array(losses)) == pytest.approx(best)
    assert ":" in name


def test_agreement_of_what_does_not_differ() -> None:
    truth = np.array([1.0, 2.0, np.nan, 3.0])
    assert agreement("tau", np.ones(4), truth) == 0
    assert np.isnan(agreement("rho", truth, np.ones(4)))
    assert agreement("tau", np.array([1.0, 2.0, 0.0, 9.0]), truth) == 1


def test_the_better_ranker_must_find_the_better_model() -> None:
    def run(tau: float, loss: float) -> Found:
        return {"scratch": tau, "valid_loss": [9.0, loss]}

    good, bad = [run(0.8, 1.0), run(0.7, 1.1)], [run(0.3, 1.2), run(0.4, 1.4)]
    names = search_quality.RANKERS
    held = search_quality._claims(dict(zip(names, (good, bad), strict=True)))
    assert [claim.holds for claim in held] == [True, True]
    turned = search_quality._claims(dict(zip(names, (bad, good), strict=True)))
    assert [claim.holds for claim in turned] == [False, False]


def test_generations_that_are_trained_from_scratch() -> None:
    assert search_quality.generations(FULL.evolution) == (0, 2, 6, 15, 30)
    assert search_quality.generations(QUICK.evolution) == (0, 2, QUICK.generations)
    assert search_quality.scored(FULL.evolution, 30) == FULL.evolution.evaluations == 3125
    assert strategies.counts(FULL)[::30] == [125, 3125]


def test_a_random_search_stops_when_it_finds_nothing_better() -> None:
    patient = QUICK.random  # of 16 architectures, three of them in vain
    scores = np.zeros(16 * 7)
    assert strategies._stop(scores, patient) == 16 * 4
    scores[16 * 2 + 3] = 1
    assert strategies._stop(scores, patient) == 16 * 6
    scores[-1] = 2
    assert strategies._stop(scores[: 16 * 5], patient) == 16 * 5


def test_claims_of_strategies() -> None:
    at = [10, 20, 30]

    def runs(evolution: list[float], random: list[float]) -> list[Found]:
        losses = (evolution, random, random)
        return [
            {
                name: {"losses": [[loss + r for loss in each]]}
                for name, each in zip(strategies.STRATEGIES, losses, strict=True)
            }
            for r in range(2)
        ]

    held = strategies._claims(runs([3.0, 1.0, 0.5], [3.0, 2.0, 1.0]), at)
    assert [claim.holds for claim in held] == [True, True, True]
    assert held[0].measured.endswith("evolution after 20, random search itself after 30")
    slow = strategies._claims(runs([3.0, 2.0, 1.0], [3.0, 1.0, 1.0]), at)
    assert [claim.holds for claim in slow] == [False, False, False]


def test_bands_leave_differences_between_supernets_out() -> None:
    found = [
        {name: {"losses": [[5.0 + 10 * r, 4.0 + 10 * r]] * 2} for name in strategies.STRATEGIES}
        for r in range(2)
    ]
    for curve in strategies._curves(found, [10, 20]):
        assert curve.mean.tolist() == pytest.approx([10, 9])
        assert curve.half.tolist() == pytest.approx([0, 0])


def test_curves_with_a_level() -> None:
    at = np.array([1.0, 2.0, 3.0])
    drawn = [Curve("a & b", at, at, np.zeros(3)), Curve("c", at, 2 * at, np.ones(3))]
    figure = curves("title", "x", "y", drawn, caption="words", level=("least", 9.0))
    assert figure.legend == (("limit", "least"), ("s0", "a & b"), ("s1", "c"))
    assert figure.svg.count("<circle") == 6
    assert "a &amp; b, 1: 1.0000" in figure.svg
