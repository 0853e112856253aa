"""The grid against a plain loop; the same whatever runs it, and whenever."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

import archrank as ar
from archrank import criteria
from archrank.assess import Assessment, assess
from archrank.assess.grid import Cell, Done
from archrank.errors import (
    ResumeError,
    SettingsError,
    StorageError,
    UnknownNameError,
)
from archrank.parallel import process_pool
from archrank.rankers import RandomForest
from archrank.spaces import CustomSpace, NASBench201
from archrank.tables import BenchTable
from tests.assess.helpers import Constant, Linear, Recorder, Unlucky

GRID: dict[str, Any] = {"labels": "val", "truth": "test", "train_sizes": [20, 40], "seeds": 3}


def same(a: Assessment, b: Assessment) -> None:
    """Equal but for the time that it took."""
    times = ["pretrain_seconds", "fit_seconds", "rank_seconds", "seconds"]
    pd.testing.assert_frame_equal(a.raw.drop(columns=times), b.raw.drop(columns=times))


def test_against_a_plain_loop(table: BenchTable, space: NASBench201) -> None:
    noisy = Linear(space, noise=2.0)
    found = assess(table, {"a": Linear(space), "b": noisy}, model_seeds=2, **GRID)
    raw = found.raw
    assert len(raw) == 2 * 2 * 3 * 2
    val, test = table.column("val"), table.column("test")
    for row in raw.to_dict("records"):
        size, data, model = row["train_size"], row["data_seed"], row["model_seed"]
        rows = np.random.default_rng([data, 0]).permutation(len(table))[:size]
        seed = int(np.random.SeedSequence([data, model]).generate_state(1)[0] >> 1)
        ranker = Linear(space, noise=2.0 if row["ranker"] == "b" else 0.0, seed=seed)
        scores = ranker.fit(table.archs[rows], val[rows]).predict(table.archs)
        assert row["tau"] == pytest.approx(criteria.kendall_tau(scores, test))
        assert row["spearman"] == pytest.approx(criteria.spearman(scores, test))
        assert row["p_at_5"] == pytest.approx(criteria.precision_at(scores, test, 12))
        assert row["br_at_1"] == pytest.approx(criteria.best_ranking_at(scores, test, 2))
        assert row["n_at_10"] == pytest.approx(criteria.n_at(scores, test, 10))
        assert row["ndcg_10"] == pytest.approx(criteria.ndcg(scores, test, k=10))
        assert row["regret_10"] == pytest.approx(criteria.regret(scores, test, k=10))
        assert row["pair_accuracy"] == pytest.approx(criteria.pair_accuracy(scores, test))
        difference = criteria.group_rank_difference(scores, test, table.column("flops"))
        given = [np.nan if d is None else d for d in row["rank_difference"]]
        assert np.allclose(given, difference, equal_nan=True)
        assert row["labels"] == size
        assert row["failure"] is None
        assert row["seconds"] == row["fit_seconds"] + row["rank_seconds"] > 0


def test_a_folder_older_than_a_criterion(table: BenchTable, space: NASBench201) -> None:
    found = assess(table, {"a": Linear(space)}, **GRID)
    for done in found.done:
        for row in done.rows:
            del row["n_at_10"]
    old = replace(found)
    assert old.raw["n_at_10"].isna().all()
    heading, *rows = old.rows(["tau", "N@10"])
    assert heading[-3:] == ("tau", "N@10", "seconds")
    assert all(row[-2] == "–" for row in rows)


def test_the_table_is_mean_and_spread(table: BenchTable, space: NASBench201) -> None:
    found = assess(table, {"z": Linear(space), "a": Linear(space, ridge=99.0)}, **GRID)
    rows = found.table()
    assert rows["ranker"].tolist() == ["z", "a", "z", "a"]  # as asked for, within a size
    assert rows["labels"].tolist() == [20, 20, 40, 40]
    taus = found.raw.query("ranker == 'a' and train_size == 40")["tau"]
    assert len(taus) == 3
    assert rows["tau"][3] == pytest.approx(np.mean(taus))
    assert rows["tau_sd"][3] == pytest.approx(np.std(taus, ddof=1))
    assert rows["fits"].tolist() == [3] * 4
    assert rows["failed"].tolist() == [0] * 4
    alone = assess(table, [Linear(space)], labels="val", train_sizes=[20], seeds=1)
    assert np.isnan(alone.table()["tau_sd"][0])
    assert "±" not in alone.rows()[1][2]
    assert "±" in found.rows()[1][2]


def test_every_ranker_gets_the_same_rows(table: BenchTable, space: NASBench201) -> None:
    Recorder.fits.clear()
    assess(table, {"a": Recorder(space), "b": Recorder(space, ridge=2.0)}, **GRID)
    fits = Recorder.fits
    assert len(fits) == 12
    for (a, ya), (b, yb) in zip(fits[::2], fits[1::2], strict=True):
        assert (a == b).all()
        assert (ya == yb).all()
    small, large = fits[0][0], fits[2][0]
    assert (large[:20] == small).all()  # more labels: the same and others
    assert not (fits[4][0] == small).all()  # another seed: another draw
    known = table.rows(small)
    assert (fits[0][1] == table.column("val")[known]).all()


def test_training_rows_can_be_left_out(table: BenchTable, space: NASBench201) -> None:
    grid = {**GRID, "train_sizes": [40], "seeds": 1}
    row = assess(table, [Linear(space)], leave_out_training=True, **grid).raw.iloc[0]
    order = np.random.default_rng([0, 0]).permutation(len(table))
    rows, others = order[:40], np.sort(order[40:])
    seed = int(np.random.SeedSequence([0, 0]).generate_state(1)[0] >> 1)
    ranker = Linear(space, seed=seed).fit(table.archs[rows], table.column("val")[rows])
    truth = table.column("test")[others]
    assert row["tau"] == pytest.approx(
        criteria.kendall_tau(ranker.predict(table.archs[others]), truth)
    )


def test_what_is_minimised_is_turned_round(table: BenchTable, space: NASBench201) -> None:
    found = assess(table, [Linear(space)], labels="val", truth="test_loss", seeds=2)
    assert (found.raw["tau"] > 0.1).all()


def test_workers_change_nothing(path: Path, space: NASBench201) -> None:
    rankers = {"forest": RandomForest(space, trees=5), "linear": Linear(space, noise=1.0)}
    alone = assess(path, rankers, space=space, **GRID)
    executor = process_pool(2)
    assert executor is not None
    with executor:
        same(alone, assess(path, rankers, space=space, executor=executor, **GRID))


class Stop:
    """Interrupts after some results."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.told: list[tuple[int, int]] = []
        self.cells: list[Cell] = []

    def started(self, total: int, done: int) -> None:
        self.told.append((total, done))

    def finished_one(self, done: Done) -> None:
        self.cells.append(done.cell)
        if len(self.cells) == self.after:
            raise KeyboardInterrupt

    def ended(self) -> None:
        self.told.append((-1, -1))


