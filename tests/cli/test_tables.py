"""``archrank tables``: build, list, verify; importing has its own file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from archrank.errors import TableError
from archrank.spaces import NASBench201
from archrank.tables import load_table
from archrank.tables.builtin import builtin_names, builtin_table, data_card
from tests.cli.conftest import Cli, refused

TASK = "tests.benchmark.test_build:Brief"
BRIEF = (
    "--task",
    TASK,
    "--seeds",
    1,
    "--archs",
    2,
    "--supernets",
    0,
    "--no-latency",
    "--workers",
    1,
)


def test_build_writes_a_table_that_search_reads(cli: Cli) -> None:
    done = cli("tables", "build", "mine", *BRIEF, "--checkpoints", 1)
    assert done.status == 0, done.err
    assert Path("builds/mine/mine.md").exists()
    found = pd.read_parquet("builds/mine/mine.parquet")
    assert len(found) == 2
    assert "valid_accuracy_ep1_seed0" in found
    searched = cli(
        "search",
        "--table",
        "builds/mine/mine.parquet",
        "--metric",
        "valid_loss",
        "--strategy",
        "random",
        "--budget",
        2,
    )
    assert searched.status == 0, searched.err
    again = cli("tables", "build", "mine", *BRIEF, "--checkpoints", 1)
    assert again.status == 0
    assert "evaluations" not in again.err  # nothing was left to do


def test_a_table_of_ones_own_needs_a_task(cli: Cli) -> None:
    refused(cli("tables", "build", "mine"), "'mine' is none of digits201", "--task")


def test_what_cannot_be_built_is_refused(cli: Cli) -> None:
    refused(cli("tables", "build", "digits201", "--archs", 9999), "archs 9999", "6,466")
    refused(cli("tables", "build", "digits201", "--seeds", 0), "seeds 0")
    refused(cli("tables", "verify", "digits201", "--workers", 0), "at least 1, got 0")
    refused(cli("tables", "build", "digits201", "--checkpoints", 12), "from 1 to 11")
    refused(cli("tables", "build", "mine", "--task", "digit"), "did you mean 'digits'")
    refused(
        cli("tables", "build", "mine", "--task", "digits", "--space", "proxylessnas"), "too many"
    )
    assert not list(Path().iterdir())


def test_list_names_the_tables_and_their_sizes(cli: Cli) -> None:
    listed = cli("tables", "list")
    assert listed.status == 0
    lines = listed.out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == builtin_names()
    assert "6,466" in next(line for line in lines if line.startswith("digits201"))


def test_list_shows_a_data_card(cli: Cli) -> None:
    shown = cli("tables", "list", "digits201")
    assert shown.out.startswith("# digits201\n")
    assert "Kendall tau between seeds 0 and 1" in shown.out
    refused(cli("tables", "list", "digit201"), "did you mean 'digits201'")


def test_verify_refuses_what_it_cannot_do(cli: Cli) -> None:
    refused(cli("tables", "verify", "nb201"), "unknown built-in table 'nb201'")
    refused(cli("tables", "verify", "digits201", "--archs", 7000), "archs 7000")
    refused(cli("tables", "verify", "digits201", "--repeat", 5), "run 5", "runs 0 to 1")


def test_all_commands_are_listed(cli: Cli) -> None:
    for arguments in (("tables",), ("tables", "--help")):
        shown = cli(*arguments)
        assert shown.status == 0
        assert all(word in shown.out for word in ("build", "list", "verify", "import"))
    assert "tables" in cli("--help").out


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_tables_are_whole(name: str) -> None:
    path, card = builtin_table(name), data_card(name)
    assert path is not None
    assert card is not None
    assert card.exists()
    table = load_table(name, NASBench201())
    assert table.by_class
    assert len(table) >= 2000
    for column in table.metrics:
        if column not in ("jacob_cov", "naswot", "snip", "grad_norm", "synflow"):
            table.objective(column)  # no gaps
    assert table.column("valid_accuracy").max() < 0.99
    assert (
        table.column("test_accuracy_ep" + str(table.raw.about["epochs"][0]) + "_seed0") > 0
    ).all()


def test_built_in_tables_are_small() -> None:
    sizes = [path.stat().st_size for name in builtin_names() if (path := builtin_table(name))]
    assert sum(sizes) < 2_000_000


def test_a_file_comes_before_a_built_in_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits201").write_text("nothing\n")
    with pytest.raises(TableError):
        load_table("digits201", NASBench201())


def test_unknown_tables_name_the_built_in_ones(cli: Cli) -> None:
    refused(cli("search", "--table", "digit201"), "did you mean digits201", "glyphs201")
