"""Page of a reproduction with charts."""

from __future__ import annotations

from archrank.report.figures import Figure
from archrank.reproduce.base import Claim, Comparison, Row
from archrank.reproduce.catalogue import REPRODUCTIONS
from archrank.reproduce.page import render


def test_table_claims_and_charts_are_on_it() -> None:
    drawn = Figure("Drawn", '<svg class="chart"></svg>', "caption & more", (("dot", "a mark"),))
    found = Comparison(
        [Row("tau <5>", 0.5, 0.75, why="another task")],
        [Claim("A beats B", False, "1 < 2")],
        ("a note",),
        (drawn,),
    )
    html = render(REPRODUCTIONS["attentivenas-fig4"], found)
    for text in (
        "AttentiveNAS",
        "tau &lt;5&gt;",
        ">0.750<",
        "A beats B -&gt; does not hold: 1 &lt; 2",
        "[1] another task",
        "a note",
        "caption &amp; more",
        '<svg class="chart">',
    ):
        assert text in html