def test_resuming_equals_running_through(
    table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    rankers = {"a": Linear(space, noise=1.0), "b": Linear(space, noise=2.0)}
    whole = assess(table, rankers, **GRID)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        assess(table, rankers, out=out, progress=Stop(5), **GRID)
    assert len((out / "results.jsonl").read_text().splitlines()) == 5
    with (out / "results.jsonl").open("a") as file:
        file.write('{"cell": {"ranker": "a", "tr')  # killed while it wrote
    rest = Stop(-1)
    again = assess(table, rankers, out=out, progress=rest, **GRID)
    assert rest.told == [(12, 5), (-1, -1)]
    assert len(rest.cells) == 7
    same(whole, again)
    nothing = Stop(-1)
    same(whole, assess(table, rankers, out=out, progress=nothing, **GRID))
    assert nothing.cells == []


def test_a_folder_can_be_extended(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    small = {**GRID, "train_sizes": [20], "seeds": 2}
    assess(table, {"a": Linear(space)}, out=tmp_path, **small)
    rest = Stop(-1)
    more = {"a": Linear(space), "b": Linear(space, ridge=3.0)}
    found = assess(table, more, out=tmp_path, progress=rest, **GRID)
    assert rest.told[0] == (12, 2)
    same(found, assess(table, more, **GRID))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"labels": "other_val"}, "labels: val -> other_val"),
        ({"judge": ["other_test"]}, "judge: none -> other_test"),
        ({"stages": 2}, "stages: 1 -> 2"),
        ({"leave_out_training": True}, "leave_out_training: False -> True"),
    ],
)
def test_another_assessment_is_refused(
    change: dict[str, Any], names: str, table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    grid = {**GRID, "train_sizes": [20], "seeds": 1}
    assess(table, [Linear(space)], out=tmp_path, **grid)
    before = (tmp_path / "results.jsonl").read_bytes()
    with pytest.raises(ResumeError, match=names):
        assess(table, [Linear(space)], out=tmp_path, **{**grid, **change})
    assert (tmp_path / "results.jsonl").read_bytes() == before


def test_another_ranker_of_the_same_name_is_refused(
    table: BenchTable, space: NASBench201, tmp_path: Path
) -> None:
    assess(table, {"a": Linear(space)}, out=tmp_path, **GRID)
    with pytest.raises(
        ResumeError, match=r"\(stored -> now\): rankers\.a\.ridge: 1\.0 -> 5\.0\. Name"
    ):
        assess(table, {"a": Linear(space, ridge=5.0)}, out=tmp_path, **GRID)


def test_damaged_folders(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    assess(table, [Linear(space)], out=tmp_path, **GRID)
    results = tmp_path / "results.jsonl"
    lines = results.read_text().splitlines()
    results.write_text("\n".join([lines[0], "nonsense", *lines[2:]]) + "\n")
    with pytest.raises(StorageError, match=r"line 2 is damaged.*remove this line"):
        assess(table, [Linear(space)], out=tmp_path, **GRID)
    (tmp_path / "assess.json").write_text("[]")
    with pytest.raises(StorageError, match="does not hold the settings"):
        assess(table, [Linear(space)], out=tmp_path, **GRID)
    (tmp_path / "assess.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read"):
        assess(table, [Linear(space)], out=tmp_path, **GRID)


def test_failures_are_recorded(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    rankers = {"good": Linear(space), "unlucky": Unlucky(space), "constant": Constant(space)}
    grid = {**GRID, "judge": ["other_test"], "fine_tune": 10, "fine_tune_labels": ["other_val"]}
    found = assess(table, rankers, stages=2, **grid)
    raw = found.raw
    assert raw[raw["ranker"] == "good"]["failure"].isna().all()
    bad = raw[(raw["ranker"] == "unlucky") & (raw["train_size"] == 20)]
    assert len(bad) == 3 * (2 * 2 + 1)
    assert (bad["failure"] == "ZeroDivisionError: out of luck").all()
    assert bad["tau"].isna().all()
    fine = raw[(raw["ranker"] == "unlucky") & (raw["train_size"] == 40)]
    assert fine["failure"].isna().all()
    constant = raw[raw["ranker"] == "constant"]["failure"]
    assert constant.str.startswith("LabelError: all 240 scores are 0").all()
    rows = found.table()
    assert (rows["failed"] == np.where(rows["tau"].isna(), 3, 0)).all()
    assert found.failures()["ZeroDivisionError: out of luck"] == 15
    text = "\n".join(" ".join(row) for row in found.rows())
    assert "3 of 3" in text
    page = found.report(tmp_path / "page.html").read_text()
    assert "out of luck" in page
    assert (
        "Fine-tuned: learnt val (maximize) and 10 of other_val, judged on other_test (max" in page
    )
    back = pd.read_parquet(found.to_parquet(tmp_path / "raw.parquet"))
    assert back["failure"].tolist() == raw["failure"].tolist()
    assert np.allclose(back["tau"], raw["tau"], equal_nan=True)


def test_rankers_by_name(table: BenchTable, space: NASBench201) -> None:
    grid = {**GRID, "train_sizes": [20], "seeds": 1}
    found = assess(table, ["default", "random_forest", "default"], **grid)
    assert found.rankers == ("default", "random_forest")
    assert assess(table, "random_forest", **grid).rankers == ("random_forest",)
    with pytest.raises(UnknownNameError, match="did you mean 'random_forest'"):
        assess(table, ["random_forrest"], **grid)
    with pytest.raises(SettingsError, match="two rankers are called 'Linear'"):
        assess(table, [Linear(space), Linear(space, ridge=2.0)], **grid)
    with pytest.raises(SettingsError, match="no rankers"):
        assess(table, [], **grid)
    other = CustomSpace({"depth": [1, 2]}, build=lambda config, task: None)
    with pytest.raises(SettingsError, match="is of space"):
        assess(table, [Linear(other)], **grid)


def test_it_is_part_of_archrank(table: BenchTable, space: NASBench201) -> None:
    assert ar.assess.assess is assess
    assert set(ar.assess.__all__) <= set(dir(ar.assess))
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        ar.assess.Nonsense  # noqa: B018


def test_other_numbers_are_refused(path: Path, space: NASBench201, tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_text(path.read_text())
    grid = {**GRID, "train_sizes": [20], "seeds": 1}
    assess(path, [Linear(space)], out=tmp_path / "out", **grid)
    rest = Stop(-1)
    assess(copy, [Linear(space)], out=tmp_path / "out", progress=rest, **grid)
    assert rest.cells == []  # a file may move
    lines = path.read_text().splitlines()
    copy.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(ResumeError, match="the numbers in its table were others"):
        assess(copy, [Linear(space)], out=tmp_path / "out", **grid)


def test_one_process_at_a_time(table: BenchTable, space: NASBench201, tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(StorageError, match="in use by another"):
        assess(table, [Linear(space)], out=tmp_path, **GRID)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write to folder"):
        assess(table, [Linear(space)], out=tmp_path / "file" / "out", **GRID)
