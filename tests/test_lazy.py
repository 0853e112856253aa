"""Lazy packages name the same things to Python and to type checkers."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import pytest

import archrank

ROOT = Path(archrank.__file__).parent
PACKAGES = [
    ".".join(["archrank", *file.parent.relative_to(ROOT).parts])
    for file in sorted(ROOT.rglob("__init__.py"))
    if "= lazy(" in file.read_text(encoding="utf-8")
]


def imports(package: str) -> dict[str, str]:
    """What type checkers are told: public name -> the module it comes from."""
    tree = ast.parse(Path(str(import_module(package).__file__)).read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                assert isinstance(statement, ast.ImportFrom)
                for alias in statement.names:
                    assert alias.asname == alias.name  # else it is private
                    found[alias.name] = str(statement.module)
    return found


def test_packages_are_found() -> None:
    assert {"archrank", "archrank.rankers", "archrank.evaluators"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_both_lists_agree(package: str) -> None:
    module = import_module(package)
    homes = {name: f"{package}.{home}" if home else package for name, home in module._HOMES.items()}
    assert imports(package) == homes
    assert set(homes) <= set(module.__all__)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_loads(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        if package != "archrank" or name != "cli":  # commands are for the terminal
            assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Nonsense'"):
        module.Nonsense  # noqa: B018
