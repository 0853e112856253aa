"""A real report, which the page about reports shows: a search of the built-in table, made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from places import MADE

import archrank as ar

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

PAGES = MADE / "pages"
REPORT = PAGES / "example_report.html"
PLACE = "<!-- report: the site shows the report of this search here -->"
SHOWN = f"""```{{raw}} html
<iframe class="report" src="{REPORT.name}" title="A report" loading="lazy"></iframe>
<p><a href="{REPORT.name}">The report alone</a></p>
```"""


def write_report(app: Sphinx, config: Config) -> None:
    """Search and write the report, as the code is now."""
    PAGES.mkdir(parents=True, exist_ok=True)
    table = ar.evaluators.Table("digits201", "valid_accuracy")
    study = ar.Study(ar.spaces.NASBench201(), table, seed=0).run(budget=40)
    ar.report.write_report(study, REPORT)


def show(app: Sphinx, name: str, source: list[str]) -> None:
    """Put the report on the page about reports."""
    if name == "reading_reports":
        source[0] = source[0].replace(PLACE, SHOWN)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", write_report, priority=1)
    app.connect("source-read", show)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
