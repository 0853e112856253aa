from __future__ import annotations

import json
from pathlib import Path

import pytest

from archrank.reproduce.base import Claim, Comparison, Row
from archrank.reproduce.catalogue import REPRODUCTIONS
from tests.cli.conftest import Cli, refused


@pytest.fixture
def comparison(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Nothing is fitted; what was asked for is kept."""
    asked: dict[str, object] = {}

    def reproduce(name: str, **options: object) -> Comparison:
        asked.update(options, name=name)
        rows = [Row("GATES, tau", 0.75, 0.76, 0.01, 3, 2.5, "other draws")]
        return Comparison(rows, [Claim("GATES wins", True)], ("a note",))

    monkeypatch.setattr("archrank.reproduce.reproduce", reproduce, raising=False)
    return asked


def test_lists_what_can_be_reproduced(cli: Cli) -> None:
    result = cli("reproduce")
    assert result.status == 0
    listed = [line.split()[0] for line in result.out.splitlines()[1:]]
    assert listed == list(REPRODUCTIONS)
    assert "nb201_supernet.csv.gz" in result.out
    values = json.loads(cli("reproduce", "--json").out)
    assert [v["name"] for v in values] == listed


def test_prints_paper_and_ours(cli: Cli, comparison: dict[str, object]) -> None:
    result = cli("reproduce", "surgery-fig4", "--quick", "--seeds", 2, "--data", "here")
    assert result.status == 0
    assert (comparison["name"], comparison["quick"], comparison["seeds"]) == (
        "surgery-fig4",
        True,
        2,
    )
    assert comparison["data"] == Path("here")
    heading, row, why, claim, note = result.out.splitlines()
    assert " ".join(heading.split()) == "figure paper ours difference seeds seconds why"
    assert " ".join(row.split()) == "GATES, tau 0.760 0.750 ± 0.010 -0.010 3 2.5 [1]"
    assert why == "[1] other draws"
    assert claim == "paper: GATES wins -> holds"
    assert note == "note: a note"


def test_json_and_files(cli: Cli, comparison: dict[str, object], tmp_path: Path) -> None:
    result = cli("reproduce", "surgery-fig4", "--json", "--run", tmp_path / "found")
    values = json.loads(result.out)
    assert values["rows"][0]["paper"] == 0.76
    assert json.loads((tmp_path / "found" / "surgery-fig4.json").read_text()) == values
    assert "Surgery" in (tmp_path / "found" / "surgery-fig4.txt").read_text()
    assert not (tmp_path / "found" / "surgery-fig4.html").exists()  # there are no charts


def test_bad_input(cli: Cli, tmp_path: Path) -> None:
    refused(cli("reproduce", "table-9"), "unknown reproduction 'table-9'", "acenas-fig11")
    refused(cli("reproduce", "blog-losses"), "--data", "ARCHRANK_DATA")
    refused(cli("reproduce", "blog-losses", "--data", tmp_path), "no nb201.csv.gz")
    refused(cli("reproduce", "--quick"), "no name given")
    refused(cli("reproduce", "blog-losses", "--workers", 0), "workers must be at least 1")


def test_files_that_cannot_be_written(
    cli: Cli, comparison: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    result = cli("reproduce", "surgery-fig4", "--run", tmp_path / "file")
    assert result.status == 2
    assert "cannot write" in result.err
