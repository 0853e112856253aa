"""Search for a long time and watch what a process holds: memory, files, threads.

    python benchmarks/soak.py [--budget 10000] [--strategy guided] [--restart 5000]

One search of a space of 4^16 architectures whose evaluation costs nothing, stored in SQLite. Prints
after each tenth: resident memory, memory that Python and NumPy hold, open files, threads, and CPU
milliseconds per evaluation. The search runs in a fresh process; after ``--restart`` evaluations it
is ended and another process goes on.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import archrank as ar

STRATEGIES = {
    "guided": ar.strategies.Guided,
    "evolution": ar.strategies.RegularizedEvolution,
    "random": ar.strategies.Random,
}


def total(config: dict[str, int]) -> float:
    return float(sum((-1) ** k * v**1.5 for k, v in enumerate(config.values())))


class Gauge:
    """Prints a line after every tenth of the budget."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.cpu, self.n = time.process_time(), -1

    def started(self, study: ar.Study, budget: int | None, minutes: float | None) -> None:
        self.n = len(study.records)

    def works_on(self, study: ar.Study, archs: object) -> None:
        pass

    def finished_one(self, study: ar.Study, record: object) -> None:
        n = len(study.records)
        if n % self.step:
            return
        gc.collect()
        status = dict(
            line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
        )
        each = (time.process_time() - self.cpu) / (n - self.n) * 1000
        print(
            f"{n:6,} evaluations | {int(status['VmRSS'].split()[0]) / 1024:6.0f} MiB | "
            f"{len(gc.get_objects()):9,} objects | {len(os.listdir('/proc/self/fd'))} files | "
            f"{threading.active_count()} threads | {each:.1f} CPU-ms each",
            flush=True,
        )
        self.cpu, self.n = time.process_time(), n

    def ended(self, study: ar.Study) -> None:
        pass


def search(strategy: str, database: Path, until: int, step: int) -> None:
    choices = {f"k{i}": list(range(4)) for i in range(16)}
    space = ar.spaces.from_choices(choices, build=lambda config, task: None, name="soak")
    study = ar.Study(
        space,
        ar.evaluators.Function(total),
        STRATEGIES[strategy](),
        storage=f"sqlite:///{database}",
    )
    study.run(until, watcher=Gauge(step))
    best, n = study.best, len({r.string for r in study.records})
    print(f"best {best.values}, {n:,} different of {len(study.records):,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=10_000)
    parser.add_argument("--strategy", choices=STRATEGIES, default="guided")
    parser.add_argument("--restart", type=int, default=5000)
    parser.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    step = max(1, arguments.budget // 10)
    if arguments.database:
        search(arguments.strategy, arguments.database, arguments.budget, step)
        return
    with tempfile.TemporaryDirectory() as folder:
        for until in sorted({min(arguments.restart, arguments.budget), arguments.budget}):
            again = [sys.executable, __file__, "--strategy", arguments.strategy]
            again += ["--budget", str(until), "--database", f"{folder}/soak.db"]
            subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
