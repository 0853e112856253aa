"""The published protocols on the tables that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import numpy as np
import pytest

from archrank.reproduce import Comparison, Plan, engine, reproduce
from archrank.reproduce.acenas import figures
from archrank.reproduce.base import Claim, Row
from archrank.reproduce.bench import Bench
from archrank.reproduce.builtin import builtin_bench, with_builtin_names
from archrank.reproduce.catalogue import REPRODUCTIONS
from archrank.reproduce.ranknas import latency
from archrank.spaces import NASBench201
from archrank.tables import load_table


@pytest.fixture(scope="module")
def bench() -> Bench:
    return builtin_bench(REPRODUCTIONS["acenas-table2"])


@pytest.fixture(scope="module")
def compared() -> Iterator[None]:
    """Figures of the same searches share them, which saves time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "compared", cache(figures.compared))
        yield


def test_accuracies_are_those_of_the_tables_in_percent(bench: Bench) -> None:
    for key, name in (
        ("c10", "digits201"),
        ("c100", "glyphs201"),
        ("in16", "characters201"),
    ):
        table = load_table(name, NASBench201())
        rows = table.rows(bench.archs)
        assert (rows >= 0).all()
        assert (bench[f"{key}_val"] == 100 * table.column("valid_accuracy")[rows]).all()
        assert (bench[f"{key}_test"] == 100 * table.column("test_accuracy")[rows]).all()
    assert len(bench) >= 2000
    assert np.isfinite(bench["oneshot_acc"]).all()


def test_the_goal_is_as_rare_as_the_blogs(bench: Bench) -> None:
    share = (bench["c10_test"] >= bench.goal).mean()
    assert 0 < share < 2 * 43 / 15625


@pytest.mark.parametrize("name", [n for n, item in REPRODUCTIONS.items() if item.files])
def test_every_protocol_runs_offline(
    name: str, bench: Bench, compared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency, "QUICK_SIZES", (20, 50, 200))  # 1,600 labels take a minute
    monkeypatch.setattr(latency, "MANY", 200)
    item = REPRODUCTIONS[name]
    bench = builtin_bench(item) if item.alone else bench
    comparison = with_builtin_names(item.run(bench, Plan(quick=True, seeds=1, epochs=1)), bench)
    assert comparison.rows
    assert all(row.paper is None for row in comparison.rows)
    assert not any("c10" in row.what for row in comparison.rows)
    assert any(np.isfinite(row.ours) for row in comparison.rows)
    assert f"{len(bench):,} architectures" in comparison.notes[0]


def test_data_sets_get_their_own_names(bench: Bench) -> None:
    rows = [Row("c10  guided", 1.0, 2.0), Row("c100 tau", 1.0), Row("c1000 is not one", 1.0)]
    notes = ("labels: c10_val; judged on c100_test", "in16: from oneshot_acc, not c10_valid")
    claims = [Claim("c100 is like c10", True, "c10: 3")]
    told = with_builtin_names(Comparison(rows, claims, notes), bench)
    assert [row.what for row in told.rows] == ["digits  guided", "glyphs tau", "c1000 is not one"]
    assert told.claims[0] == Claim("glyphs is like digits", True, "digits: 3")
    assert told.notes[1:] == (
        "labels: digits valid_accuracy; judged on glyphs test_accuracy",
        "characters: from oneshot_accuracy, not c10_valid",
    )


def test_notes_of_the_protocol_follow_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Plan", partial(Plan, epochs=1))
    found = reproduce("surgery-a3", tables="builtin", quick=True, seeds=1)
    assert found.notes[0].startswith("measured on the 6,466 architectures that digits201")
    assert found.notes[1:] == (  # without the paper's figures, which are of other data
        "supernets trained on subsets: archrank reproduce surgery-supernets --tables builtin",
    )


def test_the_same_seeds_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "Plan", partial(Plan, epochs=5))

    def run() -> list[float]:
        comparison = reproduce("surgery-a3", tables="builtin", quick=True, seeds=1)
        return [row.ours for row in comparison.rows]

    assert run() == run()


def test_one_data_set_is_taken_whole() -> None:
    alone = builtin_bench(REPRODUCTIONS["acenas-fig14"])
    table = load_table("digits201", NASBench201())
    assert len(alone) == len(table)
    assert set(alone.columns) == {"c10_val", "c10_test", "c10_oneshot", "oneshot_acc"}
    notes = with_builtin_names(Comparison([], []), alone).notes
    assert "architectures that digits201 (for CIFAR-10) has" in notes[0]


def test_weak_labels_are_those_of_each_table(bench: Bench) -> None:
    for key, name in (("c10", "digits201"), ("c100", "glyphs201"), ("in16", "characters201")):
        table = load_table(name, NASBench201())
        found = table.column("oneshot_accuracy")[table.rows(bench.archs)]
        assert (bench[f"{key}_oneshot"] == 100 * found).all()
    assert bench["oneshot_acc"] is bench["c10_oneshot"]
