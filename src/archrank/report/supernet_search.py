"""Report of a search in a supernet: the front, and the best architecture within each limit."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from archrank.drawing import draw, inline
from archrank.environment import environment
from archrank.files import write_text
from archrank.report.page import SYMBOLS, draw_figure, page
from archrank.report.pictures import picture
from archrank.report.supernet_front import draw_front, style, symbols
from archrank.report.tables import listing

if TYPE_CHECKING:
    from archrank.runs.supernet_search.results import Finalist, SubnetSearch
    from archrank.spaces.base import Space
    from archrank.tables.base import BenchTable

_NOTHING: Mapping[str, SubnetSearch] = MappingProxyType({})
SEARCHES = {
    "attentivenas": "evolution of the front (AttentiveNAS)",
    "ranknas": "evolution within each limit (HAT, RankNAS)",
    "ranknas-random": "random, until the best stays (RankNAS)",
}
DRAWN = 8  # architectures of the front that are drawn, beside the best


def write_search_report(
    found: SubnetSearch,
    path: str | os.PathLike[str],
    *,
    sampled: BenchTable,
    beside: Mapping[str, SubnetSearch] = _NOTHING,
) -> Path:
    """Write the results of a search in a supernet as one HTML file that needs no network.

    Args:
        found: the results.
        path: the file to write.
        sampled: random architectures that the supernet has scored.
        beside: other searches of the same metric by the name of their curve: their fronts are
            drawn, too.

    Returns:
        The path of the file.

    Raises:
        StorageError: the file cannot be written.
    """
    winners = {limit: each for limit, each in found.winners.items() if each is not None}
    heads = [limit or "best of all" for limit in winners]
    body = [
        _table("Best within each limit", found, list(winners.values()), heads),
        draw_figure(draw_front(found, sampled, beside), {**SYMBOLS, **symbols(len(beside))}),
        pictures(found, sampled.space),
        _table(f"Front ({len(found.front)})", found, found.front),
        listing("Search", _facts(found)),
        listing("Versions", environment()),
    ]
    title = f"Supernet of {found.space} on {found.task}: {found.metric} against {found.cost}"
    about = f"{found.evaluations:,} architectures scored, {len(found.finalists)} measured"
    return write_text(path, page(title, about, "".join(body), style=style(len(beside))))


def _facts(found: SubnetSearch) -> dict[str, str]:
    facts = {
        "search": SEARCHES.get(found.strategy, found.strategy),
        "architectures that it scored": f"{found.evaluations:,}",
        "limits": ", ".join(found.limits) or "none",
        **({"limits of all": ", ".join(b.text for b in found.others)} if found.others else {}),
        "comparison of finalists": found.metric
        + (", batch norms calibrated for each" if found.calibrated else ""),
    }
    if found.importance:
        facts["importance of decisions"] = ", ".join(
            f"{name} {value:.2f}"
            for name, value in sorted(found.importance.items(), key=lambda pair: -pair[1])
        )
        fixed = ", ".join(f"{name}={value}" for name, value in found.fixed.items())
        facts["fixed by pruning"] = fixed or "nothing"
    if found.ranker:
        facts["ranker learnt from"] = f"{found.ranker['labels']:.0f} scored architectures"
        facts["Kendall's tau of the ranker"] = (
            f"{found.ranker['tau']:.3f} on {found.ranker['judged_on']:.0f} others; MACs alone have "
            f"{found.ranker['tau_macs']:.3f}"
        )
    return facts


def pictures(found: SubnetSearch, space: Space) -> str:
    """Draw the best architecture within each limit, and, folded away, some others of the front."""
    named: dict[str, tuple[list[str], Finalist]] = {}
    for limit, each in found.winners.items():
        if each is not None:
            named.setdefault(each.architecture, ([], each))[0].append(limit or "of all")
    best = "".join(
        picture(space, space.parse([string])[0], f"Best: {', '.join(limits)}")
        for string, (limits, _) in named.items()
    )
    others = [each for each in found.front if each.architecture not in named]
    step = max(1, -(-len(others) // DRAWN))
    folded = "".join(
        f"<details><summary>{escape(_values(found, each))} "
        f"<code>{escape(each.architecture)}</code></summary>"
        f'<div class="scroll">{inline(draw(space, space.parse([each.architecture])[0]))}</div>'
        "</details>"
        for each in others[::step]
    )
    more = f"<section><h2>Others of the front</h2>{folded}</section>" if folded else ""
    return f'<div class="pair">{best}</div>{more}'


def _values(found: SubnetSearch, finalist: Finalist) -> str:
    return ", ".join(f"{name} {found.text(finalist, name)}" for name in (found.metric, found.cost))


def _table(
    title: str, found: SubnetSearch, rows: Sequence[Finalist], heads: Sequence[str] | None = None
) -> str:
    """Write finalists as a table; ``heads`` name the rows."""
    names = list(found.metrics)
    head = [*(["limit"] if heads is not None else []), *names, "architecture"]
    lines = []
    for i, each in enumerate(rows):
        named = [] if heads is None else [f"<td>{escape(heads[i])}</td>"]
        cells = [f'<td class="num">{escape(found.text(each, name))}</td>' for name in names]
        code = f"<td><code>{escape(each.architecture).replace(',', ',<wbr>')}</code></td>"
        lines.append(f"<tr>{''.join([*named, *cells])}{code}</tr>")
    cells = [
        f'<th scope="col"{" class=num" * (name in names)}>{escape(name)}</th>' for name in head
    ]
    return (
        f'<section><h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{"".join(cells)}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )
