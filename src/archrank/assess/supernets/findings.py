"""The Surgery's eight findings, each with the rule by which a study reproduces it or not.

The findings are those of its introduction, in its order: 1 to 5 about supernets, 6 to 8 about
predictors. The rules were written before any study was run. Each compares means over seeds, paired
by seed: a difference is *clear* if its mean is above its standard error (any, of a single seed).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from archrank.assess.supernets.base import Row
from archrank.assess.supernets.groups import GROUPS
from archrank.assess.supernets.settings import StudySettings
from archrank.spaces.images import Scale
from archrank.types import Floats

Verdict = Literal["reproduced", "not reproduced", "not asked here"]
FEWEST = 5_000  # classes of which P@0.1 % is a share: of 5 architectures
EARLY = 0.2  # share of all epochs that counts as early: 200 of the paper's 1,000


@dataclass(frozen=True)
class Finding:
    """A finding of the paper, and what this study says of it.

    Attributes:
        number: From 1 to 8, as in the paper's introduction.
        text: The paper's statement, in our words.
        verdict: Verdict of the rule.
        measured: The numbers that decided, or the reason why it was not asked.
    """

    number: int
    text: str
    verdict: Verdict
    measured: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """Rows of a study, found by what they measure."""

    rows: Sequence[Row]
    settings: StudySettings
    scale: Scale | None  # of the table's networks
    table: int  # classes of the table, on which predictors are judged

    def values(
        self, part: str, subject: str, criterion: str, at: float | None = None
    ) -> Floats | None:
        """Return a number of each seed; ``None`` if it was not measured."""
        for row in self.rows:
            if (row.part, row.subject, row.criterion) == (part, subject, criterion) and (
                at is None or row.at == at
            ):
                values = np.array(row.values)
                return values if np.isfinite(values).all() else None
        return None

    def subjects(self, part: str, criterion: str) -> list[str]:
        """List what a criterion of a part was measured on."""
        found = (r.subject for r in self.rows if (r.part, r.criterion) == (part, criterion))
        return list(dict.fromkeys(found))

    def groups(self, part: str, subject: str, criterion: str) -> Floats | None:
        """Return a number of each seed and group of rising MACs, ``(s, g)``; NaN if undefined."""
        found = {
            row.at: row.values
            for row in self.rows
            if (row.part, row.subject, row.criterion) == (part, subject, criterion)
        }
        return np.array([found[g + 1.0] for g in range(GROUPS)]).T if found else None


def findings(evidence: Evidence) -> list[Finding]:
    """Judge all eight findings."""
    return [
        Finding(number, text, *rule(evidence)) for number, (text, rule) in enumerate(RULES, start=1)
    ]


def clear(values: Floats) -> bool:
    """Tell whether the mean of differences ``(s,)`` is above their standard error, and above 0."""
    if len(values) < 2:
        return bool(values.mean() > 0)
    return bool(values.mean() > values.std(ddof=1) / math.sqrt(len(values)) and values.mean() > 0)


Outcome = tuple[Verdict, str]


def _verdict(holds: bool, measured: str) -> Outcome:
    return ("reproduced" if holds else "not reproduced"), measured


def _not_asked(why: str) -> Outcome:
    return "not asked here", why


def _layers(evidence: Evidence) -> Outcome:
    """Half of the layers costs clearly more tau than half of the channels."""
    own, tables = None, evidence.subjects("proxies", "tau")
    if evidence.scale is not None:
        own = _subject(tables, evidence.scale.channels, evidence.scale.cells)
    if own is None:
        return _not_asked("needs the part proxies, of networks with a scale")
    assert evidence.scale is not None
    channels, cells = evidence.scale.channels, evidence.scale.cells

    def loss(other: str | None) -> Floats | None:
        tau = None if other is None else evidence.values("proxies", other, "tau")
        mine = evidence.values("proxies", own, "tau")
        return None if tau is None or mine is None else mine - tau

    fewer = (
        loss(_subject(tables, channels // 2, cells)),
        loss(_subject(tables, channels, cells // 2)),
    )
    if fewer[0] is not None and fewer[1] is not None:
        told = (
            f"half of the cells costs {_signed(fewer[1])} tau, half of the channels "
            f"{_signed(fewer[0])}"
        )
        return _verdict(clear(fewer[1] - fewer[0]), told)
    more = loss(_subject(tables, 2 * channels, cells)), loss(_subject(tables, channels, 2 * cells))
    told = "the table's networks have one cell per stage, which cannot be halved"
    if more[0] is not None and more[1] is not None:
        told += (
            f"; twice the cells costs {_signed(more[1])} tau, twice the channels {_signed(more[0])}"
        )
    return _not_asked(told)


def _subject(subjects: Iterable[str], channels: int, cells: int) -> str | None:
    start = f"{channels} channels, {cells} cell"
    return next((s for s in subjects if s.startswith(start)), None)


def _early(evidence: Evidence) -> Outcome:
    """P@5 % is clearly nearer to its best value than tau is, after a fifth of all epochs."""
    subject = next(iter(evidence.subjects("checkpoints", "tau")), "")
    early = evidence.settings.epoch(EARLY)
    epochs = list(evidence.settings.kept)
    reached = {}
    for criterion in ("p_at_5", "tau"):
        found = [evidence.values("checkpoints", subject, criterion, epoch) for epoch in epochs]
        known = [values for values in found if values is not None]
        if not known or len(known) < len(found) or early == epochs[-1]:
            return _not_asked("needs the part checkpoints, and several epochs")
        best = np.max(known, axis=0)
        if not (best > 0).all():
            return _verdict(False, f"{criterion} is not above 0 at any checkpoint")
        reached[criterion] = np.asarray(known[epochs.index(early)] / best)
    told = (
        f"after {early} of {epochs[-1]} epochs P@5 % has {_percent(reached['p_at_5'])} of its "
        f"best value, tau {_percent(reached['tau'])}"
    )
    return _verdict(clear(reached["p_at_5"] - reached["tau"]), told)


def _closer(evidence: Evidence) -> Outcome:
    """The ranks of isomorphic architectures spread clearly less at the end than early."""
    subject = "uniform sampling"
    tabled = list(evidence.settings.tabled)
    first, last = (evidence.values("spread", subject, "rank", epoch) for epoch in
                   (tabled[0], tabled[-1]))  # fmt: skip
    if first is None or last is None or len(tabled) < 2:
        return _not_asked("needs the part spread, isomorphic architectures and several epochs")
    told = (
        f"std of ranks within classes {_percent(first, 2)} of all after {tabled[0]} epochs, "
        f"{_percent(last, 2)} after {tabled[-1]}"
    )
    return _verdict(clear(first - last), told)


def _de_isomorphic(evidence: Evidence) -> Outcome:
    """Either treatment finds clearly more of the best 5 %, and over-estimates the cheap less."""
    last = list(evidence.settings.tabled)[-1]
    none, sampling, post = (
        {c: evidence.values("sampling", subject, c, last) for c in ("p_at_5", "simplest")}
        for subject in ("no de-isomorphism", "de-isomorphic sampling", "post de-isomorphism")
    )
    better, told = False, []
    for words, found in (("sampling", sampling), ("post", post)):
        p, q = found["p_at_5"], none["p_at_5"]
        excess, plain = found["simplest"], none["simplest"]
        if p is None or q is None or excess is None or plain is None:
            return _not_asked("needs the part sampling, and isomorphic architectures")
        better |= clear(p - q) and clear(plain - excess)
        told.append(
            f"{words}: P@5 % {_percent(q)} -> {_percent(p)}, over-estimation of the cheapest tenth "
            f"{_percent(plain)} -> {_percent(excess)}"
        )
    return _verdict(better, "; ".join(told))


def _small(evidence: Evidence) -> Outcome:
    """The cheaper half is clearly over-estimated, and clearly better ordered inside its groups."""
    subject = next(iter(evidence.subjects("groups", "group_tau")), "")
    difference = evidence.groups("groups", subject, "group_difference")
    taus = evidence.groups("groups", subject, "group_tau")
    if difference is None or taus is None:
        return _not_asked("needs the part groups")
    over, order = _first_minus_last(difference), _first_minus_last(taus)
    told = (
        f"cheaper minus dearer half: rank difference {_percent(over)} of all, tau inside groups "
        f"{_signed(order)}"
    )
    return _verdict(clear(over) and clear(order), told)


def _ranking_losses(evidence: Evidence) -> Outcome:
    """Ranking losses give a higher tau, and a smaller spread over training sets, in the mean."""
    taus: dict[str, list[Floats]] = {"ranking": [], "regression": []}
    for name in ("MLP", "LSTM", "GATES"):
        for loss, found in taus.items():
            values = evidence.values("predictors", f"{name}, {loss} loss", "tau")
            if values is None or len(values) < 2:
                return _not_asked("needs the part predictors, and two or more seeds")
            found.append(values)
    means = {loss: float(np.mean(found)) for loss, found in taus.items()}
    spreads = {loss: float(np.mean([v.std(ddof=1) for v in found])) for loss, found in taus.items()}
    told = (
        f"MLP, LSTM and GATES: tau {means['ranking']:.3f} by ranking and "
        f"{means['regression']:.3f} by regression losses, std over training sets "
        f"{spreads['ranking']:.3f} and {spreads['regression']:.3f}"
    )
    higher = means["ranking"] > means["regression"]
    return _verdict(higher and spreads["ranking"] < spreads["regression"], told)


def _different(evidence: Evidence) -> Outcome:
    """MLP and RF over-estimate the cheap more than LSTM and GATES; the best is weak on the dear.

    Both clearly: more than the other two, and a lower tau inside groups of the dearer half.
    """
    bias, order, taus_of_all = {}, {}, {}
    for name in ("MLP", "RF", "LSTM", "GATES"):
        difference = evidence.groups("predictors", f"{name} by MACs", "group_difference")
        taus = evidence.groups("predictors", f"{name} by MACs", "group_tau")
        known = evidence.values("predictors", f"{name}, ranking loss", "tau")
        if difference is None or taus is None or known is None:
            return _not_asked("needs the part predictors")
        taus_of_all[name] = float(known.mean())
        bias[name], order[name] = _first_minus_last(difference), _first_minus_last(taus)
    best = max(taus_of_all, key=lambda name: taus_of_all[name])
    simple = (bias["MLP"] + bias["RF"]) / 2
    others = (bias["LSTM"] + bias["GATES"]) / 2
    told = (
        f"over-estimation of the cheaper half: MLP and RF {_percent(simple)}, LSTM and GATES "
        f"{_percent(others)} of all; {best}, the best, orders the cheaper half better by "
        f"{_signed(order[best])} tau"
    )
    return _verdict(clear(simple - others) and clear(order[best]), told)


def _stages(evidence: Evidence) -> Outcome:
    """P@0.1 % rises clearly from the first to the last stage, in the mean over predictors."""
    if evidence.table < FEWEST:
        return _not_asked(
            f"0.1 % of the table's {evidence.table:,} classes are too few to be a share"
        )
    gains, told = [], []
    for name in ("GATES", "LSTM"):
        subject = f"{name} in stages"
        stages = [
            row.at
            for row in evidence.rows
            if (row.part, row.subject, row.criterion) == ("predictors", subject, "p_at_01")
        ]
        if len(stages) < 2:
            return _not_asked("needs the part predictors, and architectures for several stages")
        first, last = (
            evidence.values("predictors", subject, "p_at_01", at) for at in (stages[0], stages[-1])
        )
        if first is None or last is None:
            return _not_asked("predictors gave everything the same score")
        gains.append(last - first)
        told.append(f"{name} {_percent(first)} -> {_percent(last)}")
    return _verdict(clear(np.mean(gains, axis=0)), f"P@0.1 % over stages: {', '.join(told)}")


RULES: tuple[tuple[str, Callable[[Evidence], Outcome]], ...] = (
    ("layer proxies lose more than channel proxies", _layers),
    ("good architectures stand out early, the order of all others later", _early),
    ("scores of isomorphic architectures come closer as training goes on", _closer),
    ("de-isomorphic sampling or averaging avoids over-estimation of simple cells", _de_isomorphic),
    ("small architectures are over-estimated, and compared better than large ones", _small),
    ("ranking losses are more stable than regression losses", _ranking_losses),
    ("predictors differ in what they over-estimate; the best is weak on large ones", _different),
    ("several stages make predictors better at the top", _stages),
)


def _first_minus_last(values: Floats) -> Floats:
    """Return the mean of the cheaper half of groups minus that of the other, ``(s,)``."""
    half = GROUPS // 2
    found: Floats = np.nanmean(values[:, :half], axis=1) - np.nanmean(values[:, half:], axis=1)
    return found


def _signed(values: Floats) -> str:
    return f"{values.mean():+.3f}{_spread(values, 1.0, 3)}"


def _percent(values: Floats, decimals: int = 1) -> str:
    return f"{100 * values.mean():.{decimals}f}{_spread(values, 100.0, decimals)} %"


def _spread(values: Floats, factor: float, decimals: int) -> str:
    return f" ± {factor * values.std(ddof=1):.{decimals}f}" if len(values) > 1 else ""
