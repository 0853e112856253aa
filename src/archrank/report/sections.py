"""First section of the report: the best architecture and the main facts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from archrank.formatting import duration, format_value
from archrank.report.summary import table_scores
from archrank.study.results import Results

if TYPE_CHECKING:
    from archrank.study.record import Record

SHOWN = 12  # facts beside the objectives; two rows on a wide screen


def headline(results: Results) -> str:
    """Write the best architecture, its values, and the effort of the search."""
    if not results.ok.any():
        n = len(results.records)
        text = f"None of {n:,} evaluations succeeded." if n else "Nothing has been evaluated yet."
        if not n and results.rejected:
            note = results.infeasible_note()
            text = escape(f"{note[0].upper()}{note[1:]}.")
        return f"<section><h2>Best architecture</h2><p>{text}</p></section>"
    best = results.recommended if results.feasible.any() else results.nearest
    title, warning = "Best architecture", ""
    if not results.is_feasible(best):
        title = "Nearest architecture"
        bounds = escape(", ".join(map(str, results.constraints)))
        warning = f"<p><strong>No evaluated architecture keeps {bounds}</strong>; this one comes "
        warning += "nearest.</p>"
    values = "".join(
        f'<div><span class="value">'
        f"{escape(format_value(best.values[o.metric], results.metrics[o.metric]))}</span><br>"
        f'<span class="muted">{escape(o.label)}</span></div>'
        for o in results.objectives
    )
    first = escape(results.objectives[0].metric)
    on_front = len(results.objectives) > 1 and not warning
    note = f", the best of the front by {first}" if on_front else ""
    sure = "".join(
        f"<p>{escape(sentence[0].upper() + sentence[1:])}.</p>" for sentence in results.sureness
    )
    return (
        f"<section><h2>{title}{note}</h2>{warning}"
        f'<div class="values">{values}</div>'
        f'<code class="arch">{escape(best.string)}</code>{sure}'
        f"{_listed(_facts(results, best))}</section>"
    )


def _listed(facts: list[tuple[str, str]]) -> str:
    """Write a grid of names and values; beyond :data:`SHOWN` they are folded away."""
    cells = [
        # names may break where they have underscores
        f"<div><dt>{escape(name).replace('_', '_<wbr>')}</dt><dd>{escape(text)}</dd></div>"
        for name, text in facts
    ]
    if len(cells) <= SHOWN + 2:  # folding away one or two is not worth it
        return _grid(cells)
    more = f"{len(cells) - SHOWN} more metrics"
    return (
        f"{_grid(cells[:SHOWN])}<details><summary>{more}</summary>{_grid(cells[SHOWN:])}</details>"
    )


def _grid(cells: list[str]) -> str:
    return f'<dl class="facts">{"".join(cells)}</dl>'


def _facts(results: Results, best: Record) -> list[tuple[str, str]]:
    facts = [
        ("evaluations", f"{len(results.records):,}"),
        ("found at evaluation", f"{results.number(best):,}"),
        ("time", duration(results.elapsed)),
    ]
    if results.rejected:
        facts.append(("not evaluated", f"{len(results.rejected):,} broke a limit"))
    if results.repetitions:
        facts.append(("trainings repeated", f"{len(results.repetitions):,}"))
    failed = int((~results.ok).sum())
    if failed:
        facts.append(("failed", f"{failed:,}"))
    if len(results.objectives) > 1:
        facts.append(("on the front", f"{len(results.front_rows):,}"))
    reference = table_scores(results)
    if reference is not None and len(results.objectives) == 1:
        score = results.objective.sign * best.values[results.objective.metric]
        better = int((reference > score).sum())
        facts.append(("rank in the table", f"{better + 1:,} of {len(reference):,}"))
    shown = {o.metric for o in results.objectives}
    facts += [
        (name, format_value(best.values.get(name, float("nan")), metric))
        for name, metric in results.metrics.items()
        if name not in shown
    ]
    return facts
