"""Entry point of the command line."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from archrank.errors import ArchrankError, UnknownNameError
from archrank.user_files import run_user_code

READING = ("best", "front", "report", "export")
BAD_INPUT = 2

COMMANDS = {
    "search": "archrank.cli.search:Search",
    "ask": "archrank.cli.ask:Ask",
    "tell": "archrank.cli.ask:Tell",
    "best": "archrank.cli.read:Best",
    "front": "archrank.cli.read:Front",
    "report": "archrank.cli.read:Report",
    "runs": "archrank.cli.runs:Runs",
    "compare": "archrank.cli.compare:Compare",
    "export": "archrank.cli.export:Export",
    "draw": "archrank.cli.draw:Draw",
    "assess": "archrank.cli.assess:Assess",
    "importance": "archrank.cli.importance:ImportanceCommand",
    "reproduce": "archrank.cli.reproduce:Reproduce",
    "supernet": "weight sharing: train a supernet; score, search and export its architectures",
    "tables": "benchmark tables: list, build, verify, measure latencies, import",
    "list": "archrank.cli.names:List",
}
TABLES = {
    "list": "archrank.cli.tables_build:TablesList",
    "build": "archrank.cli.tables_build:TablesBuild",
    "verify": "archrank.cli.tables_build:TablesVerify",
    "latency": "archrank.cli.tables_latency:TablesLatency",
    "import": "archrank.cli.tables_import:TablesImport",
}
SUPERNET = {
    "train": "archrank.cli.supernet:SupernetTrain",
    "score": "archrank.cli.supernet:SupernetScore",
    "search": "archrank.cli.supernet_search:SupernetSearch",
    "front": "archrank.cli.supernet_search:SupernetFront",
    "export": "archrank.cli.supernet_search:SupernetExport",
    "study": "archrank.cli.supernet_study:StudySupernets",
}
GROUPS = {  # commands that have commands of their own
    "supernet": (
        SUPERNET,
        "Weight sharing: train a supernet; score, search and export its architectures.",
    ),
    "tables": (
        TABLES,
        "Tables of measured architectures: list the built-in ones, build, verify, measure "
        "latencies, import.",
    ),
}


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
    from archrank import __version__
    from archrank.cli.options import parse

    if arguments in (["--version"], ["-V"]):
        print(f"archrank {__version__}")
        return 0
    program, commands = "archrank", COMMANDS
    about = "Find the best neural architecture while training few candidates."
    if arguments and arguments[0] in GROUPS:
        program, (commands, about) = f"archrank {arguments[0]}", GROUPS[arguments[0]]
        arguments = arguments[1:]
    name, *rest = arguments or ["--help"]
    if name in ("--help", "-h"):
        _show_commands(program, commands, about)
        return 0
    if name not in commands:
        raise UnknownNameError("command", name, commands, f"All commands: {program} --help")
    reads = commands is COMMANDS and name in READING
    if reads and rest and not rest[0].startswith("-"):
        rest.insert(0, "--run")  # `archrank best DIR` is `archrank best --run DIR`
    module, _, kind = commands[name].partition(":")
    command: type[Callable[[], int]] = getattr(importlib.import_module(module), kind)
    return run_user_code(parse(command, rest, f"{program} {name}"))


def _show_commands(program: str, commands: Mapping[str, str], about: str) -> None:
    """Print the page of a program that has commands: one line for each."""
    from archrank.cli.names import summary
    from archrank.cli.options import folded

    print(f"usage: {program} COMMAND [options]\n\n{folded([about])}\n\ncommands:")
    for name, target in commands.items():
        text = summary(target) if target.startswith("archrank.") else target
        print(folded([f"  {name:<10}  {text}"], indent=" " * 14))
    print("\n" + folded([f"{program} COMMAND --help shows the options of a command."]))


def _complain(message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    text = Text("error: ", "bold red").append(Text(message, "default"))
    Console(stderr=True).print(text, soft_wrap=True)


if __name__ == "__main__":
    main()
