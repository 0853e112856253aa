"""``archrank tables``: benchmark tables, built, imported, listed and verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tyro

from archrank.cli.tables_build import TablesBuild, TablesList, TablesVerify
from archrank.cli.tables_import import TablesImport
from archrank.user_files import run_user_code


@dataclass
class Tables:
    """Benchmark tables: list the built-in ones, build, verify, import official files.

    Has commands of its own: archrank tables --help.
    """

    def __call__(self) -> int:
        """Show the commands."""
        return run_tables([])


def run_tables(arguments: list[str]) -> int:
    """Parse and run what follows ``archrank tables``; its exit status."""
    commands: dict[str, Callable[..., Any]] = {
        "list": TablesList,
        "build": TablesBuild,
        "verify": TablesVerify,
        "import": TablesImport,
    }
    command = tyro.extras.subcommand_cli_from_dict(
        commands,
        args=arguments or ["--help"],
        prog="archrank tables",
        description="Benchmark tables: list the built-in ones, build, verify, import.",
    )
    status: int = run_user_code(command)
    return status
