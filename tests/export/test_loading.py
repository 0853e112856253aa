from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archrank as ar
from archrank.errors import ArchrankError, StorageError
from archrank.evaluators import Training
from archrank.export import export_network
from archrank.spaces import CustomSpace, NASBench201
from tests.export import networks
from tests.export.networks import TASK, tied

WIDE = np.array([1], dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    space = NASBench201()
    arch = space.parse(["|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"])[0]
    export_network(Training(TASK).bind(space), arch, folder)
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change(copy: Path, **changes: Any) -> None:
    path = copy / "architecture.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_archranks_own_spaces_need_no_more(folder: Path) -> None:
    exported = ar.load(str(folder))
    assert exported.space.format(exported.arch[None]) == [exported.architecture]
    assert exported.network(TASK.example(2)).shape == (2, 10)


def test_no_code_runs_by_itself(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy)
    Path("mine.py").write_text(
        "import archrank as ar\nprint('it runs')\nspace = ar.spaces.NASBench201()\n"
    )
    change(copy, made_by={"space": "mine.py:space", "task": "digits", "seed": 0})
    with pytest.raises(ArchrankError, match=r"mine.py:space.*space=.*own_code=True"):
        ar.load(copy)
    assert ar.load(copy, own_code=True).metrics == ar.load(copy, space=NASBench201()).metrics
    change(copy, made_by={"space": None, "task": "digits", "seed": 0})
    with pytest.raises(ArchrankError, match=r"name is not known.*space="):
        ar.load(copy, own_code=True)


def test_another_space_or_build(copy: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"other networks than tied"):
        ar.load(copy, space=tied)
    export_network(Training(TASK).bind(tied), WIDE, tmp_path)
    changed = CustomSpace(networks.CHOICES, build=networks.build_twice, name="tied")
    with pytest.raises(StorageError, match=r"was build changed since the export"):
        ar.load(tmp_path, space=changed)


def test_weights_of_another_export(copy: Path) -> None:
    path = copy / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match=r"does not belong to the architecture.json"):
        ar.load(copy)
    path.unlink()
    with pytest.raises(StorageError, match=r"cannot read"):
        ar.load(copy)


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x10" + 7 * b"\0" + b"{}"])
def test_weights_of_another_writer(content: bytes, copy: Path) -> None:
    (copy / "weights.safetensors").write_bytes(content)
    change(copy, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(StorageError, match=r"cannot be read"):
        ar.load(copy)


def test_damaged_descriptions(copy: Path) -> None:
    change(copy, metrics=["many"])
    with pytest.raises(StorageError, match=r"architecture.json: metrics: .* is it an export"):
        ar.load(copy)
    (copy / "architecture.json").write_text("{")
    with pytest.raises(StorageError, match=r"cannot be read"):
        ar.load(copy)
    with pytest.raises(StorageError, match=r"no export in"):
        ar.load(copy / "none")
