"""Weak labels of the default ranker: searches, and orders from random labels, with and without.

    python benchmarks/weak_labels.py search --table nb201.csv.gz --set c100_val:c100_test \
        --weak nb201_supernet.csv.gz:oneshot_acc --seeds 20
    python benchmarks/weak_labels.py rank --table digits201 --weak oneshot_accuracy --seeds 20

A set is VALID:TEST, columns to learn from and to judge by. A weak label is a column of the table, a
column of another as FILE:COLUMN, or macs or params. ``search`` prints the test metric of the best
architecture by VALID after some numbers of evaluations; ``rank`` Kendall's tau with TEST over all
architectures and over the better half of them, from random labels; both without weak labels, with
them, and the difference with its standard error over seeds, which are the same for both.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import archrank as ar
from archrank.criteria import kendall_tau
from archrank.rankers import GaussianProcess
from archrank.runs.weak import weak_label
from archrank.tables import BenchTable, load_table
from archrank.types import Floats

Measure = Callable[[GaussianProcess, int], list[float]]  # a ranker and a seed to numbers


def search(table: BenchTable, valid: Floats, test: Floats, args: argparse.Namespace) -> Measure:
    """Return a function that searches and tells the test metric at every number of evaluations."""
    name = args.set.partition(":")[0]

    def measure(ranker: GaussianProcess, seed: int) -> list[float]:
        strategy = ar.strategies.Guided(ranker)
        study = ar.Study(table.space, ar.evaluators.Table(table, name), strategy, seed=seed)
        records = study.run(max(args.at)).records
        rows = table.rows(np.array([record.arch for record in records]))
        return [float(test[rows[:k][valid[rows[:k]].argmax()]]) for k in args.at]

    return measure


def rank(table: BenchTable, valid: Floats, test: Floats, args: argparse.Namespace) -> Measure:
    """Return a function that tells tau over all and the better half at every number of labels."""
    half = test >= np.median(test)

    def measure(ranker: GaussianProcess, seed: int) -> list[float]:
        found = []
        for n in args.labels:
            rows = np.random.default_rng([seed, n]).choice(len(table), n, replace=False)
            order = ranker.fit(table.archs[rows], valid[rows]).predict(table.archs)
            found += [kendall_tau(order, test), kendall_tau(order[half], test[half])]
        return found

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=["search", "rank"])
    parser.add_argument("--table", required=True)
    parser.add_argument("--set", default="valid_accuracy:test_accuracy", metavar="VALID:TEST")
    parser.add_argument("--weak", nargs="+", required=True, metavar="LABELS")
    parser.add_argument("--shuffle", action="store_true", help="give labels to wrong architectures")
    parser.add_argument("--at", type=int, nargs="+", default=[5, 10, 25, 50], help="evaluations")
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 50])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    args = parser.parse_args()
    space = ar.spaces.NASBench201()
    table = load_table(args.table, space)
    valid, test = (table.objective(name) for name in args.set.split(":"))
    weak = {spec: weak_label(spec, table) for spec in args.weak}
    if args.shuffle:
        weak = {k: np.random.default_rng(0).permutation(v) for k, v in weak.items()}
    plain = GaussianProcess(space)
    taught = GaussianProcess(space).pretrain(table.archs, weak)
    measure = {"search": search, "rank": rank}[args.part](table, valid, test, args)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    without, with_weak = (
        np.array([measure(ranker, seed) for seed in seeds]) for ranker in (plain, taught)
    )
    gain = with_weak - without
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain))
    if args.part == "search":
        names = [f"@{k}" for k in args.at]
    else:
        names = [f"{n} labels, {over}" for n in args.labels for over in ("all", "better half")]
    unit = 100 if args.part == "search" and np.nanmax(test) <= 1 else 1  # percent, or tau
    for name, *values in zip(
        names, without.mean(0), with_weak.mean(0), gain.mean(0), error, strict=True
    ):
        a, b, difference, doubt = (unit * value for value in values)
        print(f"{name:24} without {a:.3f}  with {b:.3f}  {difference:+.3f} ± {doubt:.3f}")


if __name__ == "__main__":
    main()
