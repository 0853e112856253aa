"""Docstrings: complete, and opening with a verb or a noun phrase that a stranger understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import archrank

SOURCE = Path(archrank.__file__).parent
RIDDLES = frozenset(
    [
        "how",
        "of",
        "that",
        "what",
        "when",
        "where",
        "whether",
        "which",
        "who",
        "whom",
        "whose",
        "why",
    ],
)
"""First words of docstrings that only answer a question which the reader has not asked."""

Definition = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def definitions(
    node: ast.AST, name: str = "", public: bool = True
) -> Iterator[tuple[str, bool, Definition]]:
    """Yield every module, class and function: its name, whether it is public, and its node.

    Functions inside functions are private.
    """
    if isinstance(node, ast.Module):
        yield "module", True, node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{name}.{child.name}" if name else child.name
            shown = public and not child.name.startswith("_")
            yield inner, shown, child
            inside = shown and isinstance(child, ast.ClassDef)
            yield from definitions(child, inner, inside)
        else:
            yield from definitions(child, name, public)


def is_overload(node: Definition) -> bool:
    """Return True for ``@overload`` declarations, whose implementation has the docstring."""
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in decorators)


def faults(source: str) -> list[str]:
    """Describe the faults of all docstrings of a module."""
    found = []
    for name, public, node in definitions(ast.parse(source)):
        text = ast.get_docstring(node)
        if text is None:
            if public and not is_overload(node):
                found.append(f"{name} has no docstring")
            continue
        first = text.splitlines()[0].rstrip()
        word = re.match(r"\W*(\w*)", first)
        if word is not None and word.group(1).lower() in RIDDLES:
            found.append(f"{name} opens with {word.group(1)!r}: {first}")
        if not first.endswith((".", "?", "!", ":")):
            found.append(f"{name} has no full stop at the end of its first line: {first}")
    return found


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.name))
def test_docstrings(path: Path) -> None:
    assert faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""A module."""\ndef f():\n    """Return 1."""\n', []),
        ('"""What a module is."""\n', ["opens with 'What'"]),
        ('"""A module"""\n', ["no full stop"]),
        ('"""A module."""\ndef f(): ...\n', ["f has no docstring"]),
        ('"""A module."""\ndef _f(): ...\n', []),
        ('"""A module."""\nclass _C:\n    def f(self): ...\n', []),
        (
            '"""A module."""\nclass C:\n    """C."""\n    def f(self): ...\n',
            ["C.f has no docstring"],
        ),
        (
            '"""A module."""\nclass C:\n    """C."""\n    def _f():\n        """Of."""\n',
            ["C._f"],
        ),
        ('"""A module."""\nif True:\n    def f(): ...\n', ["f has no docstring"]),
        ('"""A module."""\ndef f():\n    """F."""\n    def g(): ...\n', []),
    ],
)
def test_faults_are_found(source: str, expected: list[str]) -> None:
    found = faults(source)
    assert len(found) == len(expected)
    assert all(part in fault for part, fault in zip(expected, found, strict=True))
