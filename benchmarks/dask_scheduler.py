"""What evaluations and workers cost the Dask scheduler.

    OMP_NUM_THREADS=1 python benchmarks/dask_scheduler.py
    OMP_NUM_THREADS=1 python benchmarks/dask_scheduler.py --workers 10 50 --evaluations 500

The scheduler is a process of its own; its processor time is read before and after. Workers are
200 objects of one other process, since so many processes of their own do not fit into a small
machine; to the scheduler they are the same, each with its connection, its thread and its signs of
life. Evaluations return at once, sent by the executor that ``archrank search --cluster`` uses, one
round of five for each worker at a time, so that what is measured is their handling.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import subprocess
import sys
import tempfile
import time
from concurrent.futures import wait
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import IO, Any

import numpy as np
import psutil

from archrank.parallel.dask import Cluster
from archrank.parallel.worker import Evaluated

IDLE = 20.0  # seconds over which the cost of signs of life is measured
ARCH_BYTES, EACH = 40, 5  # of a call; calls in a round for each worker


def evaluate(arch: Any) -> list[Evaluated]:
    """Return what an evaluation returns, at once."""
    return [
        Evaluated({"valid_accuracy": float(arch[0]), "macs": 1e6, "params": 1e5}, None, 0.0, 0.0)
    ]


def be_workers(address: str, n: int, stop: Event) -> None:
    """Be ``n`` workers until ``stop``; the whole life of a process."""
    from distributed import Worker

    logging.getLogger("distributed").setLevel(logging.CRITICAL)

    async def live() -> None:
        workers = [Worker(address, nthreads=1, dashboard=False) for _ in range(n)]
        await asyncio.gather(*workers)
        while not stop.is_set():
            await asyncio.sleep(0.2)
        await asyncio.gather(*(worker.close() for worker in workers))

    asyncio.run(live())


def address_in(log: IO[str]) -> str:
    """Return the address that a scheduler has written, or will write, to its log."""
    while True:
        log.seek(0)
        for line in log:
            if "Scheduler at:" in line:
                return line.split()[-1]
        time.sleep(0.1)


def measure(n: int, evaluations: int) -> tuple[float, float, float]:
    """Return the scheduler's seconds of processor for a call and for a second, and the pace.

    Args:
        n: workers.
        evaluations: calls.

    Returns:
        Processor seconds of a call beyond those of a second in which nothing is called, these, and
        calls a second on the clock.
    """
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    command += ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as scheduler,
    ):
        address = address_in(log)
        context = get_context("spawn")
        stop = context.Event()
        workers = context.Process(target=be_workers, args=(address, n, stop))
        workers.start()
        process = psutil.Process(scheduler.pid)

        def used() -> float:
            times = process.cpu_times()
            return float(times.user + times.system)

        with Cluster(address) as cluster:
            while cluster.workers < n:
                time.sleep(0.2)
            archs = np.zeros((EACH * n, ARCH_BYTES), dtype=np.uint8)
            wait([cluster.submit(evaluate, arch) for arch in archs])  # imports, connections
            before = used()
            time.sleep(IDLE)
            idle = (used() - before) / IDLE
            before, start, done = used(), time.perf_counter(), 0
            while done < evaluations:
                futures = [cluster.submit(evaluate, arch) for arch in archs]
                assert all(future.result() for future in futures)
                done += len(futures)
            took = time.perf_counter() - start
            each = (used() - before - idle * took) / done
        stop.set()
        workers.join()
        scheduler.terminate()
    return each, idle, done / took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--evaluations", type=int, default=4000)
    args = parser.parse_args()
    for n in args.workers:
        each, idle, pace = measure(n, args.evaluations)
        print(
            f"{n:4} workers: {1e3 * each:.2f} ms of the scheduler for an evaluation, "
            f"{1e3 * idle:.1f} ms a second while nothing is evaluated; {pace:.0f} evaluations a "
            "second here",
            flush=True,
        )


if __name__ == "__main__":
    main()
