"""What the site checks of itself: nothing is fetched, floors are those of the table, addresses."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from floors import drawn, floors
from offline import fetched

from tests.guides import MARKDOWN

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example.org/x.js"></script>',
        "<img alt='a' src='//example.org/x.png'>",
        '<link rel="stylesheet" href="https://example.org/x.css">',
        '<link href="https://example.org/x.ico" rel="icon">',
        '@import url("https://example.org/x.css");',
        "a { background: url(https://example.org/x.png) }",
    ],
)
def test_what_a_browser_would_fetch_is_found(text: str) -> None:
    assert len(fetched(f"<p>before {text} after")) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<a href="https://example.org">elsewhere</a>',
        '<link rel="canonical" href="https://example.org">',
        '<script src="_static/x.js"></script><img src="../x.png">',
        '<svg xmlns="http://www.w3.org/2000/svg"></svg>',
        "a { background: url(data:image/svg+xml;base64,AA//) }",
    ],
)
def test_links_and_own_files_are_none(text: str) -> None:
    assert fetched(text) == []


def test_the_picture_has_every_room_of_the_table() -> None:
    found = floors((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    rooms = {room for names in found.values() for room in names}
    source = ROOT / "src" / "archrank"
    folders = {p.name for p in source.iterdir() if (p / "__init__.py").exists()}
    assert folders - {"testing"} <= rooms
    assert list(found) == sorted(found, reverse=True)
    assert re.findall(r'text-anchor="middle">(\w+)<', drawn(found)) == [
        room for names in found.values() for room in names
    ]


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_addresses_can_be_typed(file: Path) -> None:
    for address in re.findall(r"\]\((\w+://[^)\s]+)\)", file.read_text(encoding="utf-8")):
        parts = urlsplit(address)
        assert parts.scheme == "https", address
        assert re.fullmatch(r"([\w-]+\.)+[a-z]{2,}", parts.netloc), address
