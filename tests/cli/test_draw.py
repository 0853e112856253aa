from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Cli, refused

CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
MODULE = """
from archrank.spaces import NASBench201

class Own(NASBench201):
    name = "my/own"

space = Own()
"""


def title(path: str) -> str:
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return root[0].text or ""


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def test_an_architecture(cli: Cli) -> None:
    result = cli("draw", CELL)
    assert result.status == 0
    path = result.out.strip()
    assert path.startswith("nasbench201-")
    assert title(path) == f"nasbench201 cell {CELL}"
    assert cli("draw", CELL, "--out", "cell.svg").out == "cell.svg\n"
    assert Path("cell.svg").read_bytes() == Path(path).read_bytes()
    assert cli("draw", CELL, "--out", "-").out == Path(path).read_text(encoding="utf-8")
    assert files() == sorted(["cell.svg", path])
    assert Path(path).stat().st_mode & 0o444  # others may read it as any new file


@pytest.mark.parametrize(
    ("space", "arch", "name"),
    [
        ("attentivenas", "A0", "attentivenas-A0.svg"),
        ("proxylessnas", "AceNAS-M1", "proxylessnas-AceNAS-M1.svg"),
        ("transnas101_micro", "64-41414-1_02_333", "transnas101_micro-64-41414-1_02_333.svg"),
        ("nasbench101", "111001:02", "nasbench101-3dfca5ce.svg"),
    ],
)
def test_published_forms(cli: Cli, space: str, arch: str, name: str) -> None:
    assert cli("draw", arch, "--space", space).out.strip() == name
    assert title(name)


def test_random_ones(cli: Cli) -> None:
    first = cli("draw", "random", "--space", "hat", "--seed", 3)
    assert first.out.strip() == "hat_iwslt-random3.svg"
    drawn = title("hat_iwslt-random3.svg")
    assert drawn.removeprefix("hat_iwslt network ") in first.err
    told = json.loads(cli("draw", "random", "--space", "hat", "--seed", 3, "--json").out)
    assert told == {
        "picture": "hat_iwslt-random3.svg",
        "space": "hat_iwslt",
        "architecture": drawn.removeprefix("hat_iwslt network "),
    }
    cli("draw", "random", "--space", "hat", "--seed", 4, "--out", "other.svg")
    assert title("other.svg") != drawn


def test_own_space(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("space_for_drawing.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    result = cli("draw", "random", "--space", "space_for_drawing:space")
    assert result.out == "my_own-random0-30c40c83.svg\n"


def test_a_run(cli: Cli, search: Cli) -> None:
    search("--budget", 3, "--run", "here")
    best = json.loads(cli("best", "here", "--json").out)["arch"]
    result = cli("draw", "--run", "here")
    assert title(result.out.strip()) == f"nasbench201 cell {best}"
    assert best in result.err
    assert title(cli("draw", CELL, "--run", "here").out.strip()).endswith(CELL)
    refused(cli("draw", "--run", "here", "--space", "hat"), "--space hat", "--run here")
    refused(cli("draw", "--run", "there"), "no run in there", "here")


def test_wrong_input(cli: Cli) -> None:
    refused(cli("draw"), "no architecture given", "archrank draw random")
    refused(cli("draw", CELL.replace("skip", "hop")), "'hop_connect'", "skip_connect")
    refused(cli("draw", "nonsense"), "'nonsense'", "--space")
    refused(cli("draw", "AceNAS-M1"), "add --space proxylessnas")
    refused(cli("draw", "A9", "--space", "attentivenas"), "attentivenas: expected", "'A9'")
    refused(cli("draw", CELL, "--space", "nasbench21"), "'nasbench21'", "did you mean")
    refused(cli("draw", CELL, "--space", "no_such:space"), "no_such")
    refused(cli("draw", "random", "--seed", -1), "-1")
    assert files() == []


def test_unusable_targets(cli: Cli) -> None:
    Path("folder").mkdir()
    Path("file").write_text("kept")
    before = files()
    refused(cli("draw", CELL, "--out", "folder"), "folder is a folder", "folder/a.svg")
    refused(cli("draw", CELL, "--out", "nowhere/a.svg"), "no folder nowhere")
    refused(cli("draw", CELL, "--out", "file/a.svg"), "no folder file")
    refused(cli("draw", CELL, "--out", "a.png"), "SVG", "--out a.svg")
    refused(cli("draw", CELL, "--out", "a" * 300 + ".svg"), "cannot write")
    refused(cli("draw", CELL, "--out", "-", "--json"), "--json", "--out -")
    assert files() == before
    assert Path("file").read_text() == "kept"


def test_a_failed_write_leaves_the_old_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    Path("cell.svg").write_text("old")
    monkeypatch.setattr("os.replace", full)
    refused(cli("draw", CELL, "--out", "cell.svg"), "cell.svg", "No space left on device")
    assert files() == ["cell.svg"]
    assert Path("cell.svg").read_text() == "old"
