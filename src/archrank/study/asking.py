"""Ask and tell: what to evaluate next, and what others have found out.

What is asked for is a round, as in a run of the study's own: proposed with the round's number as
randomness, from all that has been told, in proposal order, whatever order it was told in. What
awaits an answer is there, too, without a value, so nothing is asked for twice. What is told without
having been asked for is a round of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archrank.checks import number, quoted
from archrank.errors import ArgumentError, TellError
from archrank.metrics import find_metric
from archrank.spaces.given import read_arch
from archrank.study.asked import Asked, Ledger
from archrank.study.engine import Engine
from archrank.study.proposal import Proposal, proposals
from archrank.study.record import Record
from archrank.study.rounds import Rounds, Slots
from archrank.types import Archs

MOST = 100_000  # architectures that are asked for at once


@dataclass(frozen=True)
class Telling:
    """Something that is told of an architecture.

    Attributes:
        arch: ``(d,)`` architecture.
        values: ``{metric: number}``, as it was typed.
        failed: why the evaluation failed; ``None`` if it did not.
        seconds: time that it took; ``None`` is the time since the architecture was asked for.
        where: words of messages for the place where it was typed, such as ``line 3: ``.
    """

    arch: NDArray[np.uint8]
    values: Mapping[str, Any] = field(default_factory=dict)
    failed: str | None = None
    seconds: float | None = None
    where: str = ""


def ask(engine: Engine, ledger: Ledger, n: int | None) -> list[Asked]:
    """Choose what to evaluate next: first what a stopped run has left of its round.

    Args:
        engine: of the study.
        ledger: of the study; it is not changed.
        n: how many; ``None`` is what the strategy would evaluate next.

    Returns:
        Up to ``n``; fewer only where nothing else may be proposed.
    """
    found = _asked(_left(engine, ledger)[:n])
    more = None if n is None else n - len(found)
    if more == 0 or (n is None and found):
        return found
    open_ = {**ledger.asked, **{each.key: each for each in found}}
    places: list[Record | Asked] = sorted([*ledger.records, *open_.values()], key=lambda p: p.key)
    number = ledger.next_round
    rows = engine.propose(engine.history(places), number, more)[:more]
    return found + _asked(proposals(engine.space, rows, number, range(len(rows)), len(rows)))


def _asked(places: Sequence[Proposal]) -> list[Asked]:
    now = datetime.now()
    return [Asked(**place.arguments(), since=now) for place in places]


def begun(engine: Engine, ledger: Ledger) -> list[int]:
    """Return the rounds that a stopped run has begun and whose rest nobody was asked for."""
    return _begun(_rounds(engine, ledger), ledger)


def _left(engine: Engine, ledger: Ledger) -> list[Proposal]:
    """Return the rest of the rounds that a stopped run has begun; none without any."""
    rounds = _rounds(engine, ledger)
    missing: dict[int, Slots] = {}
    found: list[Proposal] = []
    for round_ in _begun(rounds, ledger):
        missing[round_], size = engine.unfinished(rounds, ledger, round_, missing)
        waiting = ledger.waiting(round_)
        archs = {s: arch for s, arch in missing[round_].items() if s not in waiting}
        rows = np.array(list(archs.values()), dtype=np.uint8).reshape(-1, engine.space.d)
        found += proposals(engine.space, rows, round_, list(archs), size)
    return found


def _rounds(engine: Engine, ledger: Ledger) -> Rounds:
    rounds = Rounds(engine.space, engine.goals, ledger)
    rounds.take(ledger.records)
    return rounds


def _begun(rounds: Rounds, ledger: Ledger) -> list[int]:
    """Return the incomplete rounds up to the last that has evaluations and places that miss one."""

    def is_begun(number: int) -> bool:
        stored = rounds.stored_of(number)
        held = len(stored) + len(ledger.waiting(number)) + len(ledger.given_up(number))
        return bool(stored) and held < next(iter(stored.values())).round_size

    candidates = range(rounds.number, ledger.next_round)
    last = max(filter(is_begun, candidates), default=rounds.number - 1)
    return [*range(rounds.number, last + 1)]


# ---- telling -------------------------------------------------------------------------------------


def read_tellings(
    engine: Engine, archs: Any, metrics: Any, failed: str | None, seconds: float | None
) -> list[Telling]:
    """Read the arguments of :meth:`.Study.tell`: one architecture, or a list of them.

    Raises:
        ArchitectureError: no architecture of the space.
        ArgumentError: lists of different lengths, or values of another kind.
    """
    several = isinstance(archs, list | tuple) or (isinstance(archs, np.ndarray) and archs.ndim == 2)
    if several and len(archs) and not isinstance(archs, np.ndarray):
        several = not isinstance(archs[0], int | np.integer)  # a row as a list
    if not several:
        return [_telling(engine, archs, metrics, failed, seconds)]
    if failed is not None and metrics is None:
        return [_telling(engine, arch, None, failed, seconds) for arch in archs]
    if isinstance(metrics, str | Mapping) or not isinstance(metrics, Sequence | np.ndarray):
        raise ArgumentError(
            f"tell: of {len(archs)} architectures, metrics are a list with one entry for each, got "
            f"{quoted(metrics)}"
        )
    if len(metrics) != len(archs):
        raise ArgumentError(
            f"tell: {len(archs)} architectures and {len(metrics)} entries of metrics"
        )
    pairs = zip(archs, metrics, strict=True)
    return [_telling(engine, arch, values, failed, seconds) for arch, values in pairs]


def read_seconds(value: Any, name: str) -> float:
    """Return the time that an evaluation took; ``name`` is what messages call it.

    Raises:
        ArgumentError: it is no number, or below 0.
    """
    seconds = number(value, name)
    if seconds < 0:
        raise ArgumentError(f"{name} is {quoted(value)}, expected 0 or more")
    return seconds


def _telling(
    engine: Engine, arch: Any, metrics: Any, failed: str | None, seconds: float | None
) -> Telling:
    row = arch.arch if isinstance(arch, Asked | Record) else read_arch(engine.space, arch)
    if failed is not None and not isinstance(failed, str):
        raise ArgumentError(f"tell: failed is {quoted(failed)}, expected a reason as text")
    if metrics is None or isinstance(metrics, Mapping):
        return Telling(row, metrics or {}, failed, seconds)
    metrics = _plain(metrics)
    if isinstance(metrics, bool) or not isinstance(metrics, Real):
        raise ArgumentError(
            f"tell: metrics are {quoted(metrics)}, expected {{metric: number}} or, for a single "
            "metric, a number"
        )
    return Telling(row, {engine.goals.objectives[0].metric: metrics}, failed, seconds)


def told(
    engine: Engine, ledger: Ledger, tellings: Sequence[Telling], *, replace: bool = False
) -> list[Record]:
    """Make records of what is told, each in its place.

    Args:
        engine: of the study.
        ledger: of the study; it is not changed.
        tellings: about different architectures.
        replace: whether what is known of an architecture is replaced.

    Raises:
        TellError: an architecture that is known or told twice, or a metric that is missing.
        UnknownNameError: no such metric.
        ArgumentError: a value that is no number.
    """
    rows = np.array([t.arch for t in tellings], dtype=np.uint8).reshape(-1, engine.space.d)
    places = _places(engine, ledger, tellings, rows, replace=replace)
    costs = _costs(engine, rows)
    elapsed = max((r.elapsed for r in ledger.records), default=0.0)
    records = []
    for i, (telling, place) in enumerate(zip(tellings, places, strict=True)):
        values, reason = _values(engine, telling, {m: float(v[i]) for m, v in costs.items()})
        records.append(
            Record(
                **place.arguments(),
                values=values,
                reason=reason,
                seconds=_seconds(telling, place),
                elapsed=elapsed,
            )
        )
    return records


def _places(
    engine: Engine, ledger: Ledger, tellings: Sequence[Telling], rows: Archs, *, replace: bool
) -> list[Proposal]:
    """Return the place of each telling; those that have none yet share a round of their own.

    Architectures are known by their strings, since a strategy may propose decisions that do not
    exist with any option, and a user never types them.

    Raises:
        TellError: an architecture that is known, or told twice.
    """
    strings = engine.space.format(rows)
    known = {record.string: record for record in ledger.records}
    waiting: dict[str, Proposal] = {each.string: each for each in ledger.asked.values()}
    if not known.keys() | waiting.keys() >= set(strings):
        waiting = {place.string: place for place in _left(engine, ledger)} | waiting
    places: dict[str, Proposal | None] = {}
    for telling, string in zip(tellings, strings, strict=True):
        if string in places:
            raise TellError(f"{telling.where}{string} is told twice at once; leave one out")
        if string not in waiting and string in known and not replace:
            raise TellError(telling.where + _already(known[string]))
        places[string] = waiting.get(string, known.get(string))
    own = [i for i, string in enumerate(strings) if places[string] is None]
    new = proposals(engine.space, rows[own], ledger.next_round, range(len(own)), len(own))
    found = {**places, **{place.string: place for place in new}}
    return [place for string in strings if (place := found[string]) is not None]


def _plain(value: Any) -> Any:
    """Return the number in a tensor or an array of a single one, and anything else as it is."""
    is_single = hasattr(value, "item") and getattr(value, "ndim", 0) == 0
    return value.item() if is_single else value


def _already(record: Record) -> str:
    found = ", ".join(f"{name} {v:.6g}" for name, v in record.values.items() if math.isfinite(v))
    return (
        f"{record.string} has been evaluated already ({record.reason or found}); to replace that, "
        "tell it with --replace (replace=True in Python)"
    )


def _seconds(telling: Telling, place: Proposal) -> float:
    if telling.seconds is not None:
        return telling.seconds
    if not isinstance(place, Asked):
        return 0.0
    return max((datetime.now() - place.since).total_seconds(), 0.0)  # clocks are put back


def _costs(engine: Engine, archs: Archs) -> dict[str, Any]:
    """Measure what costs next to nothing, and need not be told: ``{metric: (n,)}``."""
    found: dict[str, Any] = {}
    for part in engine.evaluator.parts():
        if part.cheap:
            found |= part.evaluate(archs)
    return found


def _values(
    engine: Engine, telling: Telling, costs: Mapping[str, float]
) -> tuple[dict[str, float], str | None]:
    """Return all metrics of an evaluation, NaN where nothing is known, and why it failed.

    Raises:
        TellError: a metric is missing, or something is told of a failure, too.
        UnknownNameError: no such metric.
        ArgumentError: a value that is no number.
    """
    metrics, where = engine.evaluator.metrics, telling.where
    given: dict[str, float] = {}
    for name, value in telling.values.items():
        metric = find_metric(str(name), metrics)
        given[metric.name] = number(_plain(value), f"{where}{name}", finite=False)
    values = {**dict.fromkeys((m.name for m in metrics), math.nan), **costs, **given}
    if telling.failed is not None:
        if not telling.failed.strip():
            raise TellError(f"{where}say why the evaluation failed: --failed REASON")
        if telling.values:
            raise TellError(
                f"{where}told as failed, and with {', '.join(map(str, telling.values))}: leave one "
                "of the two out"
            )
        return values, telling.failed
    missing = [name for name in engine.goals.missing(values) if name not in given]
    broken = engine.goals.broken(given)
    if missing and broken:  # it is of no use, whatever the rest would be
        return values, f"breaks {', '.join(map(str, broken))}"
    if missing:
        raise TellError(
            f"{where}{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: tell "
            f"{', '.join(f'{name}=NUMBER' for name in missing)}, or --failed REASON (failed=... in "
            "Python)"
        )
    bad = [f"{name} is {values[name]}" for name in engine.goals.missing(values)]
    return values, ", ".join(bad) or None
