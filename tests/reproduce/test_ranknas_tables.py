"""Tables 1 to 3 and Fig. 1 of RankNAS: quick runs, and what is told of measured numbers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archrank.hardware.protocol import LatencyProtocol
from archrank.reproduce import reproduce
from archrank.reproduce.base import Comparison, Found
from archrank.reproduce.ranknas import costs, models, tables
from archrank.reproduce.ranknas.extent import QUICK
from archrank.reproduce.ranknas.measured import Measured
from archrank.reproduce.ranknas.searching import HAT_TIMED
from archrank.reproduce.ranknas.stopwatch import Progress, Stopwatch
from archrank.reproduce.ranknas.trainings import Trainings
from archrank.spaces import HAT, RankNASLanguageModel, RankNASTranslation
from archrank.spaces.transformers.base import LayeredSpace
from archrank.tasks.base import Task
from archrank.types import Archs, Floats

HOME = "archrank.reproduce.ranknas"


def numbers(found: Comparison) -> dict[str, float]:
    rows = {row.what: row.ours for row in found.rows}
    assert len(rows) == len(found.rows)
    assert all(np.isfinite(value) for value in rows.values())
    return rows


def never(*arguments: object, **options: object) -> None:
    raise AssertionError("measured again")


def nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse all that takes time: trainings, losses, latencies, searches."""
    monkeypatch.setattr(f"{HOME}.trainings.train", never)
    monkeypatch.setattr(f"{HOME}.trainings.train_supernet", never)
    monkeypatch.setattr(f"{HOME}.trainings.one_shot_scores", never)
    monkeypatch.setattr(f"{HOME}.measured.Latency", never)
    monkeypatch.setattr(f"{HOME}.searching.RankNAS", never)
    monkeypatch.setattr(f"{HOME}.searching.HATLatency", never)


def stop_at(monkeypatch: pytest.MonkeyPatch, name: str, nth: int) -> list[int]:
    """Interrupt the ``nth`` scoring of architectures of a name; count those before."""
    scored, calls = Trainings.scored, []

    def counted(self: Trainings, archs: Any, which: str = "losses", **options: Any) -> Found:
        if which == name:
            if len(calls) == nth:
                raise KeyboardInterrupt
            calls.append(len(archs))
        return scored(self, archs, which, **options)

    monkeypatch.setattr(Trainings, "scored", counted)
    return calls


class TimedByMACs:
    """Latencies that are counted: a GPU's are the decoder's layers, a CPU's grow with MACs too."""

    def __init__(self, task: Task, protocol: LatencyProtocol, device: str) -> None:
        self.task, self.device = task, device

    def bind(self, space: LayeredSpace) -> TimedByMACs:
        self.space = space
        return self

    def evaluate(self, archs: Archs) -> dict[str, Floats]:
        layers = 5.0 * self.space.values(archs, "dec_layers")[:, 0]
        macs = self.space.networks(self.task).cost(archs)["macs"]
        return {"latency_ms": layers if self.device == "cuda" else layers + macs / 1e7}


