"""Batch statistics against recalibrated ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring, Statistics

WAYS: tuple[Statistics, ...] = ("batch", "recalibrated")


class BatchStatistics(Part):
    """The same supernets, scored with either statistics of batch norms."""

    name = "statistics"
    title = "Statistics of batch norms"
    source = "beside Surgery, section 4.1, which uses those of the batch"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield both scorings of the last checkpoints."""
        for way in WAYS:
            yield from (replace(s, statistics=way) for s in plan.final(MAIN))

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of both, by accuracy and by loss."""
        for way in WAYS:
            scorings = [replace(s, statistics=way) for s in results.plan.final(MAIN)]
            for name in results.tables.signals:
                scores = results.scores(scorings, name)
                yield from results.judged(self.name, f"{way} statistics, {name}", scores)
