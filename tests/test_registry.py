from __future__ import annotations

import math
from pathlib import Path

import pytest

from archrank.errors import ArchrankError, UnknownNameError
from archrank.registry import Registry
from archrank.spaces import NASBench201


@pytest.fixture
def registry() -> Registry:
    return Registry("space", {"nasbench201": "archrank.spaces.edge_cells.nasbench201:NASBench201"})


def test_loads_by_name_whatever_its_case_and_dashes(registry: Registry) -> None:
    from archrank.spaces import NASBench201

    assert registry.get("nasbench201") is NASBench201
    assert registry.get("NASBench201") is NASBench201
    assert "nasbench201" in registry.names()


def test_unknown_name(registry: Registry) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'nasbench201'.*package\.module:name"):
        registry.get("nasbench-2o1")


def test_loads_a_users_module(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/nowhere"])
    Path("mine_for_registry.py").write_text("space = 42\n")
    assert registry.get("mine_for_registry:space") == 42
    with pytest.raises(UnknownNameError, match="did you mean 'space'"):
        registry.get("mine_for_registry:spce")


USERS = """
from __future__ import annotations
import math as m
from functools import partial
from archrank.spaces import NASBench201, from_choices

WIDTHS = [8, 16]

def build(config, task):
    "Build a network."

def measure(config):
    return 1.0

def make_space():
    return space

space = from_choices({"width": WIDTHS}, build)

class Cells(NASBench201):
    pass
"""


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("space", "Cells, make_space, space"),
        ("evaluator", "build, make_space, measure"),
        ("task", "make_space"),  # it may return one
    ],
)
def test_names_of_a_users_file_that_may_be_meant(kind: str, names: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(USERS)
    with pytest.raises(UnknownNameError) as raised:
        Registry(kind, {}).get(f"{file}:m0")
    assert str(raised.value) == f"unknown name in {file}: 'm0'. Known: {names}"


def test_names_of_a_file_without_any_that_may_be_meant(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import math as sapce\nspaec = 3\n")
    with pytest.raises(UnknownNameError, match=r"did you mean 'spaec'\? Known: spaec$"):
        Registry("space", {}).get(f"{file}:space")


def test_missing_module_and_broken_module(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownNameError, match="no module 'no_such_module'"):
        registry.get("no_such_module:space")
    Path("broken_for_registry.py").write_text("1 / 0\n")
    with pytest.raises(ArchrankError, match="importing broken_for_registry failed: ZeroDivision"):
        registry.get("broken_for_registry:space")


def test_rankers_and_evaluators_load_lazily() -> None:
    import subprocess
    import sys

    code = (
        "import sys, archrank.rankers, archrank.evaluators, archrank.tables\n"
        "heavy = {'torch', 'lightgbm', 'sklearn.ensemble', 'pandas', 'optuna'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["random_forest", "gbdt", "ranknas", "ensemble"])
def test_ranker_names(name: str, space: NASBench201) -> None:
    from archrank.rankers import RANKERS
    from archrank.rankers.base import Ranker

    ranker = RANKERS.get(name)(space, seed=3)
    assert isinstance(ranker, Ranker)
    assert ranker.get_params()["seed"] == 3


@pytest.mark.parametrize("name", ["table", "cost", "function", "combined"])
def test_evaluator_names(name: str) -> None:
    from archrank.evaluators import EVALUATORS, Evaluator

    assert issubclass(EVALUATORS.get(name), Evaluator)


def test_packages_refuse_unknown_attributes() -> None:
    import archrank.evaluators
    import archrank.rankers

    for package in (archrank.rankers, archrank.evaluators):
        assert set(package.__all__) <= set(dir(package))
        with pytest.raises(AttributeError, match="Nonsense"):
            package.Nonsense  # noqa: B018


def test_a_module_that_lacks_a_package_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "needy.py").write_text("import surely_not_installed\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchrankError, match=r"importing needy failed.*surely_not_installed"):
        Registry("ranker", {}).get("needy:Ranker")


def test_a_module_whose_name_only_begins_alike_is_not_blamed(tmp_path, monkeypatch) -> None:
    (tmp_path / "needier.py").write_text("import need\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchrankError, match="importing needier failed"):
        Registry("ranker", {}).get("needier:Ranker")


def test_a_working_directory_that_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert Registry("thing", {}).get("math:pi") == math.pi
    with pytest.raises(UnknownNameError, match="There is no module 'nowhere_at_all'"):
        Registry("thing", {}).get("nowhere_at_all:x")
