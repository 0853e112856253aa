"""Links of guides on the site: its pages in place of files of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from outside import OTHERS, page_of, rewritten, unlisted
from places import DOCS, ROOT

LATENCY = DOCS / "latency.md"


@pytest.mark.parametrize(
    ("link", "there"),
    [
        ("[x](export.md#files)", "[x](export.md#files)"),
        ("[x](../benchmarks/README.md#noise)", "[x](made/measurements.md#noise)"),
        ("[x](../examples/12_your_own_loop.py)", "[x](made/gallery/12_your_own_loop.rst)"),
        ("[`x`](../examples)", "[`x`](made/gallery/index.rst)"),
        ("[x](../src/archrank/cli)", "[x](made/commands/index.rst)"),
        ("[x](../LICENSE)", "x"),  # no page
        ("[x](#a-limit)", "[x](#a-limit)"),
        ("[x](https://example.org/a)", "[x](https://example.org/a)"),
        ("```\n[x](../LICENSE)\n```\n[y](../LICENSE)", "```\n[x](../LICENSE)\n```\ny"),
    ],
)
def test_links_lead_to_pages(link: str, there: str) -> None:
    assert rewritten(link, LATENCY, LATENCY) == there


def test_links_are_relative_to_the_page_that_has_them() -> None:
    page = DOCS / "made" / "contributing.md"
    assert rewritten("[x](docs/latency.md)", ROOT / "CONTRIBUTING.md", page) == "[x](../latency.md)"


def test_what_lies_outside_has_no_page(tmp_path: Path) -> None:
    assert page_of(tmp_path / "x.md") is None
    assert page_of(ROOT / "examples" / "nothing") is None


def test_a_new_guide_is_listed_by_itself() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert OTHERS in index
    found = unlisted("latency\nTwo words <export>\n")
    assert "latency" not in found
    assert "export" not in found
    assert {"text", "supernets"} < set(found)
    assert "index" not in found
