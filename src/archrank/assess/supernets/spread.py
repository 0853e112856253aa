"""Spread of one-shot scores among isomorphic architectures (Surgery, Table 2)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archrank.assess.supernets import published
from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, UNIFORM, Plan, Scoring
from archrank.criteria import isomorphism_spread
from archrank.errors import LabelError
from archrank.types import Floats, Ints

KINDS = {UNIFORM: "uniform sampling", MAIN: "de-isomorphic sampling"}
TRUTH, RUNS = "truth of isomorphic architectures", "truth of one architecture, two or more runs"


class Spread(Part):
    """Mean standard deviation within classes of two or more: of scores, and of ranks.

    Ranks are shares of all that are ranked, so they compare whatever their number.
    """

    name = "spread"
    title = "Spread within isomorphic groups"
    source = "Surgery, Table 2"
    axis = "epoch"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield all members at the checkpoints of the table."""
        for epoch in plan.settings.tabled:
            for kind in KINDS:
                yield from plan.at(kind, epoch, "members")

    def needs_more(self, plan: Plan) -> str:
        """Return why there is nothing to measure, if so."""
        return without_isomorphic(plan)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the spreads of supernets, and of the truth as far as the table tells."""
        problem = results.problem
        for kind, subject in KINDS.items():
            for epoch, share in results.plan.settings.tabled.items():
                scores = results.scores(results.plan.at(kind, epoch, "members"))
                found = [spread(values, problem.group) for values in scores]
                paper = published.table_2(share) if kind == UNIFORM else {}
                for name in ("score", "overall", "rank"):
                    values = tuple(one[name] for one in found)
                    printed = paper.get(name)
                    where = f"{share * published.EPOCHS:,.0f} epochs"
                    yield Row(self.name, subject, name, values, epoch, printed, where)
        yield from self._truth(results)

    def _truth(self, results: Results) -> Iterator[Row]:
        problem = results.problem
        unit = problem.unit / 100  # percent become fractions, as scores are
        if problem.own:
            found = spread(problem.member_truth, problem.group)
            subject = TRUTH
        elif len(problem.runs):
            found, subject = spread_of_runs(problem.runs), RUNS
        else:
            return
        for name, value in found.items():
            scale = unit if name != "rank" else 1.0
            if scale:
                paper = published.table_2(None)[name]
                yield Row(self.name, subject, name, (scale * value,), paper=paper, where="truth")


def without_isomorphic(plan: Plan) -> str:
    """Return why there are no groups of isomorphic architectures; empty if there are."""
    return "" if plan.problem.isomorphic else "no two architectures that are scored are isomorphic"


def spread(scores: Floats, group: Ints) -> dict[str, float]:
    """Compute the spreads of ``scores: (m,)`` in classes ``group: (m,)``.

    Returns:
        ``score`` and ``rank`` within classes of two or more, ``rank`` as a share of all, and
        ``overall``, the standard deviation over everything; NaN where nothing varies.
    """
    try:
        within = isomorphism_spread(scores, group, singles=False)
    except LabelError:
        return dict.fromkeys(("score", "overall", "rank"), np.nan)
    return {
        "score": within.score,
        "overall": float(np.std(scores)),
        "rank": within.rank / len(scores),
    }


def spread_of_runs(runs: Floats) -> dict[str, float]:
    """Compute the spreads of the same architectures in several runs, ``(r, n)``.

    Ranks are those within each run, since a run ranks every architecture once.
    """
    from scipy.stats import rankdata

    n = runs.shape[1]
    ranks = rankdata(runs, axis=1) / n
    return {
        "score": float(runs.std(axis=0).mean()),
        "overall": float(runs.std(axis=1).mean()),
        "rank": float(ranks.std(axis=0).mean()),
    }
