"""Claims of papers, as ``archrank reproduce`` judged them: read from ``benchmarks/reproduced.md``.

A page of a paper has a comment ``<!-- claims: NAME NAME -->``; the site puts there each claim of
these reproductions, whether it holds, and what was measured.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from places import ROOT

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PLACE = re.compile(r"^<!-- claims: ([\w -]+?) -->$", re.M)
CLAIM = re.compile(r"^paper: (.+?) -> (holds|does not hold)(?:: (.+))?$", re.M)
HEAD = "| reproduction | the paper says | here | measured |\n|---|---|---|---|\n"


def claims() -> dict[str, list[tuple[str, str, str]]]:
    """Return ``{reproduction: [(claim, verdict, what was measured), ...]}``."""
    text = (ROOT / "benchmarks" / "reproduced.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.M)[1:]
    return {part.splitlines()[0].strip(): CLAIM.findall(part) for part in sections}


def filled(text: str) -> str:
    """Return a page with the claims in their places.

    Raises:
        KeyError: a comment names a reproduction that was not recorded.
    """
    known = claims()
    return PLACE.sub(lambda place: _table(place[1].split(), known), text)


def _table(names: list[str], known: dict[str, list[tuple[str, str, str]]]) -> str:
    link = "[{0}](../made/reproduced.md#{0})"
    rows = [
        f"| {link.format(name)} | {_cell(claim)} | {verdict} | {_cell(measured)} |"
        for name in names
        for claim, verdict, measured in known[name]
    ]
    return HEAD + "\n".join(rows)


def _cell(text: str) -> str:
    return re.sub(r"([|*_<\[\]])", r"\\\1", text)


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Fill in the claims when a page is read."""
    if name.startswith("papers/"):
        source[0] = filled(source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", read, priority=600)  # after links have been rewritten
    return {"parallel_read_safe": True, "parallel_write_safe": True}
