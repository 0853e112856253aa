"""Command ``archrank compare``, which compares runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from archrank.cli.options import POSITIONAL
from archrank.cli.output import print_json, say, show_rows


@dataclass
class Compare:
    """Compare runs: best so far over evaluations and time, means with intervals, paired tests.

    Runs that differ in --seed alone are a group, named by what it differs in from the others; every
    group is compared with that of the first run. Writes one HTML page, the figures as SVG and
    the plotted numbers as CSV.
    """

    runs: Annotated[tuple[str, ...], "RUN", POSITIONAL]
    """Run folders; a folder of runs stands for all below it, a database file for its studies."""
    metric: Annotated[str | None, "METRIC"] = None
    """Metric to compare, of what is best so far by the objective, e.g. test_accuracy (default: the
    objective; of several, the hypervolume)."""
    cost: Annotated[str | None, "METRIC"] = None
    """Metric that adds up along the second curve, such as cpu_seconds (default: the working time of
    the run)."""
    budget: int | None = None
    """Evaluations after which runs are compared (default: as many as every run has)."""
    target: float | None = None
    """Value to reach, in the metric's unit (default: the mean of the group that is last)."""
    out: Annotated[Path, "DIR"] = Path("comparison")
    """Folder for comparison.html, the figures and the numbers."""
    json: bool = False
    """Print the numbers as JSON."""

    def __call__(self) -> int:
        """Compare, print, write; the exit status."""
        from archrank.comparison import compare
        from archrank.comparison.text import heading

        found = compare(
            self.runs,
            metric=self.metric,
            cost=self.cost,
            budget=self.budget,
            target=self.target,
        )
        page = found.write(self.out)
        if self.json:
            print_json({**found.to_json(), "page": str(page)})
            return 0
        for note in found.notes:
            say(note)
        say(heading(found))
        show_rows(found.rows())
        if found.pair_rows():
            print()
            show_rows(found.pair_rows())
        for sentence in found.described():
            say(sentence)
        say(f"page, figures and numbers  {page}")
        return 0
