"""Places of the site: the repository, and the folder of pages that are written at build time."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
MADE = DOCS / "made"  # git-ignored, and made anew by each build


def write(path: Path, text: str) -> None:
    """Write a page, unless it says that already: Sphinx reads again only what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
