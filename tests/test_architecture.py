"""Imports against the map of the house: the table of rooms in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
OUTSIDE = {"testing", "__main__", "archrank"}  # rooms that may look at every floor
GROUND = 0  # its rooms are single files that may import each other


def modules(source: Path) -> dict[str, Path]:
    """Every module below ``source``, by dotted name."""
    found = {}
    for path in source.rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(tree: ast.AST) -> Iterator[str]:
    """Names that a module imports when it runs, deferred imports included.

    Imports below ``if TYPE_CHECKING`` are left out: they never run.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for child in node.orelse:
                yield from imports(child)
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imports(node)


def dependencies(source: Path, package: str) -> dict[str, set[str]]:
    """``{module: modules it imports}`` of ``package``, names resolved to the longest module."""
    known = modules(source)
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        used = set()
        for target in imports(ast.parse(path.read_text(encoding="utf-8"))):
            while target and target not in known:
                target = target.rpartition(".")[0]
            if target.split(".")[0] == package and target not in (name, package):
                used.add(target)
        graph[name] = used
    return graph


def rooms(page: str) -> dict[str, int]:
    """``{room: floor}`` as the table of ``page`` says."""
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", page, flags=re.MULTILINE)
    return {room: int(floor) for floor, names in rows for room in re.findall(r"`(\w+)`", names)}


def room_of(module: str) -> str:
    """Room of a module: the part of its name below the package."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def faults(graph: Mapping[str, set[str]], floors: Mapping[str, int]) -> list[str]:
    """Imports that go up, stay on a floor, or touch a room that is missing from the map."""
    found = []
    for module, used in sorted(graph.items()):
        room = room_of(module)
        if room in OUTSIDE:
            continue
        for target in sorted(used):
            other = room_of(target)
            if other == room:
                continue
            if room not in floors or other not in floors:
                lost = room if room not in floors else other
                found.append(f"{module}: room {lost!r} is missing from docs/architecture.md")
            elif floors[other] > floors[room] or floors[other] == floors[room] > GROUND:
                found.append(f"{module} imports {target}: floor {floors[room]} to {floors[other]}")
    return found


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return dependencies(SOURCE, "archrank")


@pytest.fixture(scope="module")
def floors() -> dict[str, int]:
    return rooms((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def test_imports_only_go_down(graph: dict[str, set[str]], floors: dict[str, int]) -> None:
    assert faults(graph, floors) == []


def test_no_circles(graph: dict[str, set[str]]) -> None:
    packages = {name for name, path in modules(SOURCE).items() if path.name == "__init__.py"}
    # a package's own index names its modules, lazily or not; nothing inside may import the index
    inner = {name: used - packages for name, used in graph.items() if name not in packages}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(error.args[1])}")


def test_nothing_imports_its_own_index(graph: dict[str, set[str]]) -> None:
    packages = {name for name, path in modules(SOURCE).items() if path.name == "__init__.py"}
    own = [
        f"{name} imports {target}"
        for name, used in graph.items()
        for target in used & packages
        if name.startswith(f"{target}.") and not list_of_modules(name, target)
    ]
    assert own == []


def list_of_modules(name: str, target: str) -> bool:
    """Whether ``name`` takes only modules from the index ``target``, not what it lists."""
    tree = ast.parse(modules(SOURCE)[name].read_text(encoding="utf-8"))
    known = modules(SOURCE)
    taken = [i for i in imports(tree) if i.rpartition(".")[0] == target]
    return all(i in known for i in taken)


def test_the_map_has_no_empty_rooms(floors: dict[str, int]) -> None:
    there = {p.stem for p in (SOURCE / "archrank").iterdir() if not p.name.startswith("_")}
    assert set(floors) == there - OUTSIDE - {"py"}


def test_an_arrow_upward_is_found(tmp_path: Path) -> None:
    (tmp_path / "house" / "cellar").mkdir(parents=True)
    (tmp_path / "house" / "__init__.py").touch()
    (tmp_path / "house" / "cellar" / "__init__.py").touch()
    (tmp_path / "house" / "attic.py").write_text("import house.cellar.coal\n")
    deferred = "def warm():\n    from house.attic import box\n"
    typed = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house import attic\n"
    (tmp_path / "house" / "cellar" / "wine.py").write_text(typed)
    (tmp_path / "house" / "cellar" / "coal.py").write_text(deferred)
    found = faults(dependencies(tmp_path, "house"), {"attic": 2, "cellar": 1})
    assert found == ["house.cellar.coal imports house.attic: floor 1 to 2"]
    assert faults(dependencies(tmp_path, "house"), {"attic": 1})[0].startswith("house.attic: room")
