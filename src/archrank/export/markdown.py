"""Markdown with names of users in it: no name can become markup, or leave its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#!|~$&@:])")
FENCE = 3  # characters of the shortest fence


def plain(text: object) -> str:
    r"""Write a text on one line, every character for itself.

    >>> print(plain("a*b|<i>\n# c"))
    a\*b\|\<i\> \# c
    """
    line = " ".join(str(text).split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return re.sub(r"^(\d*)([-+=]|\.(?!\d))", r"\1\\\2", SPECIAL.sub(r"\\\1", line))


def block(text: str, kind: str = "") -> str:
    """Write a text as a block of code, whatever marks are in it."""
    lines = ["".join(c if c.isprintable() else "?" for c in line) for line in text.splitlines()]
    longest = max((len(run) for run in re.findall(r"[`]+", text)), default=0)
    fence = "`" * max(FENCE, longest + 1)
    return "\n".join([f"{fence}{kind}", *lines, fence])


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; cells are texts of users, the head is not."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    lines += [f"| {' | '.join(map(plain, row))} |" for row in rows]
    return "\n".join(lines)
