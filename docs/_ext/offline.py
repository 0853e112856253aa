"""Nothing is fetched when a page is looked at: no fonts, scripts, styles or pictures of others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ELSEWHERE = r"""["']?(?:https?:)?//[^"'()> ]+"""
LOADED = "stylesheet|preload|icon|shortcut icon|preconnect|dns-prefetch"
FETCHED = re.compile(
    rf"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc\s*=\s*{ELSEWHERE}"
    rf"""|<link\b(?=[^>]*\brel=["']?(?:{LOADED})\b)[^>]*\bhref\s*=\s*{ELSEWHERE}"""
    rf"|@import\s+(?:url\()?{ELSEWHERE}|url\(\s*{ELSEWHERE}",
    re.I,
)


def fetched(text: str) -> list[str]:
    """Return the parts of a page or style that make a browser fetch something from elsewhere."""
    return [found[0] for found in FETCHED.finditer(text)]


def check(app: Sphinx, error: Exception | None) -> None:
    """Warn of each page and style that would fetch something."""
    from sphinx.util import logging

    if error is None and app.builder.format == "html":
        for file in sorted(Path(app.outdir).rglob("*")):
            if file.suffix in (".html", ".css"):
                for part in fetched(file.read_text(encoding="utf-8")):
                    logging.getLogger(__name__).warning("fetches %s", part, location=str(file))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
