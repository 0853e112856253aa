from __future__ import annotations

import io
import sys

import pytest

from archrank import __version__
from archrank.cli import main as main_module
from archrank.cli.main import main
from tests.cli.conftest import Cli


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


@pytest.mark.parametrize("arguments", [[], ["serach"], ["search", "here"]])
def test_commands_that_do_not_exist(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.status == 2
    assert "Traceback" not in result.err
    assert result.out == ""


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
