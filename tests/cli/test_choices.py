"""A table with a column per choice on the command line: assess, search, and what reads the run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from archrank.spaces import GPTS
from tests.cli.conftest import Cli

TABLE = ("--table", "measured.csv")
CHOICES = ("--choices", "depth,width", "act")


@pytest.fixture
def measured(cli: Cli) -> Cli:
    rows = pd.MultiIndex.from_product(
        [[1, 2, 3, 4], [8, 16, 32, 64], ["relu", "silu"]], names=["depth", "width", "act"]
    ).to_frame(index=False)
    noise = np.random.default_rng(0).normal(0, 0.01, len(rows))
    rows["acc"] = 0.1 * rows.depth + np.log2(rows.width) / 30 + noise
    rows.loc[3, "acc"] = np.nan
    pd.concat([rows, rows.tail(1)]).to_csv("measured.csv", index=False)
    return cli


def test_rankers_are_compared(measured: Cli) -> None:
    command = ("assess", *TABLE, *CHOICES, "--labels", "acc", "--train-sizes", 12, "--seeds", 2)
    refused = measured(*command)
    assert refused.status == 2
    assert "are the same architecture" in refused.err
    found = measured(*command, "--average", "--rankers", "linear", "--json")
    assert found.status == 0, found.err
    results = json.loads(found.out)
    assert results["architectures"] == 31  # one failed
    assert results["results"][0]["tau"] > 0.3
    assert Path(results["report"]).is_file()


def test_results_are_looked_up(measured: Cli) -> None:
    command = ("search", *TABLE, *CHOICES, "--average", "--metric", "acc", "--strategy", "random")
    done = measured(*command, "--budget", 32, "--run", "here")
    assert done.status == 0, done.err
    best = json.loads(measured("best", "here", "--json").out)
    rows = pd.read_csv("measured.csv")
    assert best["metrics"]["acc"] == rows.acc.max()
    assert (best["evaluations"], best["failures"]) == (32, 1)
    for command in (("report", "here"), ("draw", "--run", "here", "--out", "a.svg")):
        assert measured(*command).status == 0
    assert measured("search", "--run", "here", "--budget", 32).status == 0
    nothing = measured("search", "--choices", "depth", "--metric", "acc")
    assert nothing.status == 2
    assert "--choices depth: of which table? Name it: --table FILE" in nothing.err
    wrong = measured("search", *TABLE, "--choices", "dept", "--metric", "acc")
    assert "unknown column 'dept', did you mean 'depth'" in wrong.err
    nothing = measured("search", "--where", "act=relu", "--metric", "acc")
    assert "--where act=relu: of which table? Name it: --table FILE" in nothing.err
    wrong = measured("search", *TABLE, *CHOICES, "--average", "--metric", "acc", "--where", "act")
    assert "--where act: write COLUMN=VALUE" in wrong.err


def test_rows_of_one_kind_are_looked_up(measured: Cli) -> None:
    kind = ("--where", "act=relu", "--average", "--metric", "acc", "--strategy", "random")
    done = measured("search", *TABLE, *CHOICES, *kind, "--budget", 15)
    assert done.status == 0, done.err
    run = "runs/measured-relu-acc-random-seed0"
    best = json.loads(measured("best", run, "--json").out)
    rows = pd.read_csv("measured.csv").query("act == 'relu'")
    assert best["metrics"]["acc"] == rows.acc.max()


def test_published_tables_tell_their_space(cli: Cli) -> None:
    space = GPTS()
    archs = space.sample(30, rng=np.random.default_rng(0))
    cells = [dict(part.split("=") for part in text.split(",")) for text in space.format(archs)]
    pd.DataFrame(cells).assign(perplexity=np.arange(30.0)).to_csv("gpt.csv", index=False)
    done = cli("search", "--table", "gpt.csv", "--metric", "perplexity", "--budget", 12)
    assert done.status == 0, done.err
    (run,) = Path("runs").iterdir()
    assert run.name == "gpt_s-gpt-perplexity-guided-seed0"
    assert cli("search", "--run", run, "--budget", 13).status == 0
    assert json.loads(cli("best", run, "--json").out)["evaluations"] == 13
