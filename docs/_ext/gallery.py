"""The examples as sphinx-gallery reads them: their first sentence becomes a title.

Examples are programs that are read on their own, so they have plain docstrings. Those that take a
few seconds are run here, and the site shows what they print; ``make examples`` runs all, which
takes minutes.
"""

from __future__ import annotations

import ast
import logging
from typing import TYPE_CHECKING, Any

from places import MADE, ROOT, write

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

SOURCES = MADE / "examples"
RUN = ("01", "04", "06", "13")
"""Numbers of the examples that are run."""
HEAD = """
Examples
========

Programs to copy from. Each runs as it is, without files of yours; ``make examples`` runs all.
"""


def titled(source: str) -> str:
    """Return a program whose docstring has a title, as reStructuredText.

    A line of text before the code makes sphinx-gallery put what is printed behind it.
    """
    program = ast.parse(source)
    docstring = ast.get_docstring(program) or ""
    first = docstring.partition("\n\n")[0].replace("\n", " ")
    title = first.partition(":")[0].partition(".")[0]
    body = docstring.replace(":\n\n    ", "::\n\n    ").removeprefix(f"{title}.\n\n")
    text = f"{title}\n{'=' * len(title)}\n\n{body}\n".replace("\\", "\\\\").replace('"""', "'''")
    rest = source.splitlines()[program.body[0].end_lineno :]
    return "\n".join([f'"""{text}"""', "", "# %%", "# The program:", "", *rest, ""])


def copy_examples(app: Sphinx, config: Config) -> None:
    """Write the programs where sphinx-gallery looks for them."""
    write(SOURCES / "GALLERY_HEADER.rst", HEAD)
    for file in sorted((ROOT / "examples").glob("[0-9]*.py")):
        write(SOURCES / file.name, titled(file.read_text(encoding="utf-8")))


def concerns_a_name(record: logging.LogRecord) -> bool:
    """Leave out a warning about spaces in names of examples, which looks at all of their paths."""
    return not record.getMessage().startswith("Example file name(s) with spaces")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    logging.getLogger("sphinx.sphinx-gallery").addFilter(concerns_a_name)
    app.connect("config-inited", copy_examples, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
