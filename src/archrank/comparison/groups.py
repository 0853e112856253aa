"""Groups of runs: those that differ in their seed alone, named by what they differ in from others.

Runs compare if they search the same space by the same measurements for the same goals. How they
search is what a comparison is about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from archrank.comparison.runs import Compared
from archrank.differences import differences, told
from archrank.errors import SettingsError
from archrank.identity import flattened
from archrank.runs.folder import as_options
from archrank.runs.settings import SearchSettings
from archrank.study.circumstances import CONTENTS, changed

SEARCHED = (
    *("strategy", "ranker", "weak", "supernet", "plan", "initial", "batch", "ahead", "prune"),
    *("fidelity", "latency-table"),
)
"""Options that say how a run searches; all others say what for."""

LEARNT = "pretrained_on"  # key of a digest that differs from seed to seed


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        name: what it differs in from the other groups, such as ``guided, ranker gbdt``.
        runs: its runs, by seed.
    """

    name: str
    runs: tuple[Compared, ...]


def grouped(runs: Sequence[Compared], metric: str | None = None) -> tuple[Group, ...]:
    """Group runs, the groups in the order of their first runs.

    Args:
        runs: of the comparison.
        metric: that is compared where it is no objective, so that runs with different objectives
            compare, too.

    Raises:
        SettingsError: two runs do not compare, or are one and the same search.
    """
    first = runs[0]
    for run in runs[1:]:
        _check(first, run, metric)
    typed = all(run.settings is not None for run in runs)
    parts = [_options(run) if typed else _identity(run) for run in runs]
    keys = [json.dumps(part, sort_keys=True) for part in parts]
    found = [
        sorted((r for r, k in zip(runs, keys, strict=True) if k == key), key=lambda r: r.seed)
        for key in dict.fromkeys(keys)
    ]
    for group in found:
        for one, other in pairwise(group):
            if one.seed == other.seed:
                raise SettingsError(
                    f"{one.name} and {other.name} are the same search, with seed {one.seed}: "
                    "leave one of them out, or search with another --seed"
                )
    named = _names([parts[keys.index(key)] for key in dict.fromkeys(keys)])
    return tuple(Group(name, tuple(group)) for name, group in zip(named, found, strict=True))


def changes(runs: Sequence[Compared]) -> Iterator[str]:
    """Yield sentences about what has measured runs differently, though the same was asked for."""
    first = runs[0]
    known = first.results.description.circumstances
    for run in runs[1:]:
        found = changed(known, run.results.description.circumstances, ())
        serious = [text for text in found.serious if not text.startswith("table ")]
        if serious:
            yield f"between {first.name} and {run.name}, {'; '.join(serious)}"


def _check(first: Compared, run: Compared, metric: str | None) -> None:
    """Check that two runs compare.

    Raises:
        SettingsError: they do not; says what differs.
    """
    one, other = (each.results.description for each in (first, run))

    def refuse(what: str, remedy: str) -> SettingsError:
        return SettingsError(f"{run.name} does not compare with {first.name}: {what}. {remedy}")

    if one.identity["space"] != other.identity["space"]:
        what = f"it searches {other.space}, that one {one.space}"
        if other.space == one.space:
            unlike = told(differences(_decisions(first), _decisions(run))) or "what it builds"
            what = f"its space {other.space} differs (first -> this): {unlike}"
        raise refuse(what, "Compare runs in one space")
    goals = [", ".join(o.label for o in each.goals.objectives) for each in (one, other)]
    if metric is None and one.goals.objectives != other.goals.objectives:
        raise refuse(
            f"its objective is {goals[1]}, that of the other {goals[0]}",
            "Name a metric that both have measured with --metric",
        )
    if one.goals.constraints != other.goals.constraints:
        limits = [", ".join(map(str, d.goals.constraints)) or "none" for d in (one, other)]
        raise refuse(
            f"its limits are {limits[1]}, those of the other {limits[0]}",
            "Compare runs with the same --constraint",
        )
    found = [
        d
        for d in differences(one.identity["evaluator"], other.identity["evaluator"])
        if metric is None or d.path.rpartition(".")[2] != "metric"
    ]
    if found:
        raise refuse(
            f"it was measured in another way (first -> this): {told(found)}",
            "Compare runs of one evaluator",
        )
    used = {*one.goals.metrics, *other.goals.metrics, *({metric} if metric else ())}
    names = ["table rows", *(f"table column {name}" for name in sorted(used))]
    tables = [d.circumstances.get(CONTENTS, {}) for d in (one, other)]
    other_table = [
        n for n in names if n in tables[0] and n in tables[1] and tables[0][n] != tables[1][n]
    ]
    if other_table:
        raise refuse(
            f"it was looked up in another table ({', '.join(other_table)} differ)",
            "Compare runs on one table",
        )


def _decisions(run: Compared) -> dict[str, Any]:
    return {name: list(options) for name, options in run.results.description.decisions.items()}


def _options(run: Compared) -> dict[str, str]:
    """Return how a run searches by its options; those at their defaults are left out."""
    usual, given = as_options(SearchSettings()), run.settings or {}
    found = {k: given[f"--{k}"] for k in SEARCHED if given.get(f"--{k}") != usual[f"--{k}"]}
    goals = _text(run.results.description.identity["objectives"])
    return {
        "strategy": given["--strategy"],
        **{k: _text(v) for k, v in found.items()},
        "for": goals,
    }


def _identity(run: Compared) -> dict[str, str]:
    """Return how a run searches by its identity: ``{"strategy": name, "ranker.cost": "3"}``."""
    identity = run.results.description.identity
    found = {
        key: _text(value)
        for key, value in flattened(identity["strategy"])
        if key.rpartition(".")[2] != LEARNT
    }
    return {**found, "for": _text(identity["objectives"])}


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _names(parts: Sequence[Mapping[str, str]]) -> list[str]:
    """Name groups by their strategy, and by what those of one strategy differ in."""
    names = []
    for part in parts:
        rivals = [p for p in parts if p.get("strategy") == part.get("strategy")]
        keys = dict.fromkeys(key for p in rivals for key in p)
        unlike = [k for k in keys if len({p.get(k) for p in rivals}) > 1]
        told_by = [k for k in unlike if not any(k.startswith(f"{other}.") for other in unlike)]
        words = [f"{k.replace('_', ' ')} {part[k]}" for k in told_by if k in part]
        names.append(", ".join([str(part.get("strategy", "search")), *words]))
    return [
        name if names.count(name) == 1 else f"{name} ({names[:i].count(name) + 1})"
        for i, name in enumerate(names)
    ]
