"""Criteria over checkpoints (Surgery, Fig. 2): what converges early, and what late."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.assess.supernets.score_tables import LOSS


class Checkpoints(Part):
    """Every criterion after several epochs, of scores by accuracy and by loss."""

    name = "checkpoints"
    title = "Criteria over checkpoints"
    source = "Surgery, Fig. 2"
    axis = "epoch"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the checkpoints of the supernets with de-isomorphic sampling."""
        for epoch in plan.settings.kept:
            yield from plan.at(MAIN, epoch)

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria at each checkpoint, and the mean score itself."""
        for epoch in results.plan.settings.kept:
            scorings = results.plan.at(MAIN, epoch)
            for name in results.tables.signals:
                scores = results.scores(scorings, name)
                yield from results.judged(self.name, f"one-shot {name}", scores, at=epoch)
                if name != LOSS:
                    level = tuple(float(np.mean(values)) for values in scores)
                    yield Row(self.name, f"one-shot {name}", "level", level, epoch)
