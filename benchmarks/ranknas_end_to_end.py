"""Search by RankNAS from start to end under a limit of the latency, beside random search.

OMP_NUM_THREADS=1 python benchmarks/ranknas_end_to_end.py hat_small dates RUN --seeds 3

Latencies of 128 architectures are measured first, for all searches. Random search has as much CPU
time as RankNAS, and trains only what is predicted to keep the limit. A search whose winners all
break it when they are measured again trains one more until one keeps it. RUN keeps everything; a
stopped measurement goes on there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np

from archrank.spaces import SPACES
from archrank.tables.base import load_table
from archrank.tasks import TASKS


def archrank(*words: str, check: bool = True) -> str:
    """Run a command; return what it prints."""
    command = [sys.executable, "-m", "archrank", *words]
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, text=True).stdout


def searched(folder: Path, *words: str) -> float:
    """Search in ``folder``, or go on; return the CPU seconds so far.

    A search that has found nothing within the limit yet ends with an error, and may go on.
    """
    kept = folder.with_suffix(".json")
    before = json.loads(kept.read_text()) if kept.exists() else 0.0
    start = getrusage(RUSAGE_CHILDREN)
    archrank("search", "--workers", "1", "--run", str(folder), *words, check=False)
    end = getrusage(RUSAGE_CHILDREN)
    seconds = before + end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    kept.write_text(json.dumps(seconds))
    return seconds


def found(folder: Path) -> bool:
    """Tell whether a search has found anything that keeps the limit when measured again."""
    return archrank("best", str(folder), "--json", check=False) != ""


def main() -> None:
    """Print winners, their latencies and losses, for every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space")
    parser.add_argument("task")
    parser.add_argument("run", type=Path)
    parser.add_argument(
        "--share", type=float, default=0.5, help="of architectures within the limit"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=3, help="winners that are trained")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    space = SPACES.get(args.space)()
    networks = space.networks(TASKS.get(args.task)())
    asked = ("--space", args.space, "--task", args.task)
    table = args.run / "latencies.parquet"
    archrank("tables", "latency", *asked, "-n", "128", "--out", str(table))
    timed = load_table(table, space)
    largest = int(networks.cost(timed.archs)["params"].argmax())
    ms = timed.column("latency_ms")
    limit = round(float(np.quantile(ms, args.share)))
    print(
        f"{ms.min():.1f} to {ms.max():.1f} ms; the largest network {ms[largest]:.1f}, limit {limit}"
    )
    asked += ("--metric", "valid_loss", "--constraint", f"latency_ms<={limit}")
    asked += ("--latency-table", str(table))
    for seed in range(args.seeds):
        ours, theirs = (args.run / f"{name}-{seed}" for name in ("ranknas", "random"))
        given = (*asked, "--seed", str(seed))
        budget, cost = args.budget, 0.0
        while cost == 0.0 or not found(ours):
            cost = searched(ours, *given, "--strategy", "ranknas", "--budget", str(budget))
            budget += 1
        spent, budget = 0.0, 0
        while spent < cost:
            budget += 1
            more = ("--strategy", "random", "--batch", "1", "--budget", str(budget))
            spent = searched(theirs, *given, *more)
        for name, folder, seconds in (("RankNAS", ours, cost), ("random", theirs, spent)):
            best = json.loads(archrank("best", str(folder), "--json"))
            print(f"seed {seed}, {name}, {seconds:.0f} CPU-s: {json.dumps(best)}", flush=True)


if __name__ == "__main__":
    main()
