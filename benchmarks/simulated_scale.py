"""Ten thousand evaluations over 200 workers with failures, in virtual time, on a real database.

    OMP_NUM_THREADS=1 python benchmarks/simulated_scale.py
    OMP_NUM_THREADS=1 python benchmarks/simulated_scale.py --workers 50 --evaluations 1000
    OMP_NUM_THREADS=1 python benchmarks/simulated_scale.py --round 200 --ahead 4

Workers are entries of a list and sleep on a clock that jumps; what they ask of PostgreSQL is asked
in fact: to claim a place, to store a result, to be removed when they die. An evaluation takes 5
minutes on average (log-normal, sigma 0.5); one in fifty ends with the death of its worker, which is
noticed 30 s later and whose successor starts then. Prints how busy the workers were, what each kind
of call took, and from that the number of workers at which one connection is busy all the time. At
the end the history is compared with that of one process without a database.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from overhead import SPACES, Free  # noqa: E402
from tests.postgres import PostgresServer, postgres_server  # noqa: E402

import archrank as ar  # noqa: E402
from archrank.strategies import RegularizedEvolution  # noqa: E402
from archrank.study.places import ROUND, Batch, Member  # noqa: E402
from archrank.study.proposal import Key, Proposal, proposals  # noqa: E402
from archrank.study.record import Record  # noqa: E402
from archrank.study.rounds import Rounds, Slots  # noqa: E402
from archrank.study.sharing import BEAT, LOST  # noqa: E402

MEAN, SIGMA = 300.0, 0.5  # seconds of an evaluation
DEADLY = 0.02  # share of evaluations during which a worker dies


class Timed:
    """Sums the seconds of calls, by kind."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)

    def __call__(self, kind: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        found = call()
        self.seconds[kind].append(time.perf_counter() - start)
        return found

    def mean(self, kind: str) -> float:
        return float(np.mean(self.seconds[kind]))


@dataclass
class Begun:
    """A round whose places are open."""

    archs: Slots
    where: dict[int, Proposal]
    scores: dict[int, float]
    claimed: int = 0

    @property
    def size(self) -> int:
        return len(self.archs)

    def missing(self, rounds: Rounds) -> Slots:
        """Return what is not evaluated yet."""
        number = next(iter(self.where.values())).round
        stored = rounds.stored_of(number)
        return {slot: arch for slot, arch in self.archs.items() if slot not in stored}


def simulate(server: PostgresServer, budget: int, workers: int, each: int, ahead: int) -> None:
    """Run a study by simulated workers, and print what that took."""

    def study_on(storage: str | None) -> ar.Study:
        strategy = RegularizedEvolution(each, each // 4, each)
        return ar.Study(SPACES["layers"](), Free(), strategy, storage=storage, ahead=ahead)

    study, timed, rng = study_on(server.new_database()), Timed(), np.random.default_rng(0)
    store, ledger, engine, space = study._store, study._ledger, study._engine, study.space
    places = store.places
    assert places is not None
    rounds = Rounds(space, study.goals, ledger)
    numbers = itertools.count()
    clock, busy, deaths = 0.0, 0.0, 0
    free = [f"worker {next(numbers)}" for _ in range(workers)]
    for name in free:
        timed("join", lambda name=name: places.join(Member(name, 0, "", True)))
    begin = time.perf_counter()
    begun: dict[int, Begun] = {}
    events: list[tuple[float, int, str, str, Key]] = []
    order = itertools.count()

    def begin_round(number: int) -> Begun | None:
        """Propose a round and open its places, unless it is or the budget is spent."""
        left = budget - sum(each.size for each in begun.values())
        if number in begun or left <= 0:
            return begun.get(number)
        before = {i: begun[i].missing(rounds) for i in range(rounds.number, number)}
        archs, size = timed("propose", lambda: engine.unfinished(rounds, ledger, number, before))
        archs = dict(list(archs.items())[:left])
        texts = {slot: json.dumps(arch.tolist()) for slot, arch in archs.items()}
        timed("open", partial(places.open, Batch(ROUND, number), size, texts))
        rows = np.stack(list(archs.values()))
        where = dict(zip(archs, proposals(space, rows, number, list(archs), size), strict=True))
        scores = dict(zip(archs, study.evaluator.evaluate(rows)["score"].tolist(), strict=True))
        begun[number] = Begun(archs, where, scores)
        return begun[number]

    def claim() -> Key | None:
        """Claim a place for the last free worker, of the first round that has one."""
        for number in range(rounds.number, rounds.number + ahead + 1):
            found = begin_round(number)
            if found is None:
                return None
            if found.claimed < found.size:
                batch, last = Batch(ROUND, number), max(found.archs)
                if taken := timed("claim", partial(places.claim, batch, free[-1], last=last)):
                    found.claimed += 1
                    return number, next(iter(taken))
        return None

    while True:
        while free and (key := claim()) is not None:
            took = MEAN * float(rng.lognormal(-(SIGMA**2) / 2, SIGMA))
            dies = rng.random() < DEADLY
            took *= float(rng.random()) if dies else 1.0
            busy += 0.0 if dies else took
            kind = "dies" if dies else "ends"
            heapq.heappush(events, (clock + took, next(order), kind, free.pop(), key))
        if not events:
            break
        clock, _, kind, name, key = heapq.heappop(events)
        number, slot = key
        if kind == "dies":
            deaths += 1
            heapq.heappush(events, (clock + LOST, next(order), "lost", name, key))
        elif kind == "lost":
            timed("remove", lambda name=name: places.leave(name, died=True))
            begun[number].claimed -= 1
            free.append(f"worker {next(numbers)}")
            timed("join", lambda: places.join(Member(free[-1], 0, "", True)))
        else:
            record = Record(
                **begun[number].where[slot].arguments(),
                values={"score": begun[number].scores[slot]},
                reason=None,
                seconds=MEAN,
                elapsed=clock,
            )
            batch = Batch(ROUND, number)
            stored = timed("store", partial(store.settle, record, study.description, batch))
            assert stored, "nobody else can have been first"
            ledger.take(record)
            rounds.take(ledger.records)
            free.append(name)
    real = time.perf_counter() - begin
    for name in free[:20]:
        timed("beat", lambda name=name: places.beat(name))
        timed("look", lambda: places.members())
    ledger.records.sort(key=lambda record: record.key)
    alone = study_on(None).run(budget)
    same = [(r.key, r.string, r.values) for r in ledger.records] == [
        (r.key, r.string, r.values) for r in alone.records
    ]
    print(
        f"{budget:,} evaluations, {workers} workers, rounds of {each}, {ahead} ahead: "
        f"{clock / 3600:.1f} virtual hours in {real:.0f} s; {deaths} workers died; "
        f"{busy / clock / workers:.0%} of the workers' time was evaluation; history "
        f"{'the same as' if same else 'OTHER THAN'} that of one process"
    )
    for kind, found in timed.seconds.items():
        print(f"{kind:8} {len(found):7,} calls {1e3 * np.mean(found):8.2f} ms each")
    per_evaluation = timed.mean("claim") + timed.mean("store")
    per_second = (timed.mean("beat") + timed.mean("look")) / BEAT  # of each worker
    print(
        f"an evaluation costs the database {1e3 * per_evaluation:.1f} ms, and a worker "
        f"{1e3 * per_second:.2f} ms a second for signs of life: one connection at a time is busy "
        f"all the time with {1 / (per_evaluation / MEAN + per_second):,.0f} workers of evaluations "
        f"of {MEAN:g} s, and with {1 / (per_evaluation + per_second):,.0f} of 1 s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--round", type=int, default=1000, dest="each")
    parser.add_argument("--ahead", type=int, default=0, help="rounds that begin early")
    args = parser.parse_args()
    with postgres_server("max_connections=200") as server:
        simulate(server, args.evaluations, args.workers, args.each, args.ahead)


if __name__ == "__main__":
    main()
