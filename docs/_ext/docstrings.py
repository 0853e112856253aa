"""Docstrings in Google's style, as reStructuredText.

Napoleon's own handler takes what stands before a colon in the first line of a property for its
type; here the annotation is the type, and the line is a sentence.
"""

from __future__ import annotations

import inspect
from typing import Any

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring

CONFIG = Config(
    napoleon_use_ivar=True,  # attributes are fields of the class, which autodoc lists, too
    napoleon_use_rtype=False,
)


def converted(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Convert the lines of a docstring in place."""
    what = what if what in ("class", "exception", "module") else "method"
    lines[:] = GoogleDocstring(list(lines), CONFIG, app, what, name, obj, options).lines()


def readable(
    app: Sphinx, what: str, name: str, obj: object, options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Write defaults that a dataclass makes anew as ``...``, since ``<factory>`` is no Python."""
    return (signature.replace("<factory>", "..."), returned) if signature else None


def stranger(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: Any
) -> bool | None:
    """Leave out methods that other packages define."""
    home = getattr(obj, "__module__", None) or "archrank"
    return True if not home.startswith("archrank") and inspect.isroutine(obj) else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", converted)
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-skip-member", stranger)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
