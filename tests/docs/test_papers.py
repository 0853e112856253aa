"""Pages of the papers: whatever they name exists, and no reproduction is forgotten."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

import pytest

import archrank as ar
from archrank.reproduce.catalogue import REPRODUCTIONS

PAPERS = sorted((Path(__file__).parents[2] / "docs" / "papers").glob("*.md"))
SOURCE = Path(ar.__file__).parent


@pytest.mark.parametrize("page", PAPERS, ids=lambda page: page.stem)
def test_files_and_names_exist(page: Path) -> None:
    code = re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    files = [text for text in code if re.fullmatch(r"[\w/]+(\.py|/)", text)]
    assert files
    assert [
        name for name in files if not (SOURCE / name).exists() and name != "src/archrank/"
    ] == []
    for name in code:
        if re.fullmatch(r"ar(\.\w+)+", name):
            attrgetter(name.removeprefix("ar."))(ar)


def test_every_reproduction_has_a_place() -> None:
    """``-fig6`` after another name of the same line is short for that paper's."""
    named = set()
    for page in PAPERS:
        for line in page.read_text(encoding="utf-8").splitlines():
            for first, others in re.findall(r"`archrank reproduce (\S+)`((?:, `-\w+`)*)", line):
                paper = first.partition("-")[0]
                named |= {first, *(paper + short for short in re.findall(r"`(-\w+)`", others))}
    assert named - {"NAME"} == set(REPRODUCTIONS)
