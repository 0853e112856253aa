"""AceNAS's ablations: what is run, and the figures against their definitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archrank.reproduce.acenas import ablations
from archrank.reproduce.acenas.search import pretrained_each
from archrank.reproduce.base import Found, Plan
from archrank.reproduce.bench import Bench, load_bench
from archrank.reproduce.catalogue import BOTH, SUPERNET

PLAN = Plan(seeds=2, epochs=1)


@pytest.fixture(scope="module")
def bench(tables: Path) -> Bench:
    return load_bench(SUPERNET, BOTH, tables)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[ablations.Search]:
    """Searches that a protocol asks for; each finds the cell of its seed."""
    asked: list[ablations.Search] = []

    def run(job: ablations.Search) -> Found:
        asked.append(job)
        test = job.bench[f"{job.data}_test"]
        return {
            "test": float(test[job.seed]),
            "seconds": 1.0,
            "incumbent": [0.0] * 20 + [float(test.max()) - 1 - job.seed] * 90,
            "rounds": [{"regret10": 1.0 + job.seed, "seconds": 1.0}] * 5,
        }

    monkeypatch.setattr(ablations, "run_search", run)
    return asked


def test_figure_8(bench: Bench, jobs: list[ablations.Search]) -> None:
    found = ablations.figure_8(bench, PLAN)
    assert {(job.budget, job.top, job.data) for job in jobs} == {(80, 20, "c10"), (80, 20, "c100")}
    val, test = bench["c10_val"], bench["c10_test"]
    chosen = np.argsort(-bench["oneshot_acc"], kind="stable")[:100]
    answer = chosen[val[chosen].argmax()]
    greedy, ours = found.rows[:2]
    assert greedy.ours == pytest.approx(test.max() - test[answer])
    assert ours.ours == pytest.approx(test.max() - test[:2].mean())
    assert (ours.seeds, greedy.seeds) == (2, 1)


def test_figure_9(bench: Bench, jobs: list[ablations.Search]) -> None:
    found = ablations.figure_9(bench, PLAN)
    kinds = {job.method: job.ranker for job in jobs if job.data == "c10"}
    learnt = {
        name: list(getattr(getattr(ranker, "pretrained_", None), "r2", ()))
        for name, ranker in kinds.items()
    }
    everything = ["oneshot_acc", "macs", "params"]
    assert learnt == {
        "LambdaRank": everything,
        "RankNet": everything,
        "MSE": everything,
        "pretrained on FLOPs, params only": ["macs", "params"],
        "pretrained on one-shot only": ["oneshot_acc"],
        "no pretraining": [],
    }
    objectives = [kinds[name].get_params()["objective"] for name in list(learnt)[:3]]
    assert objectives == ["lambdarank", "ranknet_halves", "mse"]
    assert len(found.rows) == 12
    assert all(row.ours == 1.5 for row in found.rows)
    assert len(found.claims) == 4


def test_figure_14(bench: Bench) -> None:
    found = ablations.figure_14(bench, replace(PLAN, epochs=15, seeds=1))
    assert [row.what for row in found.rows][1:] == ["R2 of FLOPs", "R2 of parameters"]
    assert found.rows[1].ours > 0.5  # after some 300 steps
    assert found.notes == ("384 cells learnt, 96 held out",)


def test_search(bench: Bench, jobs: list[ablations.Search]) -> None:
    found = ablations.search(bench, replace(PLAN, quick=True))
    assert {job.data for job in jobs} == {"c100"}
    shares = {job.method: job.greedy for job in jobs}
    assert shares["all labels random"] == 0
    assert shares["no label random"] == 1
    assert shares["AceNAS"] == 0.5
    values = {row.what: row.ours for row in found.rows}
    assert values["c100 best of the top 10 only, regret"] == 1.5
    assert values["c100 AceNAS, regret on the way"] == pytest.approx(1.5)
    assert len(values) == 17
    assert [job.method for job in jobs if job.carry_over] == ["weights carried over"] * 2
    assert found.claims == []
    told = found.notes[-1]
    assert told.startswith("c100: AceNAS has a regret of ") == any(
        value < values["c100 AceNAS, regret"]
        for what, value in values.items()
        if not what.endswith("way")
    )


def test_data_sets_with_the_same_labels_share_a_pretraining(bench: Bench) -> None:
    shared = pretrained_each(bench, PLAN, ("c10", "c100"))
    assert shared["c10"] is shared["c100"]
    own = bench.columns | {"c100_oneshot": bench["oneshot_acc"][::-1].copy()}
    apart = pretrained_each(replace(bench, columns=own), PLAN, ("c10", "c100"))
    assert apart["c10"].pretrained_.digest != apart["c100"].pretrained_.digest
    costs = pretrained_each(replace(bench, columns=own), PLAN, ("c10", "c100"), labels="costs")
    assert costs["c10"] is costs["c100"]
