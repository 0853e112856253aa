"""Stages, weak labels and transfer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from archrank import criteria
from archrank.assess import assess
from archrank.assess.grid import Cell
from archrank.assess.training import best_new
from archrank.rankers.kit.targets import normal_scores
from archrank.spaces import NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Linear, Pretrained, Recorder


def test_stages_add_the_best_predicted(table: BenchTable, space: NASBench201) -> None:
    Recorder.fits.clear()
    found = assess(
        table,
        {"r": Recorder(space)},
        labels="val",
        truth="test",
        train_sizes=[20],
        seeds=1,
        stages=3,
        top=15,
    )
    assert found.raw["stage"].tolist() == [0, 1, 2]
    assert found.raw["labels"].tolist() == [20, 35, 50]
    rows = [table.rows(archs) for archs, _ in Recorder.fits]
    val = table.column("val")
    for before, after in pairwise(rows):
        assert (after[: len(before)] == before).all()
        scores = Linear(space).fit(table.archs[before], val[before]).predict(table.archs)
        left = np.setdiff1d(np.arange(len(table)), before)
        added = after[len(before) :]
        assert set(added) <= set(left)
        threshold = np.sort(scores[left])[-15]
        assert (scores[added] >= threshold - 1e-9).all()


def test_a_stage_adds_as_many_as_the_first_until_none_are_left(
    table: BenchTable, space: NASBench201
) -> None:
    found = assess(table, [Linear(space)], labels="val", train_sizes=[100], seeds=1, stages=4)
    assert found.raw["labels"].tolist() == [100, 200, 240, 240]
    assert found.table()["stage"].tolist() == [0, 1, 2, 3]


def test_ties_are_broken_at_random() -> None:
    scores = np.zeros(100)
    picks = [best_new(scores, np.arange(10), 5, Cell("a", 10, seed, 0)) for seed in range(20)]
    assert all((p >= 10).all() for p in picks)
    assert len(set(np.concatenate(picks).tolist())) > 40
    again = best_new(scores, np.arange(10), 5, Cell("b", 10, 0, 0))
    assert (again == picks[0]).all()


def test_zero_shot(table: BenchTable, space: NASBench201) -> None:
    Recorder.fits.clear()
    found = assess(
        table,
        {"r": Recorder(space)},
        labels="val",
        truth="test",
        train_sizes=[40],
        seeds=2,
        judge=["other_test", "other_val"],
    )
    assert len(Recorder.fits) == 2  # judged three times, fitted once per draw
    raw = found.raw
    assert raw["judged"].tolist() == ["test", "other_test", "other_val"] * 2
    assert raw["transfer"].tolist() == ["none", "zero-shot", "zero-shot"] * 2
    rows = np.random.default_rng([1, 0]).permutation(len(table))[:40]
    ranker = Linear(space).fit(table.archs[rows], table.column("val")[rows])
    expected = criteria.kendall_tau(ranker.predict(table.archs), table.column("other_test"))
    assert raw["tau"][4] == pytest.approx(expected)


def test_fine_tuning(table: BenchTable, space: NASBench201) -> None:
    found = assess(
        table,
        [Linear(space)],
        labels="val",
        truth="test",
        train_sizes=[30],
        seeds=2,
        judge=["other_test"],
        fine_tune=25,
        fine_tune_labels=["other_val"],
    )
    raw = found.raw
    assert raw["transfer"].tolist() == ["none", "zero-shot", "fine-tune"] * 2
    for seed in range(2):
        source = np.random.default_rng([seed, 0]).permutation(len(table))[:30]
        target = np.random.default_rng([seed, 1]).permutation(len(table))[:25]
        labels = dict(zip(source, normal_scores(table.column("val")[source]), strict=True))
        labels |= dict(zip(target, normal_scores(table.column("other_val")[target]), strict=True))
        rows = np.array(sorted(labels))
        scores = np.array([labels[row] for row in rows])
        ranker = Linear(space).fit(table.archs[rows], scores)
        expected = criteria.kendall_tau(ranker.predict(table.archs), table.column("other_test"))
        assert raw["tau"][3 * seed + 2] == pytest.approx(expected)


def test_weak_labels_reach_rankers_that_pretrain(
    table: BenchTable, space: NASBench201, tmp_path: Path, path: Path
) -> None:
    lines = path.read_text().splitlines()
    part = tmp_path / "part.csv"
    part.write_text("\n".join([lines[0], *reversed(lines[1:101])]) + "\n")  # 100 of 240, reordered
    Pretrained.calls.clear()
    rankers = {"weak": Pretrained(space), "plain": Linear(space)}
    found = assess(
        table,
        rankers,
        labels="val",
        truth="test",
        train_sizes=[20, 40],
        seeds=2,
        model_seeds=2,
        weak=["proxy", f"{part}:other_val", "macs"],
    )
    assert len(Pretrained.calls) == 2  # once per model seed
    for call in Pretrained.calls:
        assert list(call) == ["proxy", f"{part}:other_val", "macs"]
        assert (call["proxy"] == table.column("proxy")[:100]).all()
        assert (call[f"{part}:other_val"] == table.column("other_val")[:100]).all()
        assert (call["macs"] == space.cost(table.archs[:100])["macs"]).all()
    assert found.unaided == ("plain",)
    raw = found.raw
    assert ((raw["pretrain_seconds"] > 0) == (raw["ranker"] == "weak")).all()
    rows = found.table()
    assert rows["failed"].sum() == 0
    known = np.where(np.arange(len(table)) < 100, table.column("proxy"), 0.0)
    expected = criteria.kendall_tau(known, table.column("test"))
    assert rows[rows["ranker"] == "weak"]["tau"].tolist() == pytest.approx([expected] * 2)


def test_weak_rows(table: BenchTable, space: NASBench201) -> None:
    Pretrained.calls.clear()
    grid = {"labels": "val", "train_sizes": [20], "seeds": 1, "weak": ["proxy"]}
    assess(table, [Pretrained(space)], weak_rows=50, **grid)  # type: ignore[arg-type]
    assert [len(call["proxy"]) for call in Pretrained.calls] == [50]
