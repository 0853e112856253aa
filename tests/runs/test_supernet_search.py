"""Search in a supernet, on small networks with the weights of their initialisation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.benchmark.latencies import archs_to_measure
from archrank.errors import (
    ArchrankError,
    EvaluationError,
    InfeasibleError,
    ObjectiveError,
    ResumeError,
    SettingsError,
    StorageError,
    TableError,
    UnknownNameError,
)
from archrank.evaluators.latency import Latency
from archrank.hardware import LatencyProtocol
from archrank.hardware.measured import described
from archrank.runs.supernet_search import search as engine
from archrank.runs.supernet_search.results import Finalist, SubnetSearch, read_search
from archrank.runs.supernet_search.search import search_supernet
from archrank.runs.supernet_search.settings import Limits, SubnetSettings
from archrank.spaces import AttentiveSmall
from archrank.spaces.networks import Networks
from archrank.strategies.bucket_evolution import BucketEvolution
from archrank.supernets import one_shot_scores
from archrank.supernets.checkpoints import checkpoint, load_supernet
from archrank.supernets.recipes import start_training
from archrank.tables import load_table
from archrank.tables.writing import write_table
from archrank.tasks import Digits
from archrank.torch_state import torch_threads

TASK = Digits(copies=1)
SPACE = AttentiveSmall((8, 10))
NETWORKS = SPACE.networks(TASK)
EVOLUTION = BucketEvolution(width=5e4, initial=40, generations=2, mutants=8, mixtures=8)
SETTINGS = SubnetSettings(
    limit=("macs<=3e5", "macs<=5e5"), archs=24, examples=64, finalists=2, timed=12, repeats=1
)


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("net")
    start_training(NETWORKS, epochs=1).save(checkpoint(folder, 1))
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.fixture(autouse=True)
def small_front(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FRONT", 6)


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of architectures that the supernet has scored, call by call."""
    calls: list[int] = []

    def count(supernet: Any, task: Any, archs: Any, **options: Any) -> Any:
        found = one_shot_scores(supernet, task, archs, **options)
        calls.append(len(archs))
        return found

    monkeypatch.setattr(engine, "one_shot_scores", count)
    return calls


def search(net: Path, folder: Path, settings: SubnetSettings = SETTINGS, **more: Any) -> Any:
    return search_supernet(net, NETWORKS, settings, folder, search=EVOLUTION, **more)


@pytest.fixture(scope="module")
def found(net: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SubnetSearch]:
    folder = tmp_path_factory.mktemp("found")
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.setattr(engine, "FRONT", 6)
        return folder, search(net, folder)


def test_winners_keep_their_limits(found: tuple[Path, SubnetSearch]) -> None:
    results = found[1]
    assert list(results.winners) == ["macs<=300000", "macs<=500000"]
    for limit, winner in results.winners.items():
        assert winner is not None
        rivals = [f for f in results.finalists if f.value("macs") <= results.limits[limit]]
        assert winner.value("macs") <= results.limits[limit]
        assert winner.value("valid_accuracy") == max(f.value("valid_accuracy") for f in rivals)
    assert results.best() == results.winners["macs<=500000"]


def test_the_front_is_that_of_the_measured_finalists(found: tuple[Path, SubnetSearch]) -> None:
    finalists = found[1].finalists
    points = [(f.value("valid_accuracy"), f.value("macs")) for f in finalists]
    alone = {
        f.architecture
        for f, (a, m) in zip(finalists, points, strict=True)
        if not any(b >= a and k <= m and (b, k) != (a, m) for b, k in points)
    }
    assert {f.architecture for f in found[1].front} == alone
    costs = [f.value("macs") for f in found[1].front]
    assert costs == sorted(costs)


def test_finalists_are_measured_as_they_are_exported(
    net: Path, found: tuple[Path, SubnetSearch]
) -> None:
    rows = SPACE.parse([f.architecture for f in found[1].finalists])
    supernet = load_supernet(checkpoint(net, 1), NETWORKS)
    for split in ("valid", "test"):
        again = one_shot_scores(
            supernet,
            TASK,
            rows,
            split=split,  # type: ignore[arg-type]
            statistics="recalibrated",
            calibration=64,
            batch_size=256,
        )
        stored = [f.value(f"{split}_accuracy") for f in found[1].finalists]
        np.testing.assert_allclose(again["accuracy"], stored)
    stored = [f.value("macs") for f in found[1].finalists]
    np.testing.assert_array_equal(NETWORKS.cost(rows)["macs"], stored)


