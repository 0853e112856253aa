"""Entry point of the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from archrank.errors import ArchrankError
from archrank.user_files import run_user_code

READING = ("best", "front", "report", "export")
BAD_INPUT = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit with its status: 0 done, 2 bad input, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        sys.exit(run(arguments))
    except ArchrankError as error:
        _complain(str(error))
        sys.exit(BAD_INPUT)
    except BrokenPipeError:  # `archrank front | head`
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # a full disk, or data that cannot be read: no fault of the program
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)


def run(arguments: list[str]) -> int:
    """Parse and run one command; its exit status.

    Raises:
        ArchrankError: the input cannot be used.
    """
    import tyro

    from archrank import __version__
    from archrank.cli.assess import Assess
    from archrank.cli.draw import Draw
    from archrank.cli.export import Export
    from archrank.cli.read import Best, Front, Report
    from archrank.cli.reproduce import Reproduce
    from archrank.cli.search import Search
    from archrank.cli.tables import Tables, run_tables

    if arguments in (["--version"], ["-V"]):
        print(f"archrank {__version__}")
        return 0
    if arguments[:1] == ["tables"]:  # has commands of its own
        return run_tables(arguments[1:])
    if len(arguments) > 1 and arguments[0] in READING and not arguments[1].startswith("-"):
        arguments.insert(1, "--run")  # `archrank best DIR` is `archrank best --run DIR`
    commands: dict[str, Callable[..., Any]] = {
        "search": Search,
        "assess": Assess,
        "reproduce": Reproduce,
        "best": Best,
        "front": Front,
        "report": Report,
        "export": Export,
        "draw": Draw,
        "tables": Tables,
    }
    command = tyro.extras.subcommand_cli_from_dict(
        commands,
        args=arguments,
        prog="archrank",
        description="Find the best neural architecture while training few candidates.",
        config=(tyro.conf.UseAppendAction,),  # --metric A --metric B
    )
    status: int = run_user_code(command)
    return status


def _complain(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    text = Text("error: ", "bold red").append(Text(message, "default"))
    Console(stderr=True).print(text, soft_wrap=True)


if __name__ == "__main__":
    main()