def test_translation_under_a_limit_and_its_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(f"{HOME}.measured.Latency", TimedByMACs)
    told = "archrank.hardware.measured.circumstances"
    monkeypatch.setattr(told, lambda protocol, device: {"on": device})
    with monkeypatch.context() as patch:
        stop_at(patch, "evolution", 2)
        with pytest.raises(KeyboardInterrupt):
            reproduce("ranknas-table1", quick=True, out=tmp_path)
    folder = tmp_path / "ranknas-quick" / "hat_small"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("evolution-*.json")}
    assert len(before) == 2  # generations of HAT's search
    found = reproduce("ranknas-table1", quick=True, out=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    rows = numbers(found)
    assert rows["GPU, Transformer: latency, ms"] == 4 * 5.0
    assert (
        rows["CPU, Transformer: latency, ms"] == 20 + rows["CPU, Transformer: MACs, millions"] / 10
    )
    space = HAT("small")
    largest = space.networks(QUICK.task("hat_small")).cost(models.usual(space))
    assert rows["CPU, Transformer: parameters"] == largest["params"][0]
    for device in ("CPU", "GPU"):
        latency = {m: rows[f"{device}, {m}: latency, ms"] for m in ("Transformer", "RankNAS")}
        ratio = latency["Transformer"] / latency["RankNAS"]
        assert rows[f"{device}: speed-up of RankNAS over Transformer"] == pytest.approx(ratio)
        assert latency["RankNAS"] <= rows[f"{device}: limit, ms"]
    spent = [rows[f"CPU, HAT: search cost, {part}, CPU s"] for part in ("labels", "fits", "search")]
    assert rows["CPU, HAT: search cost, CPU s"] == pytest.approx(sum(spent))
    assert [claim.holds for claim in found.claims[::4]] == [True, True]  # limits are kept
    papers = {row.what: row.paper for row in found.rows if row.paper is not None}
    assert papers["CPU: search cost, HAT over RankNAS"] == pytest.approx(4.40, abs=0.01)
    assert papers["GPU: BLEU, RankNAS minus Transformer"] == 0.3
    assert not any("no CUDA device" in note for note in found.notes)
    with monkeypatch.context() as patch:
        nothing_more(patch)
        again = reproduce("ranknas-table1", quick=True, out=tmp_path)
    assert numbers(again) == rows

    figure = reproduce("ranknas-fig1", quick=True, out=tmp_path)
    parts = numbers(figure)
    for method in ("HAT", "RankNAS"):
        assert parts[f"{method}: all, CPU s"] == rows[f"CPU, {method}: search cost, CPU s"]
    labels = Measured(Trainings("hat_small", 0, QUICK, tmp_path / "ranknas-quick"))
    timed = labels.latencies(QUICK.labels).cpu_seconds
    assert parts["HAT: labels, CPU s"] == pytest.approx(timed * HAT_TIMED / QUICK.labels)
    losses = labels.losses(QUICK.labels).cpu_seconds
    assert parts["RankNAS: labels, CPU s"] == pytest.approx(timed + losses)
    assert parts["RankNAS*: labels, CPU s"] == parts["RankNAS: labels, CPU s"]
    assert parts["RankNAS*: architectures scored, in all"] == QUICK.evolution.evaluations
    assert [row.paper for row in figure.rows if row.paper] == [10.34, 80.0, 75.0, 11.53]
    assert len(figure.claims) == 3
    assert figure.figures[0].svg.count("<rect") == 3 * 4
    nothing_more(monkeypatch)
    assert numbers(reproduce("ranknas-fig1", quick=True, out=tmp_path)) == parts


def test_language_models_under_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = reproduce("ranknas-table2", quick=True, out=tmp_path)
    rows = numbers(found)
    ratio = rows["CPU, RankNAS: test perplexity"] / rows["CPU, Transformer: test perplexity"]
    assert rows["CPU: perplexity of RankNAS over the Transformer's"] == pytest.approx(ratio)
    assert rows["CPU, RankNAS: parameters"] < rows["CPU, Transformer: parameters"]
    papers = {row.what: row.paper for row in found.rows if row.paper}
    assert papers["CPU: speed-up of RankNAS over Transformer"] == pytest.approx(2.59, abs=0.01)
    assert [claim.published for claim in found.claims] == [False, True, True]
    nothing_more(monkeypatch)
    assert numbers(reproduce("ranknas-table2", quick=True, out=tmp_path)) == rows


def test_translation_for_accuracy_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(f"{HOME}.measured.Latency", lambda *arguments: timed.append(arguments))
        found = reproduce("ranknas-table3", quick=True, out=tmp_path)
    assert not timed  # latencies do not count
    rows = numbers(found)
    gain = rows["RankNAS: test BLEU"] - rows["Transformer: test BLEU"]
    assert rows["BLEU, RankNAS minus Transformer"] == pytest.approx(gain)
    first = [rows[f"{m}: search cost, labels, CPU s"] for m in ("RankNAS", "random search")]
    assert first[0] == first[1] > 0
    assert len(found.claims) == 3
    nothing_more(monkeypatch)
    assert numbers(reproduce("ranknas-table3", quick=True, out=tmp_path)) == rows


def run_of(transformer: float, hat: float, ranknas: float, ms: float, cost: float) -> Found:
    """A repetition with some losses, RankNAS's latency and the cost of HAT's search."""

    def one(loss: float, latency: float, seconds: float) -> Found:
        search = {"cpu_seconds": {"data": seconds, "rankers": 0.0, "pruning": 0.0, "search": 0.0}}
        return {"valid_loss": loss, "latency_ms": latency, "search": search}

    return {
        "Transformer": one(transformer, 20.0, 0.0),
        "HAT": one(hat, 10.0, cost),
        "RankNAS": one(ranknas, ms, 10.0),
        "limit": 12.0,
        "seconds": 1.0,
    }


def test_claims_of_table_1() -> None:
    good = [run_of(1.0 + 0.1 * r, 0.5, 0.5, 11.0, 50.0) for r in range(3)]
    told = tables._claims_1(good, "cpu")
    assert [claim.holds for claim in told] == [True] * 4
    assert [claim.published for claim in told] == [False, True, True, True]
    assert told[0].measured.startswith("3 of 3: 11.00 of 12.00 ms")
    assert told[0].measured.endswith("; HAT's network 3 of 3")
    assert told[2].measured == "5.00 times"
    bad = [*good[:2], run_of(1.2, 0.5, 0.9, 21.0, 5.0)]
    assert not any(claim.holds for claim in tables._claims_1(bad, "cpu"))


def test_noise_is_that_of_trainings_of_one_network() -> None:
    values = np.array([1.0, 1.1, 1.3])
    error = np.sqrt(2 * values.var(ddof=1) / 3)

    def claim(more: float) -> bool:
        runs = [run_of(v, 0.5, 0.5 + more, 11.0, 50.0) for v in values]
        return models.no_worse(runs, "HAT", "valid_loss", "").holds

    assert claim(0.99 * error)
    assert not claim(1.01 * error)
    assert models.noise([run_of(1.0, 0.5, 0.5, 11.0, 50.0)], "valid_loss") == 0.0


def test_the_usual_transformer_of_each_space() -> None:
    hat, ranknas, language = (
        HAT("small"),
        RankNASTranslation("small"),
        RankNASLanguageModel("small"),
    )
    found = hat.config(models.usual(hat)[0])
    assert {found[f"dec_arbitrary_{i}"] for i in range(4)} == {1}
    assert (found["dec_layers"], found["enc_embed"], found["enc_ffn_2"]) == (4, 64, 192)
    found = ranknas.config(models.usual(ranknas)[0])
    assert (found["enc_norm"], found["dec_norm"], found["dec_heads_3"]) == ("post", "post", 4)
    networks = language.networks(QUICK.task("ranknas_lm_small"))
    most = networks.cost(networks.largest[None])["params"]
    assert networks.cost(models.usual(language))["params"] == most


def test_work_that_is_kept_counts_as_when_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "process_time", lambda: now[0])

    def work(takes: float, took: float) -> Found:
        now[0] += takes
        return {"cpu_seconds": took}

    watch = Stopwatch()
    now[0] += 2.0
    watch.kept(lambda: work(30.0, 30.0))  # done now
    watch.kept(lambda: work(0.5, 40.0))  # read
    now[0] += 1.0
    assert watch.seconds == pytest.approx(2 + 30 + 40 + 1)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, 3, 1, 2, 2, 2, 2, 9], 5),  # the best of the second batch stays for three more
        ([0, 1, 2, 3, 4, 5, 6, 7], 8),
        ([1, np.nan, np.nan, np.nan, 2], 4),
        ([], 0),
    ],
)
def test_a_search_settles(scores: list[float], expected: int) -> None:
    progress = Progress(Stopwatch())
    for done in range(1, len(scores) + 1):
        progress(done, 10)
    assert progress.settled(np.array(scores, dtype=np.float64))[0] == expected


def test_ratios_of_figure_1() -> None:
    def one(data: float, search: float, settled: int, seconds: float) -> Found:
        spent = {"data": data, "rankers": 0.0, "pruning": 0.0, "search": search}
        return {"cpu_seconds": spent, "settled": settled, "settled_seconds": seconds}

    found = [
        {
            "HAT": one(1000.0, 100.0, 500, 90.0),
            "RankNAS*": one(100.0, 10.0, 400, 8.0),
            "RankNAS": one(100.0, 10.0, 100, 2.0),
            "seconds": 1.0,
        }
    ]
    parts = {
        method: np.array([list(found[0][method]["cpu_seconds"].values())])  # type: ignore[attr-defined]
        for method in costs.METHODS
    }
    rows, claims = costs._ratios(found, parts)
    assert [row.ours for row in rows] == [10.0, 90.0, 75.0, 75.0, 10.0]
    assert all(claim.holds for claim in claims)
