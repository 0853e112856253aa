"""Kendall tau of rankers on all of NAS-Bench-201 from few random labels.

    python benchmarks/tau_nasbench201.py --table nb201.csv.gz --labels 78 --draws 15

Trained on c10_val, judged on c10_test (ceiling .891, the tau between the two columns).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import archrank as ar
from archrank.criteria import kendall_tau
from archrank.rankers import RANKERS
from archrank.tables import load_table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--table", required=True)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 78])
    parser.add_argument("--draws", type=int, default=15)
    parser.add_argument(
        "--rankers", nargs="+", default=[n for n in RANKERS.names() if n != "default"]
    )
    parser.add_argument("--train-on", default="c10_val")
    parser.add_argument("--judge-on", default="c10_test")
    parser.add_argument("--weak", nargs="*", default=[], metavar="FILE:COLUMN")
    args = parser.parse_args()
    space = ar.spaces.NASBench201()
    table = load_table(args.table, space)
    labels, truth = table.column(args.train_on), table.column(args.judge_on)
    weak = {}
    for spec in args.weak:
        file, _, column = spec.rpartition(":")
        other = load_table(file, space)
        at = other.rows(table.archs)
        weak[spec] = np.where(at >= 0, other.column(column)[at], np.nan)
    for name in args.rankers:
        for n in args.labels:
            taus = []
            start = time.perf_counter()
            for seed in range(args.draws):
                rows = np.random.default_rng([seed, n]).choice(len(table), n, replace=False)
                ranker = RANKERS.get(name)(space, seed=seed)
                if weak:
                    ranker.pretrain(table.archs, weak)
                ranker.fit(table.archs[rows], labels[rows])
                taus.append(kendall_tau(ranker.predict(table.archs), truth))
            seconds = (time.perf_counter() - start) / args.draws
            print(
                f"{name:18} {n:4} labels  tau {np.mean(taus):.4f} ± {np.std(taus):.4f}  "
                f"{seconds:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
