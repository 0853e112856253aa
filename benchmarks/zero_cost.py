"""Zero-cost proxies: against published values, against trained accuracy, and as weak labels.

    python benchmarks/zero_cost.py table --zc nb201_zc.csv.gz --table nb201.csv.gz --cells 300
    python benchmarks/zero_cost.py digits --table nb201.csv.gz
    python benchmarks/zero_cost.py weak --table nb201.csv.gz --draws 15

``table``: the published networks (16 channels, 5 cells per stage) on random images and on digits
blown up to 3x32x32, Spearman with the published column and Kendall tau with the table's test
accuracy. ``digits``: the small networks of the task `digits`, and what they cost. ``weak``: the
default ranker with those of all 6,466 classes (or of `--pool`) as weak labels, against none.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

import archrank as ar
from archrank.criteria import kendall_tau
from archrank.proxies import DEFAULT, scores
from archrank.rankers import RANKERS
from archrank.tables import load_table
from archrank.tasks import Digits, ImageClassification, Split, Splits

PUBLISHED = {"jacob_cov": "jacov", "naswot": "nwot"}  # where the column has another name


@dataclass(frozen=True)
class Images(ImageClassification):
    """Images of CIFAR's shape: random numbers, or digits blown up."""

    digits: bool = False

    def load(self) -> Splits:
        split = _images(self.digits)
        return Splits(split, split, split)


@lru_cache
def _images(digits: bool) -> Split:
    if digits:
        x, y = Digits().load().train
        x = torch.nn.functional.interpolate(x, size=(32, 32), mode="bilinear")
        return Split(x.expand(-1, 3, -1, -1).contiguous(), y)
    rng = torch.Generator().manual_seed(0)
    n = 512
    return Split(torch.randn(n, 3, 32, 32, generator=rng), torch.randint(10, (n,), generator=rng))


def spearman(a: np.ndarray, b: np.ndarray) -> str:
    both = np.isfinite(a) & np.isfinite(b)
    return f"{spearmanr(a[both], b[both]).statistic:.3f} ({both.sum()})"


def tau(a: np.ndarray, truth: np.ndarray) -> str:
    known = np.isfinite(a)
    return f"{kendall_tau(a[known], truth[known]):.3f}"


def against_table(args: argparse.Namespace) -> None:
    space = ar.spaces.NASBench201()
    zc = pd.read_csv(args.zc, dtype={"arch": str}).query("dataset == 'cifar10'")
    zc = zc.sample(args.cells, random_state=0).replace(-1e8, np.nan)  # their mark of failure
    archs = space.parse(list(zc.arch))
    table = load_table(args.table, space)
    truth = table.column("c10_test")[table.rows(archs)]
    for task, n, names in (
        (Images(), args.cells, ("synflow",)),
        (Images(), args.some, DEFAULT[1:]),
        (Images(digits=True), args.some, DEFAULT[1:]),
    ):
        start = time.process_time()
        found = scores(space, archs[:n], task, names, batch_size=args.batch)
        seconds = (time.process_time() - start) / n
        print(f"{'digits' if task.digits else 'random'}: {n} cells, {seconds:.2f} CPU-s per cell")
        for name, values in found.items():
            column = zc[PUBLISHED.get(name, name)].to_numpy()[:n]
            print(
                f"  {name:10} Spearman with published {spearman(values, column)}, tau with "
                f"c10_test {tau(values, truth[:n])} (published {tau(column, truth[:n])})",
                flush=True,
            )


def on_digits(args: argparse.Namespace) -> None:
    space = ar.spaces.NASBench201()
    table = load_table(args.table, space)
    rows = np.random.default_rng(0).choice(len(table), args.cells, replace=False)
    archs, truth = table.archs[rows], table.column("c10_test")[rows]
    for batch in (32, 64):
        start = time.process_time()
        found = scores(space, archs, Digits(), batch_size=batch)
        ms = (time.process_time() - start) / len(rows) * 1e3
        print(f"digits, batch {batch}: {ms:.1f} CPU-ms per cell for all {len(found)}")
        for name, values in (found | space.cost(archs)).items():
            failed = np.isnan(values).sum()
            print(f"  {name:10} tau with c10_test {tau(values, truth)}, {failed} undefined")


def as_weak_labels(args: argparse.Namespace) -> None:
    space = ar.spaces.NASBench201()
    table = load_table(args.table, space)
    labels, truth = table.column("c10_val"), table.column("c10_test")
    classes = np.unique(space.canonical(space.enumerate()), axis=0)  # (6466, 6)
    if args.pool < len(classes):
        classes = np.random.default_rng(0).permutation(classes)[: args.pool]
    start = time.process_time()
    found = scores(space, classes, Digits(), batch_size=args.batch)
    print(f"{len(classes)} classes: {time.process_time() - start:.0f} CPU-s", flush=True)
    for names in ((), *[(name,) for name in DEFAULT], DEFAULT):
        line = []
        for n in args.labels:
            taus = []
            for seed in range(args.draws):
                rows = np.random.default_rng([seed, n]).choice(len(table), n, replace=False)
                ranker = RANKERS.get("default")(space, seed=seed)
                if names:
                    ranker.pretrain(classes, {name: found[name] for name in names})
                ranker.fit(table.archs[rows], labels[rows])
                taus.append(kendall_tau(ranker.predict(table.archs), truth))
            line.append(f"{n} labels {np.mean(taus):.3f} ± {np.std(taus):.3f}")
        print(f"  {'all five' if names == DEFAULT else ''.join(names) or 'none':10}", *line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=["table", "digits", "weak"])
    parser.add_argument("--zc", default="nb201_zc.csv.gz")
    parser.add_argument("--table", required=True)
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--some", type=int, default=100, help="cells of the dearer proxies")
    parser.add_argument("--pool", type=int, default=6466, help="classes with weak labels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 78])
    parser.add_argument("--draws", type=int, default=15)
    args = parser.parse_args()
    {"table": against_table, "digits": on_digits, "weak": as_weak_labels}[args.part](args)


if __name__ == "__main__":
    main()
