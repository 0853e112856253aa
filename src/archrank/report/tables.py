"""Tables of the report: top ten, failures, configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape

from archrank.formatting import duration, format_value, is_count
from archrank.study.results import Results

LISTED = 10
_TOLD = ("metric", "constraint", "batch")  # options that the run tells under other names
COLUMNS = 3  # metrics beside the objectives and constraints


def top(results: Results) -> str:
    """Write the table of the best ten evaluations; what a narrow page cuts are the last columns."""
    names = list(dict.fromkeys(o.metric for o in results.objectives))
    first = 1 + len(names)  # columns before the architecture
    names += [c.metric for c in results.constraints if c.metric not in names]
    others = [m for m in results.metrics if m not in names]
    # of interest to every reader, but often the last columns of a table
    counts = [m for m in others if is_count(m)]
    names += [m for m in others if m not in counts][: max(COLUMNS - len(counts), 0)] + counts[
        :COLUMNS
    ]
    bounded = bool(results.constraints)
    head = ["", *names, *(["feasible"] if bounded else []), "time", "evaluation"]
    head.insert(first, "architecture")
    cells = "".join(
        f'<th scope="col"{"" if i == first else " class=num"}>{escape(name)}</th>'
        for i, name in enumerate(head)
    )
    rows = []
    for rank, i in enumerate(results.order[:LISTED].tolist(), 1):
        record = results.records[i]
        values = [format_value(record.values.get(m, float("nan")), results.metrics[m])
                  for m in names]  # fmt: skip
        if bounded:
            values.append("yes" if results.feasible[i] else "no")
        values += [duration(record.seconds), f"{i + 1:,}"]
        row = [f'<td class="num">{escape(v)}</td>' for v in (str(rank), *values)]
        row.insert(first, f"<td>{breakable(record.string)}</td>")
        rows.append(f"<tr>{''.join(row)}</tr>")
    order = " by Pareto rank, then by the first objective" if len(results.objectives) > 1 else ""
    return (
        f"<section><h2>Top {len(rows)}{order}</h2>"
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def breakable(string: str) -> str:
    """Allow line breaks between the nodes or decisions of an architecture string."""
    broken = re.sub("([+,])", r"\1<wbr>", escape(string))  # no entity has either sign
    return f"<code>{broken}</code>"


def failures(results: Results) -> str:
    """Write the number of failed evaluations, and the reasons."""
    n = sum(count for _, count, _ in results.failures)
    if n == 0:
        return "<section><h2>Failures</h2><p>No evaluation failed.</p></section>"
    rows = "".join(
        f'<tr><td class="num">{count:,}</td><td class="wrap">{escape(reason)}</td>'
        f"<td>{breakable(example)}</td></tr>"
        for reason, count, example in results.failures[:LISTED]
    )
    more = len(results.failures) - LISTED
    note = f"<p>{more:,} rarer reasons are not listed.</p>" if more > 0 else ""
    return (
        f"<section><h2>Failures</h2><p>{n:,} of {len(results.ok):,} evaluations failed; they count "
        'towards the budget.</p><div class="scroll"><table><thead><tr><th scope="col" class="num">'
        'how often</th><th scope="col">reason</th><th scope="col">for example</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{note}</section>"
    )


def configuration(
    results: Results, settings: Mapping[str, object], environment: Mapping[str, str]
) -> str:
    """Write the settings of the run and its environment; ``settings`` only where they add to it."""
    identity = results.description.identity
    run = {
        "space": identity["space"],
        **dict(_flat("", identity["strategy"])),
        **{k if k == "evaluator" else f"evaluator.{k}": v
           for k, v in _flat("", identity["evaluator"])},
        "objectives": ", ".join(map(str, results.objectives)),
        "constraints": ", ".join(map(str, results.constraints)) or "none",
        "seed": str(identity["seed"]),
    }  # fmt: skip
    if results.description.changes:
        run["changed since it was begun"] = "; ".join(results.description.changes)
    asked = {key: text for key, text in _flat("", settings) if text and key not in _TOLD}
    parts = [("Configuration", {**asked, **run}), ("Versions", environment)]
    return "".join(listing(title, pairs) for title, pairs in parts if pairs)


def listing(title: str, pairs: Mapping[str, str]) -> str:
    """Write a section of names and texts."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="wrap">{escape(text)}</td></tr>'
        for name, text in pairs.items()
    )
    return (
        f'<section><h2>{title}</h2><div class="scroll"><table><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Flatten nested settings to ``outer.inner`` and text; the innermost ones share a line."""
    if isinstance(value, Mapping) and name and not any(map(_nested, value.values())):
        yield name, ", ".join(f"{key}={inner}" for key, inner in value.items())
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, (list, tuple)) and any(map(_nested, value)):
        for i, inner in enumerate(value, 1):
            yield from _flat(f"{name}.{i}", inner)
    elif isinstance(value, (list, tuple)):
        yield name, ", ".join(map(str, value))
    else:
        yield name, str(value)


def _nested(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple))
