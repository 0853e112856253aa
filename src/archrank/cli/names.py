"""Command ``archrank list``: the names that options take, each with one line about it.

Names come from the registries, and the lines from docstrings in source files, so that nothing that
a name stands for is imported: torch alone would take seconds.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from archrank.cli.options import POSITIONAL, paragraphs
from archrank.cli.output import print_json, show_rows
from archrank.errors import UnknownNameError

if TYPE_CHECKING:
    from archrank.registry import Registry

KINDS = (
    "spaces",
    "tasks",
    "tables",
    "evaluators",
    "proxies",
    "strategies",
    "rankers",
    "importers",
    "reproductions",
)


@dataclass
class List:
    """List the names that options take, each with one line about it.

    Your own work wherever a name does: as path/to/file.py:name or package.module:name.
    """

    kind: Annotated[str, "[KIND]", POSITIONAL] = ""
    """List one kind only: spaces, tasks, tables, evaluators, proxies, strategies, rankers,
    importers or reproductions."""
    json: bool = False
    """Print JSON."""

    def __call__(self) -> int:
        """Print; the exit status."""
        if self.kind and self.kind not in KINDS:
            raise UnknownNameError("kind", self.kind, KINDS)
        found = {kind: lines_of(kind) for kind in ([self.kind] if self.kind else KINDS)}
        if self.json:
            print_json(found)
            return 0
        width = max(len(name) for names in found.values() for name in names)
        for i, (kind, names) in enumerate(found.items()):
            print("\n" * (i > 0) + kind)
            show_rows([(f"  {name.ljust(width)}", line) for name, line in names.items()])
        return 0


def names_of(*kinds: str) -> list[str]:
    """Return a line with all names of each kind, for help pages: ``tasks: digits, ...``."""
    return [f"{kind}: {', '.join(lines_of(kind, about=False))}" for kind in kinds]


def lines_of(kind: str, *, about: bool = True) -> dict[str, str]:
    """Return ``{name: one line about it}`` of a kind; empty lines unless ``about``."""
    if kind == "tables":
        from archrank.tables.builtin import builtin_names, data_card

        cards = {name: data_card(name) for name in builtin_names()}
        return {name: _told(card) if about and card else "" for name, card in cards.items()}
    if kind == "reproductions":
        from archrank.reproduce.catalogue import REPRODUCTIONS

        return {item.name: f"{item.source}: {item.title}" for item in REPRODUCTIONS.values()}
    targets = _registry(kind).targets()
    return {name: summary(target) if about else "" for name, target in targets.items()}


def _registry(kind: str) -> Registry:
    from archrank.evaluators import EVALUATORS
    from archrank.proxies.names import PROXIES
    from archrank.rankers import RANKERS
    from archrank.spaces import SPACES
    from archrank.strategies import STRATEGIES
    from archrank.tables.importers.base import IMPORTERS
    from archrank.tasks import TASKS

    known = (EVALUATORS, PROXIES, RANKERS, SPACES, STRATEGIES, IMPORTERS, TASKS)
    return next(registry for registry in known if registry.plural == kind)


def summary(target: str) -> str:
    """Return the first paragraph of the docstring of ``module:name``, without an import of it.

    A name that the module imports from another one is looked up there. Modules of other packages
    are not searched.
    """
    module, _, name = target.partition(":")
    if not module.startswith("archrank."):
        return f"from {module}"
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return paragraphs(ast.get_docstring(node) or "")[0].rstrip(".")
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return summary(f"{node.module}:{alias.name}")
    return ""


def _told(card: Path) -> str:
    """Return the first sentence of a data card, which follows its title."""
    return paragraphs(card.read_text(encoding="utf-8"))[1].partition(";")[0].replace("`", "")
