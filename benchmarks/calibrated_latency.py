"""Milliseconds and margins of rankers, judged on HAT's measurements.

    python benchmarks/calibrated_latency.py --table DATA/hat_latency.csv.gz --draws 10

Of each of four pairs of task and hardware, 2,000 latencies: n random ones are learnt, all others
judge. ``covered``: share that is not slower than ``upper_ms``, which should be .90; ``kept``: share
of what ``within`` lets through that keeps the limit, at the latencies that 10, 25 and 50 % of all
are below; ``found``: share of what keeps the limit that is let through.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np

from archrank.criteria.correlation import kendall_tau
from archrank.rankers import RANKERS, CalibratedLatency
from archrank.spaces import HATAverages
from archrank.tables import load_table
from archrank.types import Archs, Floats

PAIRS = (
    ("iwslt14deen", "gpu_titanxp"),
    ("wmt14enfr", "cpu_raspberrypi"),
    ("wmt14ende", "cpu_xeon"),
    ("wmt14ende", "gpu_titanxp"),
)
SHARES = (0.1, 0.25, 0.5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 200])
    parser.add_argument(
        "--rankers",
        nargs="+",
        default=["default", "ranknas", "random_forest", "linear", "decoder_layers"],
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    space = HATAverages()
    for task, hardware in PAIRS:
        table = load_table(options.table, space, where={"task": task, "hardware": hardware})
        ms = table.column("latency_ms")
        for n in options.labels:
            for name in options.rankers:
                rows = [judge(name, space, table.archs, ms, n, d) for d in range(options.draws)]
                told(f"{task} {hardware} {n:>4} {name:<14}", np.array(rows))


def judge(
    name: str, space: HATAverages, archs: Archs, ms: Floats, n: int, draw: int
) -> list[float]:
    order = np.random.default_rng(draw).permutation(len(archs))
    learnt, others = order[:n], order[n:]
    start = time.process_time()
    model = CalibratedLatency(RANKERS.get(name)(space), seed=draw).fit(archs[learnt], ms[learnt])
    seconds = time.process_time() - start
    truth, rows = ms[others], archs[others]
    upper, predicted = model.upper_ms(rows), model.predict_ms(rows)
    kept, found = [], []
    for limit in np.quantile(ms, SHARES):
        inside, fast = upper <= limit, truth <= limit
        kept.append(fast[inside].mean() if inside.any() else np.nan)
        found.append((inside & fast).sum() / fast.sum())
    error = np.abs(predicted - truth).mean()
    tau = kendall_tau(predicted, truth)
    return [model.margin, (truth <= upper).mean(), *kept, *found, error, tau, seconds]


def told(what: str, rows: Floats) -> None:
    mean = np.nanmean(rows, axis=0)
    numbers = [f"{x:.3f}" for x in mean[2:8]]
    print(
        f"{what} margin {mean[0]:.3f}, covered {mean[1]:.3f} ± {rows[:, 1].std(ddof=1):.3f}, kept "
        f"{' '.join(numbers[:3])}, found {' '.join(numbers[3:])}, error {mean[8]:.2f} ms, tau "
        f"{mean[9]:.3f}, {mean[10]:.2f} CPU-s",
        flush=True,
    )


if __name__ == "__main__":
    main()
