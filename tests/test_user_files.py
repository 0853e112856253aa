from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from archrank.errors import ArchrankError, UnknownNameError
from archrank.registry import Registry
from archrank.user_files import import_file, is_file, module_name


@pytest.fixture
def registry() -> Registry:
    return Registry("space", {"nasbench201": "archrank.spaces.edge_cells.nasbench201:NASBench201"})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "file"),
    [
        ("mine.py", True),
        ("MINE.PY", True),
        ("a/b.py", True),
        ("C:\\spaces\\mine.py", True),
        ("package.module", False),
        ("package.py_module", False),
        ("mine", False),
    ],
)
def test_what_a_file_looks_like(typed: str, file: bool) -> None:
    assert is_file(typed) == file


@pytest.mark.parametrize("name", ["mine.py", "random.py", "my-space.v2.py", "sub/é ü.py"])
def test_any_file_loads(registry: Registry, folder: Path, name: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("space = [42]\ndef build(): return 1\n", encoding="utf-8")
    found = registry.get(f"{name}:space")
    assert found == [42]
    assert registry.get(f"{path}:space") is found  # once per process, however it is called
    assert registry.get(f"./{name}:build")() == 1
    assert "random" not in sys.modules or hasattr(sys.modules["random"], "shuffle")


def test_equal_names_in_two_folders(registry: Registry) -> None:
    for k, name in enumerate(("one", "two")):
        Path(name).mkdir()
        Path(name, "mine.py").write_text(f"space = {k}\n")
    assert [registry.get(f"{name}/mine.py:space") for name in ("one", "two")] == [0, 1]


def test_files_beside_it(registry: Registry) -> None:
    Path("sub").mkdir()
    Path("sub/beside_of_user_files.py").write_text("size = 7\n")
    Path("sub/mine.py").write_text("from beside_of_user_files import size as space\n")
    assert registry.get("sub/mine.py:space") == 7


def test_windows_drives_survive(registry: Registry) -> None:
    with pytest.raises(ArchrankError, match=r"there is no file C:\\nets\\mine\.py"):
        registry.get("C:\\nets\\mine.py:space")
    with pytest.raises(ArchrankError, match=r"the space in the file, C:\\nets\\mine\.py:NAME"):
        registry.get("C:\\nets\\mine.py")


def test_functions_reach_other_processes(folder: Path) -> None:
    Path("mine.py").write_text("def build(): return 'built'\n")
    sent = pickle.dumps(import_file("mine.py", "x").build)
    code = (
        "import sys, pickle, archrank.parallel.worker\n"
        f"print(pickle.loads(bytes.fromhex({sent.hex()!r}))())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=False
    )
    assert done.stdout == "built\n", done.stderr


def test_another_finder_of_the_same_name(folder: Path) -> None:
    Path("mine.py").write_text("value = 7\n")
    code = (
        "import sys\n"
        "class _Finder:\n"
        "    find_spec = staticmethod(lambda *_: None)\n"
        "sys.meta_path.insert(0, _Finder())  # as virtualenv does\n"
        "from archrank.user_files import import_file\n"
        "print(import_file('mine.py', 'mine').value)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


def test_names_that_spell_no_file() -> None:
    for name in ("archrank_file_zz", "archrank_file_ff", module_name(Path("gone.py"))):
        with pytest.raises((ModuleNotFoundError, FileNotFoundError)):
            __import__(name)


# ---- bad input -----------------------------------------------------------------------------------


def test_missing_files(registry: Registry) -> None:
    Path("spaces.py").write_text("")
    with pytest.raises(
        ArchrankError, match=r"space 'space.py:it': there is no file space\.py, did"
    ):
        registry.get("space.py:it")
    with pytest.raises(ArchrankError, match=r"did you mean spaces\.py\?"):
        registry.get("space.py:it")
    with pytest.raises(ArchrankError, match=r"no file gone/space\.py \(there is no folder gone\)"):
        registry.get("gone/space.py:it")


def test_missing_names(registry: Registry) -> None:
    Path("mine.py").write_text("space = 1\n")
    with pytest.raises(UnknownNameError, match=r"name in mine\.py: 'spce', did you mean 'space'"):
        registry.get("mine.py:spce")
    with pytest.raises(UnknownNameError, match=r"name in mine\.py: ''"):
        registry.get("mine.py:")
    with pytest.raises(ArchrankError, match=r"name of the space in the file, mine\.py:NAME"):
        registry.get("mine.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n1 / 0\n", r"importing mine\.py failed: ZeroDivisionError: .* \(mine\.py, line 2\)"),
        ("x = 1\ndef oops(:\n", r"failed: SyntaxError: .* \(mine\.py, line 2\)"),
        ("import surely_not_installed\n", r"ModuleNotFoundError: .*surely_not_installed"),
        ("import sys\nsys.exit(3)\n", r"failed: mine\.py, line 2, called sys\.exit\(3\)"),
        (
            "import archrank as ar\nspace = ar.spaces.from_choices({}, print)\n",
            r"^space 'mine\.py:space': a space needs at least one choice.* \(mine\.py, line 2\)$",
        ),
    ],
)
def test_broken_files(registry: Registry, text: str, message: str) -> None:
    Path("mine.py").write_text(text)
    with pytest.raises(ArchrankError, match=message):
        registry.get("mine.py:space")
    Path("mine.py").write_text("space = 'mended by hand'\n")
    assert registry.get("mine.py:space") == "mended by hand"
