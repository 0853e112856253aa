"""The text of ``load_model.py`` for networks that a user's code builds."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archrank.export.loader.expressions import UnwritableError, written
from archrank.export.loader.script import USE, Script
from archrank.user_files import file_of

if TYPE_CHECKING:
    from archrank.tasks.base import Task

TOLD = ("name", "input_shape", "n_outputs")  # of a task, beside its fields

ABOUT = "Build a network that archrank found with your own code, and load its weights."

FROM_FILE = """\
The code is imported from SOURCE below, a path from the folder of this file: correct it when one of
them moves. All that your file imports must be installed; archrank only if that is among it.
"""

FROM_MODULE = """\
The code is imported by the name of its module, so that must be installed, with all that it imports.
"""

BUILD = '''
def build_network() -> nn.Module:
    """Build the network, untrained, by your function ``{name}``."""
{imported}    network: nn.Module = {call}(CHOICES, TASK)
    return network

'''

IMPORTED = """\
    if not SOURCE.is_file():
        sys.exit(f"there is no {SOURCE}: correct SOURCE in {__file__}")
    sys.path.insert(0, str(SOURCE.parent))  # for what it imports from its folder
    spec = importlib.util.spec_from_file_location(SOURCE.stem, SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[SOURCE.stem] = module
    spec.loader.exec_module(module)
"""

BY_ARCHRANK = '''\
"""Load a network that archrank found; archrank must be installed.

    from load_model import load_network
    network = load_network()                # in evaluation mode, on the CPU
"""

{reason}

from __future__ import annotations

from pathlib import Path

import archrank
from torch import nn

HERE = Path(__file__).resolve().parent


def load_network(space=None, task=None) -> nn.Module:
    """Load the network.

    Args:
        space: your space, where architecture.json names none.
        task: your task, likewise. What it does name is imported, files by their paths as typed.
    """
    return archrank.load(HERE, space=space, task=task, own_code=True).network


if __name__ == "__main__":
    network = load_network()
    print(network)
    print(f"weights  {{sum(p.numel() for p in network.parameters()):,}}")
'''


def of_function(
    build: Callable[..., Any], choices: Mapping[str, Any], task: Task, folder: Path
) -> Script:
    """Return the file of a network that a user's ``build(choices, task)`` makes.

    The function is imported from where it is now, and gets a stand-in for the task, which has the
    task's name, shapes and plain settings.

    Args:
        build: the function.
        choices: of the architecture.
        task: what the network is built for.
        folder: of the export, from which the path of the user's file is told.

    Raises:
        UnwritableError: it cannot be imported by a name, or a choice is no plain value.
    """
    name = str(getattr(build, "__qualname__", ""))
    if not name.isidentifier():
        shown = name if name.isprintable() and name else "an object that is called"
        raise UnwritableError(f"{shown} is no function at the top level of a file")
    source = _source(build)
    about = FROM_MODULE if source is None else FROM_FILE
    script = Script([ABOUT, about.strip(), USE.rstrip()])
    told = {key: getattr(task, key) for key in TOLD}
    told |= {f.name: getattr(task, f.name) for f in _fields(task) if _plain(getattr(task, f.name))}
    script.need("types", "SimpleNamespace")
    if source is None:
        script.need(str(build.__module__), name)
    else:
        script.need("importlib.util")
        path = written(os.path.relpath(source, folder.resolve()))
        script.constants.append(f"SOURCE = (HERE / {path}).resolve()")
    choice = written(dict(choices), before=len("CHOICES = "))
    script.constants.append(f"CHOICES = {choice}")
    settings = [f"    {key}={written(value, indent=4, before=30)}," for key, value in told.items()]
    script.constants += ["TASK = SimpleNamespace(", *settings, ")"]
    call, imported = (name, "") if source is None else (f"module.{name}", IMPORTED)
    script.body = [BUILD.format(name=name, call=call, imported=imported).rstrip("\n") + "\n"]
    return script


def by_archrank(reason: str) -> str:
    """Return a file that loads the network by archrank, and says why in a comment."""
    line = "".join(c for c in " ".join(reason.split()) if c.isprintable())
    wrapped = textwrap.wrap(f"It needs archrank because {line}.", 97)
    return BY_ARCHRANK.format(reason="\n".join(f"# {each}" for each in wrapped))


def _source(build: Callable[..., Any]) -> Path | None:
    """Return the file that defines a function; ``None`` if its module belongs to a package.

    Raises:
        UnwritableError: there is neither, as in a notebook.
    """
    module = sys.modules.get(str(build.__module__))
    if getattr(module, "__package__", None):
        return None
    found = file_of(str(build.__module__)) or Path(str(getattr(module, "__file__", "")))
    if not found.is_file():
        raise UnwritableError(f"{build.__qualname__} is in no file")
    return found.resolve()


def _fields(task: Task) -> list[Any]:
    return [f for f in fields(task) if f.name not in TOLD] if is_dataclass(task) else []


def _plain(value: Any) -> bool:
    """Tell whether a setting is a number, a string, None, or a tuple of these."""
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
