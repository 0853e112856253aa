"""The report: one self-contained HTML page that needs no network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from archrank.errors import StorageError
from archrank.report.assessment import Assessment, assess
from archrank.report.environment import environment
from archrank.report.figures import Figure, rank_scatter, search_curve
from archrank.report.sections import architecture, headline
from archrank.report.style import STYLE
from archrank.report.summary import Results
from archrank.report.tables import configuration, failures, top
from archrank.report.tradeoffs import trade_offs

if TYPE_CHECKING:
    from archrank.study.study import Study

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="archrank">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<header>
<h1>$title</h1>
<p class="muted">$subtitle · <time datetime="$stamp">$date</time></p>
</header>
$body
</main>
</body>
</html>
""")

_SYMBOLS = {  # legend swatches, 26 x 12
    "best": '<path class="best" d="M0 6H26"/>',
    "random": '<path class="random" d="M0 6H26"/>',
    "limit": '<path class="limit" d="M0 6H26"/>',
    "front": '<g class="front"><path class="front" d="M0 6H26"/>'
    '<circle cx="13" cy="6" r="3.6"/></g>',
    "point": '<g class="front"><circle cx="13" cy="6" r="3.6"/></g>',
    "dot": '<g class="dot"><circle cx="13" cy="6" r="3.6"/></g>',
    "infeasible": '<g class="infeasible"><circle cx="13" cy="6" r="4" fill="none"/></g>',
    "failed": '<g class="failed"><path d="M9.500 2.500l7 7m0-7l-7 7"/></g>',
    "beyond": '<path class="beyond" d="M9 3h8l-4 7z"/>',
    "star": '<g class="best"><path d="M13 0l1.800 4h4.200l-3.300 2.600 1.300 4.400-4-2.700-4 2.700 '
    '1.300-4.400-3.300-2.600h4.200z"/></g>',
}


def write_report(
    study: Study,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Path:
    """Write what a study found as one HTML file.

    Apart from the date, the same study gives the same bytes on the same machine.

    Args:
        study: with or without evaluations; failed ones are reported too.
        path: the file to write; its folder must exist.
        title: heading of the page; space and objective if ``None``.
        settings: what else to list under the configuration, such as command-line options.

    Returns:
        The path of the file.

    Raises:
        StorageError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> import archrank as ar
        >>> space = ar.spaces.NASBench201()
        >>> study = ar.Study(space, ar.evaluators.Cost(), ar.strategies.Random()).run(budget=4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(study, folder + "/report.html").name
        'report.html'
    """
    target = Path(path)
    page = render(study, title=title, settings=settings or {})
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write the report to {target}: {error.strerror}") from error
    return target


def render(study: Study, *, title: str | None, settings: Mapping[str, object]) -> str:
    """The page as text."""
    results = Results(study)
    names = ", ".join(o.metric for o in study.objectives)
    now = datetime.now(timezone.utc)
    n = len(study.records)
    return _PAGE.substitute(
        title=escape(title if title is not None else f"{study.space.name}: {names}"),
        style=STYLE,
        subtitle=f"{escape(study.space.name)}, {n:,} evaluation{'s' if n != 1 else ''}",
        stamp=now.isoformat(timespec="seconds"),
        date=now.strftime("%Y-%m-%d %H:%M UTC"),
        body="\n".join(_body(results, settings)),
    )


def _body(results: Results, settings: Mapping[str, object]) -> Iterator[str]:
    yield headline(results)
    if results.ok.any():
        yield f'<div class="pair">{architecture(results)}{_figure(search_curve(results))}</div>'
        yield f'<div class="pair">{"".join(_charts(results))}</div>'
        yield top(results)
    yield failures(results)
    yield configuration(results.study, settings, environment())


def _charts(results: Results) -> Iterator[str]:
    for figure in trade_offs(results):
        yield _figure(figure)
    for i, objective in enumerate(results.study.objectives):
        found = assess(results, i)
        if isinstance(found, Assessment):
            yield _figure(rank_scatter(results, found))
        else:
            yield (
                f"<section><h2>Ranker on {escape(objective.metric)}</h2>"
                f'<p class="muted">{escape(found)}</p></section>'
            )


def _figure(figure: Figure) -> str:
    entries = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true">{_SYMBOLS[kind]}</svg>{escape(text)}</li>'
        for kind, text in figure.legend
    )
    return (
        f"<figure><h2>{escape(figure.title)}</h2>{figure.svg}"
        f'<ul class="legend">{entries}</ul>'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )
