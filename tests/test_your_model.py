"""The guide of a newcomer: its file, its commands and its program run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from archrank.cli.main import main
from tests.guides import python_blocks, run_block

GUIDE = Path(__file__).parents[1] / "docs" / "your_model.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def assert_enough(size: int, text: str) -> None:
    """Check that a space has more architectures than commands ask for: others are refused."""
    budgets = [int(n) for n in re.findall(r"--budget (\d+)", text.partition("\n## Start")[0])]
    assert budgets
    assert max(budgets) < size


def test_from_a_table_to_an_exported_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHRANK_CACHE", str(tmp_path / "cache"))
    mine, program = python_blocks(GUIDE)
    Path("mine.py").write_text(
        mine.replace('target="price")', 'target="price", recipe=ar.tasks.Recipe(epochs=2))'),
        encoding="utf-8",
    )
    names: dict[str, Any] = {"__name__": "guide"}
    run_block(mine, names, "mine.py")
    assert_enough(names["space"].size, TEXT)
    lines = re.findall(r"^archrank .*", TEXT, re.M)
    commands = [line.split()[1] for line in lines]
    assert commands == ["search", "best", "front", "report", "search", "export"]
    assert " --run " in lines.pop(4)  # another search; needs a device with a command of its own
    for line in lines:
        words = shlex.split(line.replace("--budget 30", "--budget 2").replace("ms<=1", "ms<=50"))
        with pytest.raises(SystemExit) as end:
            main(words[1:])
        assert end.value.code in (None, 0), line
    assert "latency_ms" in capsys.readouterr().out
    assert list(Path("runs").glob("*/export/network.onnx"))

    names = {"__name__": "guide"}
    quick = Path("mine.py").read_text(encoding="utf-8")
    run_block(quick, names, "mine.py")
    run_block(program.replace("ms<=1", "ms<=50"), names, GUIDE.name)
    price = float(capsys.readouterr().out.splitlines()[-1].strip("[]"))
    assert 0 < price < 400_000


def test_the_readme_opens_with_a_file_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    areas = [30.0 + 0.37 * i for i in range(200)]
    rows = [f"{area},{'hill' if i % 3 else 'harbour'},{3e3 * area}" for i, area in enumerate(areas)]
    table = "\n".join(["area,district,price", *rows])
    Path("flats.csv").write_text(table, encoding="utf-8")
    readme = GUIDE.parents[1] / "README.md"
    mine = python_blocks(readme)[0]
    names: dict[str, Any] = {"__name__": "mine"}
    run_block(mine, names, "mine.py")
    networks = names["space"].networks(names["task"])
    archs = names["space"].enumerate()
    assert_enough(len(archs), readme.read_text(encoding="utf-8"))
    params = [sum(w.numel() for w in networks.build(arch).parameters()) for arch in archs]
    assert params == networks.cost(archs)["params"].tolist()
    assert len(set(params)) == len(archs)
