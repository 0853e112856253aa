"""What rounds that begin before the last are complete gain and cost: ``Study(ahead=)``.

    OMP_NUM_THREADS=1 python benchmarks/rounds_ahead.py busy
    OMP_NUM_THREADS=1 python benchmarks/rounds_ahead.py search RUN --data DIR --seeds 8
    OMP_NUM_THREADS=1 python benchmarks/rounds_ahead.py print RUN

``busy`` simulates 4,000 evaluations, whose times vary by half (log-normal, sigma 0.5), and prints
the share of the workers' time that is evaluation. ``search`` makes guided searches of 110
evaluations in whole tables of the half for choices, with rounds of two one after the other and
with eight architectures in flight in three ways; ``print`` gives medians of the evaluations until
the best is seen, and paired differences. RUN is a file of JSON lines; ``search`` goes on there.
"""

from __future__ import annotations

import argparse
import heapq
import json
from pathlib import Path

import numpy as np
from json_lines import read
from tables_at_hand import CHOOSE, problems

import archrank as ar

WORKERS, EVALUATIONS, SIGMA = (4, 16, 200), 4000, 0.5
BUDGET = 110
TABLES = ("digits201", "transnas class_scene", "nb201 c100")
WAYS = ((2, 0), (8, 0), (4, 1), (2, 3))  # architectures in a round, rounds ahead


def share_busy(workers: int, size: int, ahead: int, seed: int = 0) -> float:
    """Return the share of the time of ``workers`` that is evaluation, in rounds of ``size``."""
    times = np.random.default_rng(seed).lognormal(-(SIGMA**2) / 2, SIGMA, EVALUATIONS)
    free = [0.0] * workers  # when each worker is free
    complete: list[float] = []  # when each round and all before it are
    for start in range(0, EVALUATIONS, size):
        before = len(complete) - ahead - 1
        ready = complete[before] if before >= 0 else 0.0
        ends = []
        for took in times[start : start + size]:
            ends.append(max(heapq.heappop(free), ready) + float(took))
            heapq.heappush(free, ends[-1])
        complete.append(max(ends + complete[-1:]))
    return float(times.sum() / workers / complete[-1])


def busy() -> None:
    """Print shares for several numbers of workers."""
    for w in WORKERS:
        ways = [(2, 0), (w, 0), (2 * w, 0), (4 * w, 0), (w // 2, 3), (w, 1), (w, 2), (w, 4)]
        for size, ahead in ways:
            share = share_busy(w, size, ahead)
            print(f"{w:4} workers, rounds of {size:4}, {ahead:3} ahead: {share:.0%}")


def search(run: Path, data: Path, seeds: int) -> None:
    """Search all tables in all ways that ``run`` lacks."""
    keys = ("table", "size", "ahead", "seed")
    done = {tuple(each[k] for k in keys) for each in read(run)}
    tables = {each.name: each for each in problems(data) if each.half == CHOOSE}
    for seed in range(seeds):
        for name in TABLES:
            for size, ahead in WAYS:
                if (name, size, ahead, seed) in done:
                    continue
                problem = tables[name]
                evaluator = ar.evaluators.Table(problem.data.table, problem.label)
                strategy = ar.strategies.Guided(batch_size=size)
                study = ar.Study(problem.data.space, evaluator, strategy, ahead=ahead, seed=seed)
                values = [problem.sign * r.values[problem.label] for r in study.run(BUDGET).records]
                seen = np.flatnonzero(np.array(values) == problem.labels.max())
                first = int(seen[0]) + 1 if len(seen) else BUDGET + 1
                found = dict(zip(keys, (name, size, ahead, seed), strict=True))
                with run.open("a") as file:
                    file.write(json.dumps({**found, "first": first}) + "\n")


def show(run: Path) -> None:
    """Print medians, and differences to the first way, paired by seed."""
    rows = read(run)
    for name in TABLES:
        base: dict[int, int] = {}
        for size, ahead in WAYS:
            mine = [r for r in rows if (r["table"], r["size"], r["ahead"]) == (name, size, ahead)]
            firsts = {r["seed"]: r["first"] for r in mine}
            base = base or firsts
            more = np.array([first - base[seed] for seed, first in firsts.items()])
            error = more.std(ddof=1) / np.sqrt(len(more))
            print(
                f"{name:22} rounds of {size}, {ahead} ahead: {np.median([*firsts.values()]):5.1f}; "
                f"{more.mean():+5.1f} +- {error:.1f}, {len(more)} seeds"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=["busy", "search", "print"])
    parser.add_argument("run", type=Path, nargs="?", default=Path("rounds_ahead.jsonl"))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    args = parser.parse_args()
    if args.part == "busy":
        busy()
    elif args.part == "print":
        show(args.run)
    elif args.data is None:
        parser.error("search needs --data, the folder of the tables")
    else:
        search(args.run, args.data, args.seeds)


if __name__ == "__main__":
    main()
