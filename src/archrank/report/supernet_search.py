"""Report of a search in a supernet: the front, and the best architecture within each limit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archrank.environment import environment
from archrank.files import write_text
from archrank.formatting import Scale
from archrank.report.chart import Axis, Chart
from archrank.report.figures import Figure
from archrank.report.page import draw_figure, page
from archrank.report.tables import listing

if TYPE_CHECKING:
    from archrank.runs.supernet_search.results import Finalist, SubnetSearch


def write_search_report(found: SubnetSearch, path: str | os.PathLike[str]) -> Path:
    """Write the results of a search in a supernet as one HTML file that needs no network.

    Args:
        found: the results.
        path: the file to write.

    Returns:
        The path of the file.

    Raises:
        StorageError: the file cannot be written.
    """
    winners = {limit: each for limit, each in found.winners.items() if each is not None}
    heads = [limit or "best of all" for limit in winners]
    body = [
        _table("Best within each limit", found, list(winners.values()), heads),
        draw_figure(_front(found)),
        _table(f"Front ({len(found.front)})", found, found.front),
        listing("Search", _facts(found)),
        listing("Versions", environment()),
    ]
    title = f"Supernet of {found.space} on {found.task}: {found.metric} against {found.cost}"
    about = f"{found.evaluations:,} architectures scored, {len(found.finalists)} measured"
    return write_text(path, page(title, about, "".join(body)))


def _facts(found: SubnetSearch) -> dict[str, str]:
    facts = {
        "architectures scored by the evolution": f"{found.evaluations:,}",
        "limits": ", ".join(found.limits) or "none",
        **({"limits of all": ", ".join(b.text for b in found.others)} if found.others else {}),
        "comparison of finalists": f"{found.metric}, batch norms calibrated for each",
    }
    if found.ranker:
        facts["ranker learnt from"] = f"{found.ranker['labels']:.0f} scored architectures"
        facts["Kendall's tau of the ranker"] = (
            f"{found.ranker['tau']:.3f} on {found.ranker['judged_on']:.0f} others; MACs alone have "
            f"{found.ranker['tau_macs']:.3f}"
        )
    return facts


def _front(found: SubnetSearch) -> Figure:
    """Draw all finalists, the front and the best within each limit."""
    metric, cost = found.metrics[found.metric], found.metrics[found.cost]
    up = np.array([f.value(found.metric) for f in found.finalists])
    across = np.array([f.value(found.cost) for f in found.finalists])
    known = np.isfinite(up) & np.isfinite(across)
    if not known.any():
        return Figure("Front", "", "No finalist could be measured.")
    y_scale = Scale.of(metric, float(np.abs(up[known]).max()))
    x_scale = Scale.of(cost, float(across[known].max()))
    chart = Chart(
        Axis.around(x_scale.label, x_scale.factor * across[known]),
        Axis.around(y_scale.label, y_scale.factor * up[known]),
        f"{found.metric} against {found.cost}",
    )

    def dots(which: Sequence[Finalist], kind: str, shape: str = "dot") -> None:
        x = x_scale.factor * np.array([f.value(found.cost) for f in which])
        y = y_scale.factor * np.array([f.value(found.metric) for f in which])
        chart.dots(x, y, kind, [f.architecture for f in which], shape)  # type: ignore[arg-type]

    front = found.front
    others = [f for f, ok in zip(found.finalists, known, strict=True) if ok and f not in front]
    winners = [each for each in found.winners.values() if each is not None]
    dots(others, "dot")
    x, y = (
        scale.factor * np.array([f.value(name) for f in front])
        for scale, name in ((x_scale, found.cost), (y_scale, found.metric))
    )
    chart.line(np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1], "front")
    dots(front, "front")
    dots(winners, "best", "star")
    legend = [("front", f"front ({len(front)})"), ("star", "best within each limit")]
    if others:
        legend.append(("dot", "other finalists"))
    return Figure("Front", chart.svg(), "", tuple(legend))


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
    cells = [f'<th scope="col">{escape(name)}</th>' for name in head]
    return (
        f'<section><h2>{escape(title)}</h2><div class="scroll"><table><thead><tr>{"".join(cells)}'
        f"</tr></thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )
