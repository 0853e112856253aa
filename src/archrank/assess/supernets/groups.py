"""Over- and under-estimation by cost (Surgery, Fig. 3c)."""

from __future__ import annotations

from collections.abc import Iterator

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.criteria import group_rank_difference, group_tau
from archrank.types import Floats

GROUPS = 10  # of equal size; the paper says ten, and not how they are cut


class Groups(Part):
    """Kendall's tau and mean of true minus predicted rank, in ten groups of rising MACs.

    A positive rank difference means over-estimated.
    """

    name = "groups"
    title = "Over- and under-estimation by MACs"
    source = "Surgery, Fig. 3c"
    axis = "group of rising MACs"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoint of the supernets with de-isomorphic sampling."""
        yield from plan.final(MAIN)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield both criteria of each group."""
        problem = results.problem
        for name in results.tables.signals:
            scores = results.scores(results.plan.final(MAIN), name)
            yield from by_group(self.name, f"one-shot {name}", scores, problem.truth, problem.macs)


def by_group(
    part: str, subject: str, scores: list[Floats], truth: Floats, macs: Floats
) -> Iterator[Row]:
    """Yield tau and rank difference (a share of all) of each group of rising MACs."""
    taus = [group_tau(values, truth, macs, groups=GROUPS) for values in scores]
    differences = [
        group_rank_difference(values, truth, macs, groups=GROUPS) / len(truth) for values in scores
    ]
    for group in range(GROUPS):
        at = group + 1.0
        yield Row(part, subject, "group_tau", tuple(float(t[group]) for t in taus), at)
        means = tuple(float(d[group]) for d in differences)
        yield Row(part, subject, "group_difference", means, at)
