"""Links between Markdown files lead to files that exist and to headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.guides import MARKDOWN

FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\]\((?!\w+://)([^()\s#]*)(#[^()\s]+)?\)")


def slugs(text: str) -> set[str]:
    """Return the anchors of a file's headings, as code hosts and the site make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*?)\s*$", FENCE.sub("", text), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        found.add(slug)
    return found


@pytest.mark.parametrize("file", MARKDOWN, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_links_lead_somewhere(file: Path) -> None:
    wrong = []
    for name, anchor in LINK.findall(FENCE.sub("", file.read_text(encoding="utf-8"))):
        there = (file.parent / name).resolve() if name else file
        if not there.exists():
            wrong.append(name)
        elif anchor and anchor[1:] not in slugs(there.read_text(encoding="utf-8")):
            wrong.append(name + anchor)
    assert wrong == []


def test_slugs() -> None:
    text = "# A, b & `c`: d-e\n```\n# no heading\n```\n## [Link](x.md) and 1.5\n"
    assert slugs(text) == {"a-b--c-d-e", "link-and-15"}
