"""Edits of users' code are noticed, and nothing else is."""

from __future__ import annotations

import importlib
import linecache
import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from archrank.user_code import user_code
from archrank.user_files import import_file

SOURCE = '''
"""A module of somebody's."""
import functools
import json
import os.path

import numpy as np
import helper_for_code

WIDTH = 3
PLACE = os.path.abspath("here")
CALLS = []
COUNT = 0


def half(x):
    """Return the half."""
    return x / 2  # of course


def measure(config):
    """Measure it."""
    global COUNT
    COUNT += 1
    CALLS.append(config)
    return half(WIDTH) + helper_for_code.more(1) + np.sqrt(2) + len(PLACE)


def unused():
    return 1


class Base:
    def one(self):
        return half(1)


class Mine(Base):
    """Something of mine."""

    def __init__(self, fn=None):
        self.fn = fn

    def two(self):
        return WIDTH


def make(scale):
    def inner(config):
        return scale * half(2)
    return inner


@functools.cache
def cached(x):
    import colorsys, torch
    return half(x)


first, second = (lambda c: c + 1), (lambda c: 1)
third = lambda c: half(c)
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "helper_for_code.py").write_text("def more(x):\n    return x + 1\n")
    return tmp_path


def load(folder: Path, text: str = SOURCE, name: str = "mine.py") -> ModuleType:
    (folder / name).write_text(text)
    for known in [n for n in sys.modules if n.startswith(("archrank_file_", "helper_for_code"))]:
        del sys.modules[known]
    importlib.invalidate_caches()
    linecache.clearcache()
    return import_file(str(folder / name), "test")


def test_what_a_function_uses(folder: Path) -> None:
    found, packages = user_code(load(folder).measure)
    assert set(found) == {
        "mine.py:measure",
        "mine.py:half",
        "mine.py:WIDTH",
        "helper_for_code:more",
    }
    assert packages == {"numpy"}


@pytest.mark.parametrize(
    ("old", "new", "edited"),
    [
        ("return x / 2", "return x / 3", {"mine.py:half"}),
        ("WIDTH = 3", "WIDTH = 4", {"mine.py:WIDTH"}),
        ("+ np.sqrt(2)", "- np.sqrt(2)", {"mine.py:measure"}),
        ("  # of course", "", set()),
        ('"""Return the half."""', '"""Halve."""', set()),
        ("def measure", "\n\n# a long comment\n\n\ndef measure", set()),
        ("return 1\n", "return 2\n", set()),  # of a function that is not used
        ("return scale", "return -scale", set()),
        ("COUNT = 0", "COUNT = 5", set()),  # the function itself changes it
        ('"here"', '"there"', set()),  # a place
    ],
)
def test_edits(old: str, new: str, edited: set[str], folder: Path) -> None:
    before, _ = user_code(load(folder).measure)
    assert SOURCE.count(old) == 1
    after, _ = user_code(load(folder, SOURCE.replace(old, new)).measure)
    assert {name for name in before if before[name] != after[name]} == edited
    assert set(before) == set(after)


def test_an_edit_in_another_file(folder: Path) -> None:
    before, _ = user_code(load(folder).measure)
    (folder / "helper_for_code.py").write_text("def more(x):\n    return x + 2\n")
    after, _ = user_code(load(folder).measure)
    assert {n for n in before if before[n] != after[n]} == {"helper_for_code:more"}


def test_a_moved_project_is_no_change(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before, _ = user_code(load(folder).measure)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    module = load(elsewhere)
    module.PLACE = str(elsewhere)
    assert user_code(module.measure)[0] == before


def test_running_is_no_change(folder: Path) -> None:
    module = load(folder)
    before, _ = user_code(module.measure)
    module.measure({})
    assert module.CALLS
    assert module.COUNT
    assert user_code(module.measure)[0] == before


def test_objects_classes_and_closures(folder: Path) -> None:
    module = load(folder)
    assert set(user_code(module.Mine(partial(module.make(2))))[0]) == {
        "mine.py:Mine",
        "mine.py:Base",
        "mine.py:half",
        "mine.py:WIDTH",
        "mine.py:make.<locals>.inner",
        "mine.py:scale",
    }
    assert user_code(module.make(2))[0] != user_code(module.make(3))[0]
    assert set(user_code([{"a": (module.half,)}])[0]) == {"mine.py:half"}
    found, packages = user_code(module.cached)
    assert set(found) == {"mine.py:cached", "mine.py:half"}
    assert packages == {"torch"}  # colorsys is a part of Python


def test_lambdas(folder: Path) -> None:
    before = load(folder)
    after = load(folder, SOURCE.replace("lambda c: c + 1", "lambda c: c + 2"))
    for name, same in (("first", False), ("second", True), ("third", True)):
        old, new = (user_code(getattr(m, name))[0] for m in (before, after))
        assert (old == new) == same, name
    assert set(user_code(before.third)[0]) == {"mine.py:<lambda>", "mine.py:half"}


def test_code_without_a_source() -> None:
    spaces: list[dict[str, object]] = []
    for text in ("x + 1", "x + 1", "x + 2"):
        module = ModuleType("typed_for_code")
        sys.modules["typed_for_code"] = module
        module.__file__ = "/nowhere/typed_for_code.py"
        exec(compile(f"def f(x):\n    return {text}\n", "<typed>", "exec"), vars(module))
        spaces.append(dict(user_code(module.f)[0]))
    del sys.modules["typed_for_code"]
    assert spaces[0] == spaces[1] != spaces[2]


def test_archrank_and_data_are_no_code_of_users() -> None:
    from archrank.evaluators import Cost
    from archrank.spaces import NASBench201

    assert user_code(Cost().bind(NASBench201()), [1, "a", b"c", None], list(range(10**5))) == (
        {},
        set(),
    )
