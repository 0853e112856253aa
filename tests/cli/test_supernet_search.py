"""``archrank supernet search``, ``front`` and ``export``: from a supernet to a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import archrank as ar
from archrank.cli.supernet_search import told_latency
from archrank.files import write_json
from archrank.networks import graphs
from archrank.runs.supernet_search import search as engine
from archrank.strategies.bucket_evolution import BucketEvolution
from archrank.supernets.checkpoints import checkpoint
from archrank.supernets.recipes import start_training
from tests.cli.conftest import Cli

SEARCH = ("supernet", "search", "net", "--archs", 16, "--examples", 64, "--finalists", 2)
SMALLEST = "8:8,8,16,24,40,48,128:11111:33333:12224"


@pytest.fixture
def net(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A supernet with the weights of its initialisation, in the folder ``net``."""

    def small(width: float) -> BucketEvolution:
        return BucketEvolution(width, initial=24, generations=1, mutants=4, mixtures=4)

    monkeypatch.setattr(engine, "BucketEvolution", small)
    monkeypatch.setattr(engine, "FRONT", 4)
    networks = ar.spaces.AttentiveSmall().networks(ar.tasks.Digits())
    start_training(networks, epochs=1).save(checkpoint(Path("net"), 1))
    write_json("net/supernet.json", {"space": "attentive_small", "task": "digits"})
    return Path("net")


def test_search_front_and_export(cli: Cli, net: Path) -> None:
    limits = ("--limit", "macs<=4e5", "macs<=1e6")
    found = cli(*SEARCH, *limits)
    assert found.status == 0, found.err
    head, *rows = found.out.splitlines()
    assert head.split() == [
        *("limit", "valid_accuracy", "test_accuracy", "macs", "params", "architecture")
    ]
    assert [row.split()[0] for row in rows] == ["macs<=400000", "macs<=1e+06"]
    assert "32 architectures scored" in found.err
    assert "the ranker orders 8 others with tau" in found.err
    report = (net / "search" / "report.html").read_text()
    assert all(text in report for text in ("macs&lt;=400000", "Kendall", "<svg", "Front ("))
    assert "random sub-networks (16)" in report
    assert 'aria-label="valid_accuracy against macs"' in report
    assert "Best: macs&lt;=" in report
    drawn = {line.split()[-1] for line in rows}
    assert report.count('class="drawing') >= len(drawn)
    assert "front of net/search" not in report

    again = json.loads(cli(*SEARCH, *limits, "--json").out)
    best = again["winners"]["macs<=1e+06"]
    assert best["metrics"]["macs"] <= 1e6
    assert best["arch"] == rows[1].split()[-1]

    front = cli("supernet", "front", "net")
    assert front.status == 0, front.err
    listed = json.loads(cli("supernet", "front", "net/search", "--json").out)
    assert [each["arch"] for each in listed] == [
        line.split()[-1] for line in front.out.splitlines()[1:]
    ]
    assert listed == again["front"]

    exported = cli("supernet", "export", "net")
    assert exported.status == 0, exported.err
    network = ar.load("net/export")
    assert network.architecture == best["arch"]
    assert network.metrics["valid_accuracy"] == best["metrics"]["valid_accuracy"]
    assert (net / "export" / "network.pt2").exists()


def test_fronts_of_other_searches_are_drawn_beside(cli: Cli, net: Path) -> None:
    assert cli(*SEARCH).status == 0
    second = cli(*SEARCH, "--seed", 1, "--out", "second", "--beside", "net")
    assert second.status == 0, second.err
    report = Path("second/report.html").read_text()
    assert "front of net" in report
    assert '<path class="o0" d="M' in report
    assert "path.o0 { stroke: " in report
    limit = ("--limit", "latency_ms<=9", "--beside", "net")
    wrong = cli(*SEARCH, *limit)
    assert wrong.status == 2
    assert "--beside net: that search is of valid_accuracy on digits and of macs" in wrong.err
    assert "no search in nowhere" in cli(*SEARCH, "--beside", "nowhere").err.replace(
        "no finished search", "no search"
    )


def test_an_architecture_is_exported_where_it_is_told(cli: Cli, net: Path) -> None:
    done = cli("supernet", "export", "net", SMALLEST, "--out", "small", "--json")
    assert done.status == 0, done.err
    description: dict[str, Any] = json.loads(done.out)
    assert description["architecture"] == SMALLEST
    assert description["program"] == "small/network.pt2"
    assert Path(description["weights"]).exists()


def test_mistakes(cli: Cli, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object) -> str:
        result = cli(*arguments)
        assert result.status == 2
        assert result.out == ""
        return result.err

    error = refused(*SEARCH, "--limit", "macs<=9")
    assert f"the smallest, {SMALLEST}, has " in error
    assert "every architecture of attentive_small keeps it" in refused(
        *SEARCH, "--limit", "macs<=1e9"
    )
    assert "no search in net is finished" in refused("supernet", "front", "net")
    assert "no search in net is finished" in refused("supernet", "export", "net")
    assert "expected resolution:7 widths" in refused("supernet", "export", "net", "8:8")
    Path("file").write_text("")
    assert "--out" in refused("supernet", "export", "net", SMALLEST, "--out", "file")
    assert "--out" in refused(*SEARCH, "--out", "file/search")
    write_json("net/supernet.json", {"space": "attentive_small_32", "task": "digits"})
    assert "is of another supernet" in refused(*SEARCH)
    assert "is of another supernet" in refused("supernet", "export", "net", "16:" + SMALLEST[2:])
    monkeypatch.setattr(graphs, "find_spec", lambda name: None)
    write_json("net/supernet.json", {"space": "attentive_small", "task": "digits"})
    assert "pip install 'archrank[onnx]'" in refused(
        "supernet", "export", "net", SMALLEST, "--format", "onnx"
    )


def test_a_stopped_search_says_so(cli: Cli, net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "one_shot_scores", stop)
    result = cli(*SEARCH)
    assert result.status == 130
    assert "repeat the command to go on" in result.err


def test_how_well_latencies_are_predicted_is_told() -> None:
    judged = {"labels": 40.0, "margin": 0.082, "tau": 0.914, "error_ms": 0.123}
    plain = {"tau_linear": 0.8, "error_ms_linear": 0.3}
    assert told_latency(judged | plain) == (
        "latency predicted from 40 measured, of those held out: tau 0.91, off by 0.12 ms; linear "
        "tau 0.80, off by 0.3 ms; limits are kept with a margin of 8.2%"
    )
