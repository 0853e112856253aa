"""Report of a run as one self-contained HTML page that needs no network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from archrank.environment import environment
from archrank.files import write_text
from archrank.report.cross_validation import CrossValidation, assess
from archrank.report.figures import rank_scatter, search_curve
from archrank.report.page import draw_figure, page
from archrank.report.pictures import architecture, runners_up
from archrank.report.sections import headline
from archrank.report.summary import results_of
from archrank.report.tables import configuration, failures, top
from archrank.report.tradeoffs import trade_offs
from archrank.study.results import Results

if TYPE_CHECKING:
    from archrank.study.study import Study


def write_report(
    study: Study | Results,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> Path:
    """Write the results of a study as one HTML file.

    Apart from the date, the same study gives the same bytes on the same machine.

    Args:
        study: A study, or the results of a finished run, with or without evaluations. Sections that
            need the space, the evaluator or the strategy give the reason if it is not at hand.
        path: The file to write; its folder must exist.
        title: Heading of the page; ``None`` takes space and objective.
        settings: Further settings to list with the configuration, such as command-line options.

    Returns:
        The path of the file.

    Raises:
        StorageError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> import archrank as ar
        >>> space = ar.spaces.NASBench201()
        >>> study = ar.Study(space, ar.evaluators.Cost(), ar.strategies.Random()).run(budget=4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(study, folder + "/report.html").name
        'report.html'
    """
    return write_text(path, render(study, title=title, settings=settings or {}))


def render(study: Study | Results, *, title: str | None, settings: Mapping[str, object]) -> str:
    """Write the page as HTML text."""
    results = results_of(study)
    names = ", ".join(o.metric for o in results.objectives)
    space, n = results.description.space, len(results.records)
    return page(
        title if title is not None else f"{space}: {names}",
        f"{space}, {n:,} evaluation{'s' if n != 1 else ''}",
        "\n".join(_body(results, settings)),
    )


def _body(results: Results, settings: Mapping[str, object]) -> Iterator[str]:
    yield headline(results)
    if results.ok.any():
        yield f'<div class="pair">{architecture(results)}{draw_figure(search_curve(results))}</div>'
        yield f'<div class="pair">{"".join(_charts(results))}</div>'
        yield top(results)
        yield runners_up(results)
    yield failures(results)
    yield configuration(results, settings, environment())


def _charts(results: Results) -> Iterator[str]:
    for figure in trade_offs(results):
        yield draw_figure(figure)
    for i, objective in enumerate(results.objectives):
        found = assess(results, i)
        if isinstance(found, CrossValidation):
            yield draw_figure(rank_scatter(results, found))
        else:
            yield (
                f"<section><h2>Ranker on {escape(objective.metric)}</h2>"
                f'<p class="muted">{escape(found)}</p></section>'
            )
