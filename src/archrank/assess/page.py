"""HTML page of an assessment: table, figures, failures and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING

from archrank.assess.figures import curves, favours, reliability, scatters, style
from archrank.assess.judging import LOWER_IS_BETTER, MEASURES, SECONDS
from archrank.assess.reliability import MEANING
from archrank.assess.text import estimate
from archrank.environment import environment
from archrank.report.page import SYMBOLS, draw_figure, page
from archrank.report.series import series_symbols
from archrank.report.tables import listing

if TYPE_CHECKING:
    from pandas import DataFrame

    from archrank.assess.assessment import Assessment
    from archrank.assess.protocol import Protocol

WAYS = {
    "none": "Learnt {labels}, judged on {judged}",
    "zero-shot": "Zero-shot: learnt {labels}, judged on {judged}",
    "fine-tune": "Fine-tuned: learnt {labels} and {more}, judged on {judged}",
}


def render(found: Assessment) -> str:
    """Write the page as HTML text."""
    protocol = found.protocol
    first = f"learnt {found.label(protocol.labels)}, judged on {found.label(protocol.judged[0])}"
    title = f"{', '.join(found.rankers)}: {first}"
    fits = protocol.fits
    subtitle = (
        f"{found.n:,} architectures, {fits} fit{'s' if fits > 1 else ''} per number of labels"
    )
    return page(title, subtitle, "\n".join(_body(found)), style=style(found.rankers))


def _body(found: Assessment) -> Iterator[str]:
    table = found.table()
    for judged in found.protocol.judged:
        for transfer, words in WAYS.items():
            part = table[(table["judged"] == judged) & (table["transfer"] == transfer)]
            if len(part):
                more = _more(found.protocol, judged)
                labels, on = found.label(found.protocol.labels), found.label(judged)
                heading = words.format(labels=labels, more=more, judged=on)
                yield _table(heading, part, staged=found.protocol.stages > 1)
    yield f'<p class="muted">{escape(found.caption.capitalize())}.</p>'
    yield _without_labels(found)
    if found.unaided:
        names = escape(", ".join(found.unaided))
        yield f'<p class="muted">Cannot pretrain, so used no weak labels: {names}.</p>'
    yield _coverage(found)
    yield _failures(found)
    swatches = {**SYMBOLS, **series_symbols(len(found.rankers))}
    for figures in (
        [*curves(found), *favours(found)],
        [*reliability(found)],
        [*scatters(found)],
    ):
        drawn = "".join(draw_figure(figure, swatches) for figure in figures)
        yield f'<div class="pair">{drawn}</div>'
    settings = {k: _words(v) for k, v in asdict(found.protocol).items()}
    yield listing("Protocol", settings)
    yield listing("Versions", environment())


def _without_labels(found: Assessment) -> str:
    """Write what ranks the table without a label, if another space teaches."""
    rows = found.rows_without_labels()
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("score", *rows[0][1:]))
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    heading = escape(f"Without labels: transfer from {found.source}, and other scores")
    return (
        f'<section><h2>{heading}</h2><div class="scroll"><table class="spreads"><thead>'
        f"<tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _more(protocol: Protocol, judged: str) -> str:
    """Describe the labels that fine-tuning adds."""
    columns = dict(zip(protocol.judge, protocol.fine_tune_labels, strict=False))
    return f"{protocol.fine_tune} of {columns[judged]}" if judged in columns else ""


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return "–" if value is None else str(value)


def _table(heading: str, table: DataFrame, *, staged: bool) -> str:
    """Write means and spreads; the best mean of each number of labels is bold."""
    measures = (*MEASURES, SECONDS)
    names = ["ranker", "labels", *(m.title for m in measures)]
    head = "".join(
        f'<th scope="col"{" class=num" if i else ""}>{escape(name)}</th>'
        for i, name in enumerate(names)
    )
    keys = ["train_size", "stage"] if staged else ["train_size"]
    best = {m.name: _best(table, m.name, keys) for m in MEASURES}
    rows = []
    for place, record in enumerate(table.to_dict("records")):
        cells = [f"<td>{escape(str(record['ranker']))}</td>", _cell(f"{record['labels']:,}")]
        cells += [
            _cell(estimate(m, record), strong=place in best.get(m.name, ())) for m in measures
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<section><h2>{escape(heading)}</h2><div class="scroll"><table class="spreads"><thead>'
        f"<tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _best(table: DataFrame, name: str, keys: list[str]) -> set[int]:
    """Find the rows with the best mean among those of equal size, if there are several."""
    values = table.reset_index(drop=True)
    groups = values.groupby(keys)[name]
    best = groups.transform("min" if name in LOWER_IS_BETTER else "max")
    rivals = groups.transform("size") > 1
    return {int(i) for i in values.index[(values[name] == best) & rivals]}


def _cell(text: str, *, strong: bool = False) -> str:
    mean, sign, rest = text.partition(" ")  # then ± sd or [low, high]
    inner = f"<strong>{escape(mean)}</strong>" if strong else escape(mean)
    small = f" <small>{escape(rest)}</small>" if sign else ""
    return f'<td class="num">{inner}{small}</td>'


def _coverage(found: Assessment) -> str:
    """Write the table of coverage, and what is more than 5 points off; nothing if not asked for."""
    if not found.protocol.coverage:
        return ""
    heading, *rows = found.coverage_rows() or [()]
    head = "".join(
        f'<th scope="col"{" class=num" if i else ""}>{escape(name)}</th>'
        for i, name in enumerate(heading)
    )
    lines = "".join(
        f"<tr><td>{escape(row[0])}</td>{''.join(map(_cell, row[1:]))}</tr>" for row in rows
    )
    table = (
        f'<div class="scroll"><table class="spreads"><thead><tr>{head}</tr></thead>'
        f'<tbody>{lines}</tbody></table></div><p class="muted">{escape(MEANING)}</p>'
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.coverage_notes())
    labels = escape(found.label(found.protocol.labels))
    return (
        f"<section><h2>Coverage of intervals for {labels}</h2>{table if rows else ''}"
        f"<ul>{notes}</ul></section>"
    )


def _failures(found: Assessment) -> str:
    reasons = found.failures()
    if not reasons:
        return ""
    total = sum(reasons.values())
    items = "".join(f"<li>{count:,}: {escape(text)}</li>" for text, count in reasons.items())
    return (
        f"<section><h2>Failures</h2><p>{total:,} of {len(found.raw):,} rows of the raw results are "
        f"empty; the means above leave them out.</p><ul>{items}</ul></section>"
    )
