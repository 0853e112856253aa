"""Pages of the command line: a page per command, an entry per option.

All of it is read from the dataclasses that are the commands, so nothing is written twice.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from places import MADE, write

from archrank.cli.main import COMMANDS, GROUPS
from archrank.cli.options import Option, options_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HELP = "Print the options of the command and exit."
INTRO = """
Commands and options
====================

Every command and every option. ``archrank COMMAND --help`` prints the same.
"""


def commands() -> Iterator[tuple[str, type]]:
    """Yield every command: what is typed after ``archrank``, and its dataclass."""
    for name, target in COMMANDS.items():
        if name in GROUPS:
            for inner, one in GROUPS[name][0].items():
                yield f"{name} {inner}", _load(one)
        else:
            yield name, _load(target)


def page(name: str, command: type) -> str:
    """Return the page of a command in reStructuredText."""
    program = f"archrank {name}"
    options = list(options_of(command))
    positional = "".join(f" {option.shown}" for option in options if option.positional)
    lines = [program, "=" * len(program), "", ".. code-block:: text", ""]
    lines += [
        f"   {program}{positional} [options]",
        "",
        escaped(inspect.cleandoc(command.__doc__ or "")),
        "",
    ]
    names: list[str] = getattr(command, "names_in_help", list)()
    lines += [f"* {escaped(line)}" for line in names] + [""]
    lines += [f".. program:: {program}", ""]
    for option in options:
        lines += [f".. option:: {signature(option)}", "", f"   {escaped(told(option))}", ""]
    return "\n".join([*lines, ".. option:: --help", "", f"   {HELP}", ""])


def signature(option: Option) -> str:
    """Return an option as it may be typed: ``-n INT, --n INT``."""
    many = " ..." if option.many else ""
    if option.positional:
        return f"{option.shown}{many}"
    if option.kind is bool:
        off = f", --no-{option.path[-1].replace('_', '-')}" if option.default else ""
        return f"{option.flag}{off}"
    return ", ".join(f"{word} {option.shown}{many}" for word in option.spellings)


def told(option: Option) -> str:
    """Return the help of an option with its default; argparse's marks are taken off."""
    return option.help.replace("%%", "%")


def escaped(text: str) -> str:
    """Return plain text as reStructuredText that shows it, with ``code`` and options as code.

    Colons are escaped, too, since ``FILE:COLUMN`` would be taken for an address on the web.
    """
    parts = re.split(r"(``.*?``|(?<![\w-])--[a-z][\w-]*)", text)
    return "".join(
        f"``{part.strip('`')}``" if i % 2 else re.sub(r"([\\*`_|:])", r"\\\1", part)
        for i, part in enumerate(parts)
    )


def write_pages(app: Sphinx) -> None:
    """Write a page per command, and the one that lists them."""
    rows = []
    for name, command in commands():
        file = name.replace(" ", "_")
        write(MADE / "commands" / f"{file}.rst", page(name, command))
        about = inspect.cleandoc(command.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        rows.append((name, file, about))
    lines = [INTRO.strip(), ""]
    for name, file, about in rows:
        lines += [f":doc:`archrank {name} <{file}>`", f"   {about}", ""]
    lines += [".. toctree::", "   :hidden:", ""]
    lines += [f"   archrank {name} <{file}>" for name, file, _ in rows]
    write(MADE / "commands" / "index.rst", "\n".join([*lines, ""]))


def _load(target: str) -> type:
    module, _, name = target.partition(":")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, type)
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
