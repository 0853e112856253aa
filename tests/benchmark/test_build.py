"""Building a table: small tasks, the real machinery."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.benchmark.build import BUILTIN, Benchmark, BenchmarkSettings, named
from archrank.benchmark.data_card import write_table
from archrank.benchmark.table import agreement, assemble
from archrank.errors import (
    BudgetError,
    EvaluationError,
    ResumeError,
    SettingsError,
    StorageError,
)
from archrank.spaces import NASBench201
from archrank.study.study import Study
from archrank.supernets import one_shot_scores
from archrank.supernets.checkpoints import last_checkpoint, load_supernet
from archrank.supernets.recipes import start_training
from archrank.tables import load_table
from archrank.tables.files import read_raw
from archrank.tasks import Digits, Recipe


@dataclass(frozen=True)
class Brief(Digits):
    """Digits for two epochs."""

    recipe: Recipe = field(default_factory=lambda: Recipe(epochs=2, batch_size=300))
    copies: int = 1


def brief(**changes: object) -> BenchmarkSettings:
    known = {
        "task": "tests.benchmark.test_build:Brief",
        "checkpoints": (1,),
        "archs": 6,
        "seeds": 2,
        "supernets": 0,
    }
    return BenchmarkSettings(**(known | changes))  # type: ignore[arg-type]


def built(folder: Path, **changes: object) -> Path:
    benchmark = Benchmark(folder, brief(**changes))
    benchmark.run()
    write_table(benchmark, assemble(benchmark, "brief"), folder / "brief.parquet")
    return folder / "brief.parquet"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("whole"))


def test_the_table_has_every_run_and_their_means(whole: Path) -> None:
    table = load_table(whole, NASBench201())
    assert len(table) == 6
    assert table.by_class
    for kind in ("valid_accuracy", "test_accuracy", "valid_loss", "test_loss"):
        runs = [table.column(f"{kind}_ep2_seed{seed}") for seed in (0, 1)]
        assert table.column(kind) == pytest.approx(np.mean(runs, axis=0), rel=3e-4)
        assert {f"{kind}_ep1_seed0", f"{kind}_ep1_seed1"} <= set(table.metrics)
    assert (table.column("cpu_seconds") > 0).all()
    assert (table.column("latency_ms") > 0).all()
    assert {"synflow", "naswot", "jacob_cov", "snip", "grad_norm"} <= set(table.metrics)
    cost = NASBench201().networks(Brief()).cost(table.archs)
    assert table.column("params").tolist() == cost["params"].tolist()
    assert table.directions["latency_ms"] == "minimize"
    assert table.metrics[0] == "valid_accuracy"


def test_the_values_are_those_of_the_trainings(whole: Path) -> None:
    from archrank.evaluators import Training

    table = load_table(whole, NASBench201())
    training = Training(Brief(), checkpoints=(1,)).bind(NASBench201(), seed=1)
    again = training.evaluate(table.archs)
    found = table.column("valid_accuracy_ep2_seed1")
    assert found == pytest.approx(again["valid_accuracy"], abs=1e-6)
    early = table.column("test_accuracy_ep1_seed1")
    assert early == pytest.approx(again["test_accuracy_ep1"], abs=1e-6)


def test_the_card_says_what_it_is(whole: Path) -> None:
    card = whole.with_suffix(".md").read_text()
    for part in (
        "a uniform random sample of 6 of the 6,466 architectures of nasbench201",
        "epochs 1, 2",
        "2 seeds each",
        "Kendall tau between seeds 0 and 1",
        "| seed0 |",
        "--archs 6 --checkpoints 1",
    ):
        assert part in card, card
    about = read_raw(whole).about
    assert about["seeds"] == 2
    assert set(about["provenance"]) == {"seed0", "seed1", "proxies", "latency"}


def test_an_interrupted_build_goes_on_and_gives_the_same(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls = Study.run, []

    def stopping(study: Study, budget: int | None = None, **kwargs: object) -> Study:
        calls.append(budget)
        if len(calls) == 2:  # of the second seed, one architecture is done when it is killed
            run(study, 1)
            raise KeyboardInterrupt
        return run(study, budget, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Study, "run", stopping)
    with pytest.raises(KeyboardInterrupt):
        built(tmp_path)
    unfinished = Benchmark(tmp_path, brief())
    assert len(unfinished.study("seed0").records) == 6
    assert len(unfinished.study("seed1").records) == 1
    with pytest.raises(EvaluationError, match="seed1 has 1 of 6 architectures"):
        assemble(unfinished, "brief")
    monkeypatch.setattr(Study, "run", run)
    measured = ["latency_ms", "latency_spread", "cpu_seconds"]
    first, second = pd.read_parquet(whole), pd.read_parquet(built(tmp_path))
    pd.testing.assert_frame_equal(first.drop(columns=measured), second.drop(columns=measured))


def test_more_seeds_and_architectures_extend_a_build(tmp_path: Path) -> None:
    small = pd.read_parquet(built(tmp_path, archs=2, seeds=1, proxies=(), latency=False))
    large = pd.read_parquet(built(tmp_path, archs=3, seeds=2, proxies=(), latency=False))
    assert "latency_ms" not in large
    kept = large.set_index("arch").loc[small["arch"]]
    assert kept["valid_accuracy_ep2_seed0"].tolist() == small["valid_accuracy"].tolist()


def test_a_folder_is_of_one_recipe(tmp_path: Path) -> None:
    built(tmp_path, archs=1, seeds=1, proxies=(), latency=False)
    with pytest.raises(ResumeError, match="checkpoints"):
        Benchmark(tmp_path, brief(archs=2, checkpoints=())).run()


def test_one_shot_scores_are_means_over_supernets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = partial(start_training, epochs=1)
    monkeypatch.setattr("archrank.benchmark.build.start_training", short)
    path = built(tmp_path, archs=3, seeds=1, proxies=(), latency=False, supernets=2)
    table = load_table(path, NASBench201())
    assert table.directions["oneshot_loss"] == "minimize"
    networks = NASBench201().networks(Brief())
    losses = [
        one_shot_scores(
            load_supernet(last_checkpoint(tmp_path / f"supernet{seed}"), networks),
            Brief(),
            table.archs,
            examples=512,
        )["loss"]
        for seed in (0, 1)
    ]
    assert table.column("oneshot_loss") == pytest.approx(np.mean(losses, axis=0), rel=1e-3)
    assert "means over 2 supernets of the recipe `cells`" in path.with_suffix(".md").read_text()
    assert "oneshot" in read_raw(path).about["provenance"]


def test_stages_with_work_left_are_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(**changes: object) -> list[str]:
        found: list[str] = []
        few = {"seeds": 1, "proxies": (), "latency": False, "supernets": 2}
        Benchmark(tmp_path, brief(**(few | changes))).run(watcher=found.append)
        return found

    short = partial(start_training, epochs=1)
    monkeypatch.setattr("archrank.benchmark.build.start_training", short)
    assert told(archs=1) == ["seed0", "oneshot"]
    assert told(archs=1) == []
    assert told(archs=2) == ["seed0", "oneshot"]  # its supernets are trained


def test_provenance_of_a_build_that_went_on_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"seeds": 1, "proxies": (), "latency": False}
    for commit, archs in (("first", 1), ("first", 2), ("second", 3)):
        monkeypatch.setattr("archrank.benchmark.build.commit", lambda found=commit: found)
        benchmark = Benchmark(tmp_path, brief(archs=archs, **few))
        benchmark.run()
    commits = {name: where["commit"] for name, where in benchmark.provenance.items()}
    assert commits == {"seed0": "first", "seed0 from 3": "second"}
    Benchmark(tmp_path, brief(archs=1, **(few | {"seeds": 2}))).run()
    assert list(Benchmark(tmp_path, brief(archs=1, **few)).provenance) == list(commits)


def test_provenance_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archrank.files.os.replace", full)
    with pytest.raises(StorageError, match=r"cannot write .*provenance\.json: No space left"):
        Benchmark(tmp_path, brief(archs=1, seeds=1, proxies=(), latency=False)).run()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "seeds 0"),
        ({"archs": 0}, "archs 0"),
        ({"archs": 7000}, "6,466 architectures that differ"),
    ],
)
def test_numbers_that_cannot_be(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(BudgetError, match=message):
        Benchmark(tmp_path, brief(**changes))


def test_a_new_table_needs_a_task() -> None:
    with pytest.raises(SettingsError, match="'mine' is none of digits201"):
        named("mine")
    assert named("mine", task="glyphs", archs=None).task == "glyphs"
    assert named("digits201") == BUILTIN["digits201"]


def test_agreement_is_of_scipy() -> None:
    from scipy.stats import kendalltau

    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    b = a + 0.5 * rng.normal(size=50)
    found = agreement([{"valid_accuracy": a}, {"valid_accuracy": b}], "accuracy")
    upper = np.argsort(-(a + b))[:25]
    assert found["tau"] == pytest.approx(kendalltau(a, b).statistic)
    assert found["tau_upper_half"] == pytest.approx(kendalltau(a[upper], b[upper]).statistic)
    assert agreement([{"valid_accuracy": a}], "accuracy") == {}
