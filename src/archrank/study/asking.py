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

from archrank.checks import quoted
from archrank.errors import ArgumentError, TellError
from archrank.metrics import find_metric
from archrank.spaces.given import read_arch
from archrank.study.asked import Asked, Ledger
from archrank.study.engine import Engine
from archrank.study.record import Record
from archrank.study.rounds import Rounds
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
    rounds = Rounds(engine.space, engine.goals, ledger)
    rounds.take(ledger.records)
    found: list[Asked] = []
    if rounds.stored:
        archs, size = engine.unfinished(rounds, ledger)
        waiting = ledger.waiting(rounds.number)
        left = [slot for slot in archs if slot not in waiting][:n]
        rows = np.array([archs[slot] for slot in left], dtype=np.uint8).reshape(-1, engine.space.d)
        found = _asked(engine, rounds.number, left, size, rows)
    more = None if n is None else n - len(found)
    if more == 0 or (n is None and found):
        return found
    open_ = {**ledger.asked, **{each.key: each for each in found}}
    places: list[Record | Asked] = sorted([*ledger.records, *open_.values()], key=lambda p: p.key)
    history = engine.history(places)
    number = max(ledger.next_round, rounds.number + bool(rounds.stored))
    rows = engine.propose(history, number, more)[:more]
    return found + _asked(engine, number, range(len(rows)), len(rows), rows)


def _asked(
    engine: Engine, number: int, slots: Sequence[int], size: int, archs: Archs
) -> list[Asked]:
    space, now = engine.space, datetime.now()
    texts = zip(
        slots, archs, space.format(archs), space.format(space.canonical(archs)), strict=True
    )
    return [
        Asked(number, slot, size, arch, string, stands_for, space.config(arch), now)
        for slot, arch, string, stands_for in texts
    ]


def begun(engine: Engine, ledger: Ledger) -> int | None:
    """Return the round that a stopped run has begun and whose rest nobody was asked for, if any."""
    rounds = Rounds(engine.space, engine.goals, ledger)
    rounds.take(ledger.records)
    number, stored = rounds.number, rounds.stored
    if not stored:
        return None
    held = len(stored) + len(ledger.waiting(number)) + len(ledger.given_up(number))
    return number if held < next(iter(stored.values())).round_size else None


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
    if failed is not None:
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
    return [_telling(engine, arch, values, None, seconds) for arch, values in pairs]


def _telling(
    engine: Engine, arch: Any, metrics: Any, failed: str | None, seconds: float | None
) -> Telling:
    row = arch.arch if isinstance(arch, Asked | Record) else read_arch(engine.space, arch)
    if failed is not None and not isinstance(failed, str):
        raise ArgumentError(f"tell: failed is {quoted(failed)}, expected a reason as text")
    if metrics is None or isinstance(metrics, Mapping):
        return Telling(row, metrics or {}, failed, seconds)
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
    keys = [arch.tobytes() for arch in rows]
    strings = engine.space.format(rows)
    canonical = engine.space.format(engine.space.canonical(rows))
    costs = _costs(engine, rows)
    waiting = {each.arch.tobytes(): each for each in ledger.asked.values()}
    known = {record.arch.tobytes(): record for record in ledger.records}
    own = [key for key in keys if key not in waiting and key not in known]
    elapsed = max((r.elapsed for r in ledger.records), default=0.0)
    number = ledger.next_round
    records, seen = [], set[bytes]()
    for i, (telling, key) in enumerate(zip(tellings, keys, strict=True)):
        if key in seen:
            raise TellError(f"{telling.where}{strings[i]} is told twice at once; leave one out")
        seen.add(key)
        before = known.get(key)
        if before is not None and not replace:
            raise TellError(telling.where + _already(before))
        values, reason = _values(engine, telling, {m: float(v[i]) for m, v in costs.items()})
        place = waiting.get(key, before)
        spot = (number, own.index(key), len(own)) if place is None else place
        round_, slot, size = (
            spot if isinstance(spot, tuple) else (spot.round, spot.slot, spot.round_size)
        )
        records.append(
            Record(
                round=round_,
                slot=slot,
                round_size=size,
                arch=rows[i],
                string=strings[i],
                values=values,
                reason=reason,
                seconds=_seconds(telling, place),
                elapsed=elapsed,
                canonical=canonical[i],
                config=engine.space.config(rows[i]),
            )
        )
    return records


def _already(record: Record) -> str:
    found = ", ".join(f"{name} {v:.6g}" for name, v in record.values.items() if math.isfinite(v))
    return (
        f"{record.string} has been evaluated already ({record.reason or found}); to replace that, "
        "tell it with --replace (replace=True in Python)"
    )


def _seconds(telling: Telling, place: Asked | Record | None) -> float:
    if telling.seconds is not None:
        return telling.seconds
    return (datetime.now() - place.since).total_seconds() if isinstance(place, Asked) else 0.0


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
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ArgumentError(f"{where}{name} is {quoted(value)}, expected a number")
        given[metric.name] = float(value)
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
