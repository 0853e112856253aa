"""Values and uncertainty of ``Calibrated``, judged on published and built-in tables.

    python benchmarks/calibrated_values.py --data DATA --which reported --seeds 8

Of each table ``n`` random architectures are learnt and 400 others judge. ``covered``: share within
two standard deviations, which should be .9545; ``best fifth``: the same among the architectures
with the best fifth of predicted values; ``within one``: share within one; ``width``: four standard
deviations on average; ``score``: the interval score (Gneiting and Raftery, 2007), width and penalty
for what is missed, lower is better; ``error``: mean absolute error. The last three are in standard
deviations of the column. The settings of the calibration were chosen on the tables ``chosen``
alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np

from archrank.rankers import RANKERS, Calibrated
from archrank.spaces import SPACES, Space
from archrank.tables import load_table
from archrank.types import Archs, Floats

CELLS, MICRO = "nasbench201", "transnas101_micro"
CHOSEN = (
    ("nb201.csv.gz", CELLS, "c10_test", {}),
    ("hat_latency.csv.gz", "", "latency_ms", {"task": "iwslt14deen", "hardware": "gpu_titanxp"}),
    ("hwgpt_s.csv.gz", "", "perplexity", {}),
    ("transnas101_micro.csv.gz", MICRO, "class_scene", {}),
    ("digits201", CELLS, "test_accuracy", {}),
)
REPORTED = (
    ("nb201.csv.gz", CELLS, "c100_val", {}),
    ("hat_latency.csv.gz", "", "latency_ms", {"task": "wmt14enfr", "hardware": "cpu_raspberrypi"}),
    ("hat_latency.csv.gz", "", "latency_ms", {"task": "wmt14ende", "hardware": "cpu_xeon"}),
    ("hat_latency.csv.gz", "", "latency_ms", {"task": "wmt14ende", "hardware": "gpu_titanxp"}),
    ("hwgpt_s.csv.gz", "", "gpulat_a100", {}),
    ("hwgpt_s.csv.gz", "", "gpuenergy_v100", {}),
    ("transnas101_micro.csv.gz", MICRO, "jigsaw", {}),
    ("transnas101_micro.csv.gz", MICRO, "autoencoder", {}),
    ("glyphs201", CELLS, "test_accuracy", {}),
)
NAMES = ("covered", "best fifth", "within one", "width", "score", "error", "CPU-s")
TWO_SD = 0.9545
JUDGES = 400


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--which", choices=["chosen", "reported"], default="reported")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 35, 50, 100, 200])
    parser.add_argument("--ranker", default="default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    print(f"{'':<44} labels {' '.join(f'{name:>10}' for name in NAMES)}")
    for file, space_name, column, where in CHOSEN if options.which == "chosen" else REPORTED:
        space = SPACES.get(space_name)() if space_name else None
        path = options.data / file if "." in file else file
        table = load_table(path, space, where=where)
        values, sign = table.column(column), 1 if table.directions.get(column) == "maximize" else -1
        known = np.isfinite(values)
        table_rows = []
        for n in options.labels:
            rows = [
                judge(options.ranker, table.space, table.archs[known], values[known], n, seed, sign)
                for seed in range(options.seeds)
            ]
            told(f"{file.split('.')[0]} {column} {where.get('hardware', '')}", n, rows)
            table_rows.append(np.mean(rows, axis=0))
        found.append(table_rows)
    for n, rows in zip(options.labels, np.swapaxes(found, 0, 1), strict=True):
        told("all", n, rows)
    told("all", "all", np.concatenate(found))


def judge(
    name: str, space: Space, archs: Archs, values: Floats, n: int, seed: int, sign: int
) -> Floats:
    order = np.random.default_rng([seed, n]).permutation(len(archs))
    learnt, others = order[:n], order[n : n + JUDGES]
    start = time.process_time()
    model = Calibrated(RANKERS.get(name)(space), seed=seed).fit(archs[learnt], values[learnt])
    predicted, sd = model.predict(archs[others])
    seconds = time.process_time() - start
    errors = np.abs(values[others] - predicted)
    best = sign * predicted >= np.quantile(sign * predicted, 0.8)
    inside = errors <= 2 * sd
    score = 4 * sd + 2 / (1 - TWO_SD) * np.maximum(errors - 2 * sd, 0)
    scale = values.std()
    return np.array(
        [
            *(inside.mean(), inside[best].mean(), (errors <= sd).mean()),
            *(4 * sd.mean() / scale, score.mean() / scale, errors.mean() / scale, seconds),
        ]
    )


def told(what: str, n: object, rows: object) -> None:
    numbers = " ".join(f"{value:>10.3f}" for value in np.mean(rows, axis=0))  # type: ignore[arg-type]
    print(f"{what:<44} {n:>6} {numbers}", flush=True)


if __name__ == "__main__":
    main()
