"""Definitions of archrank's modules, with all that they use, as code that stands alone.

The text is taken as it is in the module's file, with its comments; definitions that are not needed
are left out.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

OURS = "archrank."


class Definition(NamedTuple):
    """Statement at the top level of a module.

    Attributes:
        names: that it defines.
        text: with the comments above it and the string below it.
        uses: names in it, those of its own variables included.
        block: True for classes and functions.
        apart: True if an empty line is above it.
    """

    names: tuple[str, ...]
    text: str
    uses: frozenset[str]
    block: bool
    apart: bool


@dataclass(frozen=True)
class Module:
    """Parts of a module's code.

    Attributes:
        name: such as ``archrank.networks.nds``.
        about: paragraphs of its docstring, without examples.
        definitions: in order.
        imported: ``{name: (module, name there)}``; the latter is empty for modules.
    """

    name: str
    about: tuple[str, ...]
    definitions: tuple[Definition, ...]
    imported: dict[str, tuple[str, str]]

    def defining(self, name: str) -> Definition | None:
        """Return the definition of a name; ``None`` if it has none here."""
        return next((d for d in self.definitions if name in d.names), None)


@dataclass
class Code:
    """Definitions in an order in which they can stand, and what they import.

    Attributes:
        modules: whose definitions they are, each after those that it uses.
        needed: definitions by the name of their module.
        imports: ``{module: names}`` outside archrank; the empty name is the module itself.
    """

    modules: list[Module] = field(default_factory=list)
    needed: dict[str, set[Definition]] = field(default_factory=dict)
    imports: dict[str, set[str]] = field(default_factory=dict)

    def of(self, module: Module) -> list[Definition]:
        """Return the needed definitions of a module in its order."""
        return [d for d in module.definitions if d in self.needed[module.name]]

    def ordered(self, module: Module) -> None:
        """Put a module behind those whose definitions its own use."""
        used = {name for d in self.of(module) for name in d.uses if module.defining(name) is None}
        homes = {module.imported[name][0] for name in used if name in module.imported}
        for home in sorted(homes & set(self.needed) - {m.name for m in self.modules}):
            self.ordered(read_module(home))
        if module not in self.modules:
            self.modules.append(module)


def collect(roots: Iterable[Any]) -> Code:
    """Collect classes and functions of archrank's modules and all that they use.

    Raises:
        ValueError: two different definitions have one name.
    """
    code = Code()
    for root in roots:
        _add(code, root.__module__, root.__qualname__)
    for name in sorted(code.needed):
        code.ordered(read_module(name))
    known: dict[str, str] = {}
    for module in code.modules:
        for name in (name for d in code.of(module) for name in d.names):
            if known.setdefault(name, module.name) != module.name:
                raise ValueError(f"{known[name]} and {module.name} both define {name}")
    return code


def _add(code: Code, module_name: str, name: str) -> None:
    """Add a definition and all that it uses."""
    module = read_module(module_name)
    definition = module.defining(name)
    if definition is None:
        raise ValueError(f"{module_name} does not define {name}")
    needed = code.needed.setdefault(module_name, set())
    if definition in needed:
        return
    needed.add(definition)
    for used in sorted(definition.uses):
        if module.defining(used) is not None:
            _add(code, module_name, used)
        elif used in module.imported:
            home, there = module.imported[used]
            if home.startswith(OURS):
                _add(code, home, there)
            else:
                code.imports.setdefault(home, set()).add(there)


@lru_cache(maxsize=64)
def read_module(name: str) -> Module:
    """Read the code of a module."""
    source = inspect.getsource(import_module(name))
    tree, lines = ast.parse(source), source.splitlines()
    definitions, imported = [], {}
    for i, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            for alias in node.names:
                imported[alias.asname or alias.name] = node.module, alias.name
        elif isinstance(node, ast.Import):
            imported |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        elif names := tuple(_names(node)):
            after = tree.body[i + 1] if i + 1 < len(tree.body) else None
            block = isinstance(node, ast.ClassDef | ast.FunctionDef)
            first, last = _first(lines, node), (node if block or not _is_text(after) else after)
            assert last is not None
            text = "\n".join(lines[first : last.end_lineno])
            apart = not first or not lines[first - 1]
            definitions.append(Definition(names, text, _uses(node), block, apart))
    return Module(name, _about(tree), tuple(definitions), imported)


def _names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    for target in targets:
        each = target.elts if isinstance(target, ast.Tuple) else [target]
        yield from (name.id for name in each if isinstance(name, ast.Name))


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _first(lines: list[str], node: ast.stmt) -> int:
    """Return the number of a statement's first line, from 0: that of the comments above it."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)]) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return int(first)


def _uses(node: ast.stmt) -> frozenset[str]:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return frozenset(names - set(vars(builtins)))


def _about(tree: ast.Module) -> tuple[str, ...]:
    paragraphs = (ast.get_docstring(tree) or "").split("\n\n")
    plain = [" ".join(each.split()) for each in paragraphs if ">>>" not in each]
    return tuple(plain)


def import_lines(imports: dict[str, set[str]]) -> list[str]:
    """Write imports as isort orders them: Python's own, then those of packages."""
    lines: list[str] = []
    modules = sorted(imports)
    for standard in (True, False):
        group = [m for m in modules if (m.partition(".")[0] in sys.stdlib_module_names) is standard]
        whole = [f"import {m}" for m in group if "" in imports[m]]
        parts = [_from(m, imports[m] - {""}) for m in group if imports[m] - {""}]
        if lines and (whole or parts):
            lines.append("")
        lines += whole + parts
    return lines


def _from(module: str, names: set[str]) -> str:
    """Write ``from module import names``: constants, classes, then all else."""
    ordered = sorted(names, key=lambda n: (not (n.isupper() and len(n) > 1), n[0].islower(), n))
    line = f"from {module} import {', '.join(ordered)}"
    if len(line) <= 100:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"
