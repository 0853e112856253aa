"""``archrank compare``: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, refused


@pytest.fixture
def searched(search: Cli) -> Cli:
    """Two strategies with two seeds each below ``runs``, of 12 and 9 evaluations."""
    for seed in (0, 1):
        assert search("--budget", 12, "--seed", seed).status == 0
        assert search("--budget", 9, "--seed", seed, "--batch", 3, "--run", f"b {seed}").status == 0
    return search


def test_runs_are_compared(searched: Cli, cli: Cli) -> None:
    found = cli("compare", "b 1", "runs", "b 0")
    assert found.status == 0, found.err
    lines = found.out.splitlines()
    assert lines[0].split()[:3] == ["group", "runs", "mean"]
    assert [line.split("  ")[0] for line in lines[1:3]] == ["random, batch 3", "random"]
    assert "paired t-test, 2 seeds" in found.out
    assert "not all runs have 12 evaluations: b 0 (9), b 1 (9)" in found.err
    assert Path("comparison/comparison.html").is_file()
    shown = cli("compare", "b 1", "runs", "b 0", "--json", "--out", "elsewhere", "--budget", 5)
    values = json.loads(shown.out)
    assert values["evaluations"] == 5
    assert values["groups"][0]["seeds"] == [0, 1]
    assert values["page"] == "elsewhere/comparison.html"
    assert Path("elsewhere/evaluations.csv").is_file()


def test_another_metric_and_cost(searched: Cli, cli: Cli) -> None:
    options = ("--metric", "latency_ms", "--cost", "latency_ms", "--target", "1.5", "--json")
    found = json.loads(cli("compare", "runs", "b 0", *options).out)
    assert (found["metric"], found["direction"]) == ("latency_ms", "minimize")
    assert found["target"] == {"value": 1.5, "reason": "as asked for"}
    assert all(group["cost"] > 0 for group in found["groups"])


def test_mistakes_are_refused(searched: Cli, cli: Cli, search: Cli) -> None:
    search("--budget", 4, "--constraint", "latency_ms<=2", "--run", "limited")
    refused(cli("compare", "runs", "limited"), "its limits are latency_ms<=2, those of the other")
    refused(cli("compare", "b 0"), "needs two runs or more, got only b 0")
    refused(cli("compare", "b 0", "b 0"), "run b 0 is named twice")
    refused(cli("compare", "b 0", "b 1", "--budget", 10), "b 0 has 9, b 1 has 9")
    refused(cli("compare", "b 0", "b 1", "--metric", "acuracy"), "did you mean 'accuracy'")
    refused(cli("compare", "b 0", "b 1", "--cost", "nothing"), "unknown metric 'nothing'")
    refused(cli("compare", "b 0", "b 1", "--out", "b 0/study.db"), "name another one with --out")
    refused(cli("compare", "b 0", "nowhere"), "no run in nowhere", "leave out nowhere")
    Path("b 1/search.json").write_text("{")
    refused(cli("compare", "b 0", "b 1"), "leave out b 1")


def test_runs_must_be_named(cli: Cli) -> None:
    refused(cli("compare"), "RUN must be given")
