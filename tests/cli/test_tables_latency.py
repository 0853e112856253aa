from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Cli, refused

BRIEF = ("--repeats", 1, "--tries", 1)
CELLS = ("--space", "nasbench201", "--task", "digits", *BRIEF)


def test_latencies_are_measured_and_kept(cli: Cli) -> None:
    done = cli("tables", "latency", *CELLS, "--n", 3)
    assert done.status == 0, done.err
    assert "3 measured now, 3 in all: " in done.err
    again = cli("tables", "latency", *CELLS, "--n", 4)
    assert "1 measured now, 4 in all: " in again.err
    found = pd.read_parquet("latency-nasbench201-digits-cpu.parquet")
    assert (found["latency_ms"] > 0).all()
    other = cli("tables", "latency", *CELLS, "--n", 4, "--threads", 2)
    refused(other, "measured otherwise", "threads: 1 -> 2", "--out FILE")


def test_a_translation_has_parts_and_the_table_is_one_of_search_and_assess(cli: Cli) -> None:
    pytest.importorskip("babel")
    about = ("--space", "hat_small", "--task", "dates", *BRIEF, "--length", 2, "--out", "t.parquet")
    done = cli("tables", "latency", *about, "--n", 24)
    assert done.status == 0, done.err
    found = pd.read_parquet("t.parquet")
    parts = found["latency_encoder_ms"] + found["latency_decoder_ms"]
    assert parts.to_numpy() == pytest.approx(found["latency_ms"].to_numpy())
    table = ("--table", "t.parquet", "--space", "hat_small")
    searched = cli(
        "search", *table, "--metric", "latency_ms", "--strategy", "random", "--budget", 3
    )
    assert searched.status == 0, searched.err
    judged = ("--labels", "latency_ms", "--rankers", "gbdt", "--train-sizes", 20, "--seeds", 1)
    assessed = cli("assess", *table, *judged)
    assert assessed.status == 0, assessed.err


def test_given_architectures(cli: Cli) -> None:
    Path("a.csv").write_text("arch\n" + "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|\n")
    done = cli("tables", "latency", *CELLS, "--archs", "a.csv", "--out", "t.parquet")
    assert done.status == 0, done.err
    assert "1 measured now, 1 in all" in done.err


def test_what_cannot_be_measured(cli: Cli) -> None:
    refused(cli("tables", "latency", *CELLS, "--device", "gpu"), "'gpu' cannot be used here")
    refused(cli("tables", "latency", *CELLS, "--n", 0), "n 0: ")
    refused(cli("tables", "latency", *CELLS, "--beam", 0), "beam must be at least 1, got 0")
    refused(cli("tables", "latency", *CELLS, "--out", "t.csv"), "name t.parquet")
    refused(cli("tables", "latency", "--task", "digits"), "--space NAME must be given")
