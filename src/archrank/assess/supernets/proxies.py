"""Smaller supernets as proxies of the table's networks (Surgery, Fig. 3a, b)."""

from __future__ import annotations

from collections.abc import Iterator

from archrank.assess.supernets.base import Part, Results, Row
from archrank.assess.supernets.plan import MAIN, Plan, Scoring
from archrank.spaces.images import Scale


class Proxies(Part):
    """Supernets with fewer (or more) channels or cells than the networks that are ranked."""

    name = "proxies"
    title = "Channel and layer proxies"
    source = "Surgery, Fig. 3a, b"

    def scorings(self, plan: Plan) -> Iterator[Scoring]:
        """Yield the last checkpoint of every scale, and of the table's own."""
        yield from plan.final(MAIN)
        for kind in plan.scales:
            yield from plan.final(kind)

    def needs_more(self, plan: Plan) -> str:
        """Return why there is nothing to measure, if so."""
        if plan.scales:
            return ""
        return f"networks of {plan.problem.space.name} have no scale of channels and cells"

    def rows(self, results: Results) -> Iterator[Row]:
        """Yield the criteria of each scale, and the mean MACs of its networks."""
        own = results.problem.networks.sizes.scale
        for kind, scale in {MAIN: own, **results.plan.scales}.items():
            scorings = results.plan.final(kind)
            subject = words(scale, own)
            yield from results.judged(self.name, subject, results.scores(scorings))
            training = results.plan.trainings[scorings[0].training]
            networks = results.plan.space(training).networks(results.problem.task)
            macs = float(networks.cost(results.problem.archs)["macs"].mean())
            yield Row(self.name, subject, "macs", (macs,))


def words(scale: Scale, own: Scale) -> str:
    """Describe a scale beside the table's own: ``4 channels, 1 cell``."""
    cells = f"{scale.cells} cell{'s' if scale.cells > 1 else ''}"
    return f"{scale.channels} channels, {cells}{' (the table)' if scale == own else ''}"
