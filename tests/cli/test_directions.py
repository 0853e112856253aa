"""Directions and strict limits on the command line: printed in every head line, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from archrank.spaces import NASBench201
from tests.cli.conftest import Cli, refused


@pytest.fixture
def phones(tmp_path: Path) -> Path:
    space = NASBench201()
    archs = space.enumerate()[::400]
    lines = [f"{arch},{8 + i % 9},{0.5 + i / 100}" for i, arch in enumerate(space.format(archs))]
    path = tmp_path / "phones.csv"
    path.write_text("\n".join(["arch,pixel3,acc:top1", *lines]))
    return path


def test_a_direction_is_never_guessed(cli: Cli, phones: Path) -> None:
    remedy = "write pixel3:minimize or pixel3:maximize"
    for column in (["--metric", "pixel3"], []):  # by name, and as the first column
        result = cli("search", "--table", phones, *column, "--budget", 3)
        refused(result, "metric 'pixel3': the name does not tell", remedy)
    refused(cli("assess", "--table", phones, "--labels", "pixel3"), remedy)
    refused(
        cli("search", "--table", phones, "--metric", "pixel3:down", "--budget", 3),
        "objective 'pixel3:down': the direction is maximize or minimize, not 'down'",
    )
    assert not Path("runs").exists()


def test_head_lines_say_the_direction(cli: Cli, phones: Path, real_report: None) -> None:
    typed = ("--metric", "pixel3:min", "--metric", "acc:top1", "--constraint", "pixel3<12")
    told = "pixel3 (minimize); acc:top1 (maximize); pixel3<12"
    found = cli("search", "--table", phones, *typed, "--budget", 40, "--run", "r")
    assert found.status == 0
    assert told in found.err
    best, front = cli("best", "r").out, cli("front", "r").out
    for text in (found.out, best, front.splitlines()[0]):
        assert "pixel3 (minimize)" in text
        assert "acc:top1 (maximize)" in text
    values = [float(line.split()[0]) for line in front.splitlines()[1:]]
    assert values
    assert max(values) < 12
    page = Path("r/report.html").read_text(encoding="utf-8")
    assert "pixel3 (minimize)" in page
    assert "acc:top1 (maximize)" in page


def test_assess_says_the_direction(cli: Cli, phones: Path) -> None:
    result = cli(
        "assess", "--table", phones, "--labels", "pixel3:minimize", "--rankers", "gbdt",
        "--train-sizes", 20, "--seeds", 1,
    )  # fmt: skip
    assert result.status == 0
    assert "learnt pixel3 (minimize), judged on pixel3 (minimize)" in result.err
    assert (Path("runs") / "assess-phones-pixel3" / "report.html").exists()


def test_a_budget_that_is_not_reached_is_told(cli: Cli, phones: Path) -> None:
    Path("few.py").write_text(
        "import archrank as ar\n"
        "def build(config, task): return None\n"
        "space = ar.spaces.CustomSpace({f'k{i}': [0, 1, 2, 3] for i in range(12)}, build, 'big')\n"
        "def cost(config): return float(sum(config.values()))\n"
        "evaluator = ar.evaluators.Combined(\n"
        "    ar.evaluators.Function(cost, ['score']),\n"
        "    ar.evaluators.Function(cost, ['cost'], cheap=True))\n"
    )
    typed = ("search", "--space", "few.py:space", "--evaluate", "few.py:evaluator",
             "--strategy", "random", "--workers", 1)  # fmt: skip
    found = cli(*typed, "--constraint", "cost<2", "--budget", 20, "--run", "few")
    assert found.status == 0
    told = "the budget was not reached: 13 of 20 evaluations: no further architectures of big that"
    assert told in found.err
    nothing = cli(*typed, "--constraint", "cost<0", "--budget", 20, "--run", "none")
    assert nothing.status == 2
    assert "error: no architectures of big that keep cost<0 were found among" in nothing.err
    assert "drawn; the nearest, k0=0," in nothing.err
    assert "has cost 0" in nothing.err
