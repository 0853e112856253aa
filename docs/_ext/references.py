"""References in docstrings: links where there is a page, plain code for inner parts.

What does not exist at all stays a warning, which fails the build: a docstring names something that
was renamed or removed.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from public import homes, resolve
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import archrank

SOURCE = Path(archrank.__file__).parent


def missing(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Resolve a reference that Sphinx has not found; ``None`` leaves it to warn."""
    if node["refdomain"] != "py":
        return None
    target = node["reftarget"].lstrip(".~!")
    near = candidates(target, node.get("py:module"), node.get("py:class"))
    for name in [*in_docstring(node, target), *near]:
        found = resolve(name)
        if found is None:
            continue
        link = entry(app, env, node, found[1], content)
        return link if link is not None else content
    return None


def in_docstring(node: nodes.Node, target: str) -> list[str]:
    """Return the target as a name of the class whose docstring, maybe inherited, has it."""
    place: nodes.Node | None = node
    while place is not None and not place.source:
        place = place.parent
    home = re.search(r"docstring of ([\w.]+)", place.source or "") if place is not None else None
    return [f"{home[1].rpartition('.')[0]}.{target}"] if home else []


def candidates(target: str, module: str | None, cls: str | None) -> list[str]:
    """List the dotted names that a target may mean, from near to far."""
    near = []
    if module and cls:
        near += [f"{module}.{cls}.{target}"]
        found = resolve(f"{module}.{cls}")
        if found is not None:
            home = found[0].__module__
            near += [f"{home}.{target}", f"{home.rpartition('.')[0]}.{target}"]
    if module:
        near += [f"{module}.{target}"]
    first, _, rest = target.partition(".")
    near += [target, f"archrank.{target}", *short_names().get(target, [])]
    near += [f"{full}.{rest}" for full in short_names().get(first, []) if rest]
    if hasattr(builtins, target.partition(".")[0]):
        near += [f"builtins.{target}"]
    return near


def entry(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, name: str, content: nodes.TextElement
) -> nodes.Node | None:
    """Link to the entry of a dotted name, or to that of the class that has it."""
    domain = env.get_domain("py")
    for full in (name, name.rpartition(".")[0]):
        found = domain.objects.get(full)  # type: ignore[attr-defined]
        if found is not None and full != "archrank":
            place = (app.builder, node["refdoc"], found.docname, found.node_id)
            return make_refnode(*place, content, name)
    return None


@cache
def short_names() -> dict[str, list[str]]:
    """Return ``{name: dotted names}`` of all classes, functions and aliases in the source.

    Annotations are texts, so names in signatures are as short as the module wrote them.
    """
    found: dict[str, list[str]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        module = ".".join(["archrank", *file.relative_to(SOURCE).with_suffix("").parts])
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            for name in _defined(statement):
                found.setdefault(name, []).append(f"{module.removesuffix('.__init__')}.{name}")
            for name, full in _imported(statement):
                found.setdefault(name, []).append(full)
    return {name: sorted(set(full), key=_public_first) for name, full in found.items()}


def _imported(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Yield what is imported from other packages, also for annotations alone."""
    inner = statement.body if isinstance(statement, ast.If) else [statement]
    for one in inner:
        if isinstance(one, ast.ImportFrom) and not (one.module or "").startswith("archrank"):
            yield from ((a.asname or a.name, f"{one.module}.{a.name}") for a in one.names)
        elif isinstance(one, ast.Import):
            yield from ((alias.asname, alias.name) for alias in one.names if alias.asname)


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _public_first(name: str) -> tuple[bool, str]:
    found = resolve(name)
    return found is None or id(found[0]) not in homes(), name


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("missing-reference", missing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