def test_all_that_was_seen_is_kept(found: tuple[Path, SubnetSearch]) -> None:
    folder, results = found
    table = load_table(folder / "evaluations.parquet", SPACE)
    assert len(table) == results.evaluations == EVOLUTION.evaluations
    assert table.column("macs").max() <= 5e5
    assert read_search(folder) == results
    assert results.ranker["labels"] == results.ranker["judged_on"] == 12
    assert -1 <= results.ranker["tau"] <= 1


def test_a_search_that_was_stopped_measures_nothing_twice(
    net: Path, tmp_path: Path, scored: list[int], found: tuple[Path, SubnetSearch],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(engine, "AT_ONCE", 5)
    counted = engine.one_shot_scores

    def stop(*args: Any, **options: Any) -> Any:
        if len(scored) == 6:
            raise KeyboardInterrupt
        return counted(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "one_shot_scores", stop)
        with pytest.raises(KeyboardInterrupt):
            search(net, tmp_path)
    assert scored == [5, 5, 5, 5, 4, 5]
    again = search(net, tmp_path)
    assert replace(again, seconds=0.0) == replace(found[1], seconds=0.0)
    assert sum(scored) == 24 + 2 * len(again.finalists)
    before = len(scored)
    assert search(net, tmp_path).finalists == again.finalists
    assert len(scored) == before


def test_another_limit_measures_only_what_is_new(
    net: Path, tmp_path: Path, scored: list[int]
) -> None:
    search(net, tmp_path)
    before = sum(scored)
    results = search(net, tmp_path, replace(SETTINGS, limit=("macs<=4e5",)))
    assert list(results.winners) == ["macs<=400000"]
    assert sum(scored) - before <= 2 * len(results.finalists)
    assert read_search(tmp_path) == results


def test_the_supernet_may_score_the_evolution(net: Path, tmp_path: Path, scored: list[int]) -> None:
    results = search(net, tmp_path, replace(SETTINGS, score_by="supernet", limit=()))
    assert sum(scored) == EVOLUTION.evaluations + 2 * len(results.finalists)
    assert results.ranker == {}
    assert list(results.winners) == [""]
    rows = SPACE.parse([f.architecture for f in results.finalists])
    supernet = load_supernet(checkpoint(net, 1), NETWORKS)
    scores = one_shot_scores(supernet, TASK, rows, examples=64)["accuracy"]
    np.testing.assert_allclose([f.score for f in results.finalists], scores)


def by_macs(self: Latency | None, archs: Any) -> dict[str, Any]:
    """Latencies of 1 ms per 100,000 MACs."""
    return {"latency_ms": NETWORKS.cost(archs)["macs"] / 1e5}


def test_limits_of_measured_latency(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    settings = replace(SETTINGS, limit=("latency_ms<=4", "latency_ms<=6"), timed=60)
    results = search(net, tmp_path, settings)
    assert results.cost == "latency_ms"
    for limit, bound in (("latency_ms<=4", 4.0), ("latency_ms<=6", 6.0)):
        winner = results.winners[limit]
        assert winner is not None
        assert winner.value("latency_ms") == pytest.approx(winner.value("macs") / 1e5)
        assert winner.value("latency_ms") <= bound
    low, high = NETWORKS.cost(np.stack([NETWORKS.smallest, NETWORKS.largest]))["macs"] / 1e5
    with pytest.raises(
        SettingsError, match=f"fastest found, .* has {low:.4g} ms, the slowest found"
    ):
        search(net, tmp_path / "low", replace(settings, limit=("latency_ms<=0.1",)))
    with pytest.raises(SettingsError, match=f"the slowest found, .* has {high:.4g} ms"):
        search(net, tmp_path / "high", replace(settings, limit=("latency_ms<=99",)))


def test_a_machine_that_is_slower_than_it_was_is_told(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[int] = []

    def measure(self: Latency, archs: Any) -> dict[str, Any]:
        timed.append(len(archs))
        busy = 1.5 if sum(timed) > 40 else 1.0  # the finalists come after those that are learnt
        return {"latency_ms": busy * NETWORKS.cost(archs)["macs"] / 1e5}

    monkeypatch.setattr(Latency, "evaluate", measure)
    results = search(net, tmp_path, replace(SETTINGS, limit=("latency_ms<=4",), timed=40))
    told = re.match(r"finalists take (1\.\d+) times as long as is predicted", results.notes[0])
    assert told is not None
    assert 1.1 < float(told[1]) <= 1.5


def test_the_best_are_measured_again_and_what_is_slow_is_told(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: list[str] = []

    def measure(self: Latency, archs: Any) -> dict[str, Any]:
        ms = NETWORKS.cost(archs)["macs"] / 1e5
        if self.protocol.repeats == 300 and len(slow) < 2:
            slow.extend(SPACE.format(archs))
            ms = ms + 10
        return {"latency_ms": ms}

    monkeypatch.setattr(Latency, "evaluate", measure)
    results = search(net, tmp_path, replace(SETTINGS, limit=("latency_ms<=4",), timed=40))
    assert len(results.notes) == len(slow) == 2
    for name, note in zip(slow, results.notes, strict=True):
        assert note.startswith(f"{name} does not keep latency_ms<=4: 1")
        assert "ms by 300 runs, " in note
    winner = results.winners["latency_ms<=4"]
    assert winner is not None
    assert winner.architecture not in slow
    assert read_search(tmp_path) == results
    assert {"tau", "tau_linear", "error_ms", "margin", "labels"} <= results.latency.keys()
    again = search(net, tmp_path, replace(SETTINGS, limit=("latency_ms<=4",), timed=40))
    assert again.winners == results.winners  # what is measured is kept


def test_a_table_of_latencies(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def measure(self: Latency, archs: Any) -> dict[str, Any]:
        seen.append(self.protocol.repeats)
        return by_macs(self, archs)

    protocol, archs = LatencyProtocol(repeats=20), archs_to_measure(NETWORKS, 40)
    about = described(TASK, protocol, "cpu")
    write_table(tmp_path / "t.parquet", SPACE.format(archs), by_macs(None, archs), about=about)
    monkeypatch.setattr(Latency, "evaluate", measure)
    settings = replace(SETTINGS, limit=("latency_ms<=4",), latency_table=tmp_path / "t.parquet")
    results = search(net, tmp_path / "a", settings)
    assert results.latency["labels"] == 40
    assert set(seen) == {20, 300}  # finalists as the table says, the best by the full protocol
    with pytest.raises(SettingsError, match=r"t.parquet serves limits of latency_ms, and there is"):
        search(net, tmp_path / "b", replace(settings, limit=("macs<=3e5",)))
    search(net, tmp_path / "c", replace(settings, latency_table=None))
    with pytest.raises(ResumeError, match=r"latency: not set -> "):
        search(net, tmp_path / "c", settings)
    about["latency"]["protocol"]["threads"] = 2
    about["latency"]["processor"] = "a toaster"
    write_table(tmp_path / "u.parquet", SPACE.format(archs), by_macs(None, archs), about=about)
    with pytest.raises(TableError, match=r"do not compare .*processor: a toaster -> "):
        search(net, tmp_path / "d", replace(settings, latency_table=tmp_path / "u.parquet"))


def test_limits_of_several_costs(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    drawn = NETWORKS.cost(SPACE.sample(2000, rng=np.random.default_rng(0)))
    few = float(np.quantile(drawn["params"], 0.1))
    limit = ("macs<=3e5", "macs<=5e5", f"params<={few:g}", "latency_ms<=4")
    results = search(net, tmp_path, replace(SETTINGS, limit=limit))
    assert list(results.limits) == ["macs<=300000", "macs<=500000"]
    assert [bound.cost for bound in results.others] == ["params", "latency_ms"]
    winners = list(results.winners.values())
    assert all(winners)
    for finalist in (*winners, *results.front):
        assert finalist is not None
        assert finalist.value("params") <= few
        assert finalist.value("latency_ms") <= 4
        assert finalist.value("macs") <= 5e5
    table = load_table(tmp_path / "evaluations.parquet", SPACE)
    assert table.column("params").max() <= few
    assert read_search(tmp_path) == results
    fewest = search(net, tmp_path, replace(SETTINGS, limit=(f"params<={few:g}",)))
    assert fewest.cost == "params"
    assert fewest.best().value("params") <= few


def test_limits_that_none_keeps_together(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opposed(networks: Networks, archs: Any) -> dict[str, Any]:
        macs = cost(networks, archs)["macs"]
        return {"macs": macs, "params": 2e6 - macs}

    cost = Networks.cost
    monkeypatch.setattr(Networks, "cost", opposed)
    networks = SPACE.networks(TASK)
    settings = replace(SETTINGS, limit=("macs<=3e5", "params<=1.5e6"))
    with pytest.raises(InfeasibleError, match=r"is found that keeps macs<=300000 and params<=1"):
        search_supernet(net, networks, settings, tmp_path, search=EVOLUTION)


def test_latencies_that_none_is_predicted_to_keep(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Latency, "evaluate", by_macs)
    monkeypatch.setattr(
        engine,
        "predicted_latency",
        lambda *parts: (lambda archs: 9 + 0 * archs[:, 0].astype(float), {}),
    )
    with pytest.raises(InfeasibleError, match=r"is predicted to keep latency_ms<=2; .*--timed N"):
        search(net, tmp_path, replace(SETTINGS, limit=("latency_ms<=2",)))


def test_a_supernet_that_has_diverged(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(supernet: Any, task: Any, archs: Any, **options: Any) -> Any:
        return {"accuracy": np.full(len(archs), np.nan)}

    monkeypatch.setattr(engine, "one_shot_scores", lost)
    with pytest.raises(EvaluationError, match=r"none of 72 scores .* the supernet has diverged"):
        search(net, tmp_path, replace(SETTINGS, score_by="supernet"))


def test_no_finalist_within_a_limit() -> None:
    def finalist(ms: float) -> Finalist:
        return Finalist(f"a{ms:g}", 0.5, {"valid_accuracy": 0.5, "latency_ms": ms})

    results = SubnetSearch(
        "s", "t", "valid_accuracy", "maximize", "fraction", "latency_ms",
        {"latency_ms<=2": 2.0}, (finalist(2.5), finalist(3.0)), 2,
    )  # fmt: skip
    assert results.winners == {"latency_ms<=2": None}
    with pytest.raises(InfeasibleError, match=r"the nearest, a2\.5, has latency_ms 2\.5"):
        results.best()


def test_limits_are_read() -> None:
    found = Limits.parse(("macs<2e6", "macs<=1e6", "macs<=1e6"))
    assert [bound.text for bound in found.each] == ["macs<=1e+06", "macs<2e+06"]
    assert found.each[0].most == 1e6
    assert 0 < 2e6 - found.each[1].most < 1
    assert Limits.parse(()).all == ()
    mixed = Limits.parse(("params<=2e5", "macs<=4e5", "latency_ms<3", "macs<=3e5"))
    assert mixed.costs == ("macs", "params", "latency_ms")
    assert [bound.most for bound in mixed.each] == [3e5, 4e5]
    assert Limits.parse(("params<=2e5", "macs<=4e5")).cost == "params"


@pytest.mark.parametrize(
    ("limit", "error", "message"),
    [
        (("macs>=1e5",), ObjectiveError, "'macs>=1e5' is a lower bound"),
        (("macs",), ObjectiveError, "cannot read"),
        (("parms<=3",), UnknownNameError, "parms"),
        (
            ("macs<=4e5", "macs<=3e5", "params<=2e5", "params<=1e5"),
            ObjectiveError,
            "limits of macs and of params: several limits of one cost",
        ),
        (("macs<=100",), SettingsError, "limit macs<=100: no architecture of attentive_small"),
        (("macs<=1e9",), SettingsError, "every architecture of attentive_small keeps it"),
        (("params<=10",), SettingsError, r"the smallest, 8:.*, has [\d.]+ k, the largest [\d.]+ k"),
        (("macs<=3e5", "params<=1e9"), SettingsError, "limit params<=1e[+]09: every architecture"),
    ],
)
def test_limits_that_cannot_be(
    net: Path, tmp_path: Path, limit: tuple[str, ...], error: type[ArchrankError], message: str
) -> None:
    with pytest.raises(error, match=message):
        search(net, tmp_path / "new", replace(SETTINGS, limit=limit))
    assert not (tmp_path / "new").exists()


def test_another_search_is_refused(net: Path, found: tuple[Path, SubnetSearch]) -> None:
    with pytest.raises(
        ResumeError, match=r"examples: 64 -> 32\. Name another folder with --out DIR"
    ):
        search(net, found[0], replace(SETTINGS, examples=32))
    other = AttentiveSmall((8, 12)).networks(TASK)
    with pytest.raises(ResumeError, match="of another supernet"):
        search_supernet(net, other, SETTINGS, found[0])


def test_folders_and_numbers_that_cannot_be_used(net: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="name another one with --out"):
        search(net, tmp_path / "file" / "in")
    with pytest.raises(StorageError, match="no finished search"):
        read_search(tmp_path)
    with pytest.raises(SettingsError, match="--archs 1: at least 4"):
        search(net, tmp_path, replace(SETTINGS, archs=1))
    (tmp_path / "measured.jsonl").write_text('{"kind": "score", "archs": ["?"], "values": [1]}\n')
    with pytest.raises(StorageError, match="line 1 is damaged"):
        search(net, tmp_path)
