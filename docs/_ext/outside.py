"""Pages from files outside the folder of the site, and links that are right in both places.

Guides link to files of the repository, so that they can be read on a code host. On the site, a link
to a file that has a page leads to that page; one to any other file is its name alone.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Any

from places import DOCS, MADE, ROOT, write
from sphinx.application import Sphinx
from sphinx.util import logging

PAGES = {
    "CHANGELOG.md": "made/changelog.md",
    "CONTRIBUTING.md": "made/contributing.md",
    "SECURITY.md": "made/security.md",
    "benchmarks/README.md": "made/measurements.md",
    "benchmarks/reproduced.md": "made/reproduced.md",
    "benchmarks/mutants.md": "made/mutants.md",
    "README.md": "index.md",
}
FOLDERS = {
    "examples": "made/gallery/index.rst",
    "src/archrank": "made/api/index.rst",
    "src/archrank/cli": "made/commands/index.rst",
}
OTHERS = "%(other guides)s"
LINK = re.compile(r"(?<!!)\[([^\]\[]*(?:\[[^\]]*\][^\]\[]*)*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
logger = logging.getLogger(__name__)


def rewritten(text: str, source: Path, page: Path) -> str:
    """Return Markdown with the links of ``source`` as they are on ``page``; code stays as it is."""
    parts, end = [], 0
    for block in FENCE.finditer(text):
        parts += [_links(text[end : block.start()], source, page), block[0]]
        end = block.end()
    return "".join([*parts, _links(text[end:], source, page)])


def _links(text: str, source: Path, page: Path) -> str:
    return LINK.sub(lambda link: _link(link[1], link[2], source, page), text)


def _link(said: str, target: str, source: Path, page: Path) -> str:
    name, mark, anchor = target.partition("#")
    if not name or re.match(r"[a-z]+:", name):
        return f"[{said}]({target})"
    file = (source.parent / name).resolve()
    if not file.exists():
        logger.warning("there is no file %r to link to", target, location=str(source))
        return said
    there = page_of(file)
    if there is None:
        return said
    return f"[{said}]({os.path.relpath(there, page.parent)}{mark}{anchor})"


def page_of(file: Path) -> Path | None:
    """Return the page of a file of the repository, if it has one."""
    inside = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else ""
    if page := PAGES.get(inside, FOLDERS.get(inside)):
        return DOCS / page
    if re.fullmatch(r"examples/\d+_\w+\.py", inside):
        return MADE / "gallery" / f"{file.stem}.rst"
    return file if file.is_relative_to(DOCS) and file.suffix in (".md", ".svg") else None


def write_pages(app: Sphinx) -> None:
    """Write the pages of files outside."""
    for name, page in PAGES.items():
        if page.startswith("made/") and (ROOT / name).exists():
            text = (ROOT / name).read_text(encoding="utf-8")
            write(DOCS / page, rewritten(text, ROOT / name, DOCS / page))


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Rewrite the links of a guide when it is read."""
    file = DOCS / f"{name}.md"
    if file.exists() and not file.is_relative_to(MADE):
        source[0] = rewritten(source[0], file, file)
        if name == "index":
            source[0] = source[0].replace(OTHERS, "\n".join(unlisted(source[0])))


def unlisted(index: str) -> list[str]:
    """List the guides that the first page does not name, so that a new one is never forgotten."""
    named = {
        line.strip().partition("<")[2].rstrip(">") or line.strip() for line in index.splitlines()
    }
    return [
        name
        for name in sorted(file.stem for file in DOCS.glob("*.md"))
        if name not in {*named, "index"}
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages, priority=100)
    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
