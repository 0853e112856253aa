from __future__ import annotations

import io
import json
import re
import subprocess
import sys

import pytest

from archrank import __version__
from archrank.cli import main as main_module
from archrank.cli.main import COMMANDS, TABLES, main
from archrank.cli.names import KINDS, summary
from archrank.rankers import RANKERS
from archrank.spaces import SPACES
from archrank.strategies import STRATEGIES
from archrank.tasks import TASKS
from tests.cli.conftest import Cli, refused

PAGES = [
    (),
    *((name,) for name in COMMANDS),
    *(("tables", name) for name in TABLES),
]
HEAVY = {"torch", "optuna", "pandas", "sklearn", "lightgbm", "scipy", "matplotlib", "pyarrow"}
ONE_WORD = [  # one rule: --run names the folder of work that goes on, --out what is written
    ("report", "--output", "--out"),
    ("export", "--output", "--out"),
    ("draw", "--outt", "--out"),
    ("search", "--runs", "--run"),
    ("assess", "--runs", "--run"),
    ("tables build", "--runn", "--run"),
]


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(cli: Cli, option: str) -> None:
    assert cli(option) == (0, f"archrank {__version__}\n", "")


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")
    assert result.status == 0
    for command in ("search", "best", "front", "report", "export"):
        assert command in result.out
    options = cli("search", "--help")
    for option in ("--space", "--table", "--metric", "--budget", "--workers", "--run", "--seed"):
        assert option in options.out


@pytest.mark.parametrize("arguments", [["serach"], ["search", "here"], ["tables", "verfiy"]])
def test_commands_that_do_not_exist(cli: Cli, arguments: list[str]) -> None:
    refused(cli(*arguments), arguments[-1], "--help")


def test_no_command_shows_them_all(cli: Cli) -> None:
    assert cli() == cli("--help")
    assert cli("tables") == cli("tables", "--help")


@pytest.mark.parametrize(("command", "one", "other"), ONE_WORD)
def test_an_option_of_another_command_is_unknown(
    cli: Cli, command: str, one: str, other: str
) -> None:
    result = cli(*command.split(), one, "x")
    refused(result, f"archrank {command}: unknown option {one}", f"archrank {command} --help")
    assert other in result.err
    assert result.err.count("--help") == 1  # no help of other commands


def test_what_a_page_says(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in PAGES:
        page = cli(*command, "--help").out
        assert "None" not in page, command
        assert "{" not in page, command
        assert max(map(len, page.splitlines())) <= 80, command
    page = cli("search", "--help").out
    assert "--workers INT" in page
    assert "(default: one per core" in " ".join(page.split())
    for name in (*SPACES.names(), *TASKS.names(), *RANKERS.names(), *STRATEGIES.names()):
        assert name in page, name


@pytest.mark.parametrize("command", [*PAGES, ("list",)], ids=" ".join)
def test_a_page_needs_nothing_heavy(command: tuple[str, ...]) -> None:
    """Half a second of processor time is the bar; these modules cost more, so it is exact."""
    asked = command if command == ("list",) else (*command, "--help")
    code = (
        "import sys\nfrom archrank.cli.main import main\n"
        f"try:\n    main({list(asked)!r})\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print(sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"


def test_names_with_a_line_about_each(cli: Cli) -> None:
    everything = json.loads(cli("list", "--json").out)
    assert set(everything) == set(KINDS)
    assert list(everything["rankers"]) == RANKERS.names()
    for names in everything.values():
        for line in names.values():
            assert len(line) > 8
            assert not re.search("[:`]{2}|\n", line), line
    only = cli("list", "tasks").out.splitlines()
    assert only[0] == "tasks"
    assert [line.split()[0] for line in only[1:]] == TASKS.names()


def test_a_plugin_is_listed_without_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    assert summary("no_such_package.rankers:Mine") == "from no_such_package.rankers"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
        (OSError(28, "No space left on device", "study.db"), 2),
    ],
)
def test_how_programs_end(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(main_module, "run", run)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == status


def test_a_full_disk_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: list[str]) -> int:
        raise OSError(28, "No space left on device", "study.db")

    monkeypatch.setattr(main_module, "run", run)
    with pytest.raises(SystemExit):
        main([])
    assert "No space left on device: 'study.db'" in capsys.readouterr().err


def test_bugs_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(arguments: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(main_module, "run", run)
    with pytest.raises(ZeroDivisionError):
        main([])
