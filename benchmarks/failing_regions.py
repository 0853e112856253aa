"""Evaluations that fail in guided search, where failures can be foreseen and where they cannot.

    python benchmarks/failing_regions.py --data DIR --half report [--seeds 10] [--budget 60]

Tables of cells, parts of which are made to fail: the largest 40 % ("large"), all with one operation
on either of two edges ("operation"), all with the same operation on two edges ("pair"), and a fifth
by chance. With foresight (:mod:`archrank.strategies.failing`) and without. Printed are failures per
search and the place of the best found among all cells that do not fail, in percent: means, and the
standard error of the difference.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from tables_at_hand import Problem, problems

from archrank.spaces import Space
from archrank.strategies import Guided
from archrank.strategies.history import History
from archrank.types import Archs, Bools, Floats

KINDS = ("large", "operation", "pair", "chance")


def fails(kind: str, space: Space, archs: Archs) -> Bools:
    """Mark the cells that fail, ``(n,)``."""
    if kind == "large":
        options = space.choices[0].options  # of every edge
        weights = np.array([9 * ("conv_3x3" in str(o)) + ("1x1" in str(o)) for o in options])
        size = weights[archs].sum(axis=1)
        return size > np.quantile(size, 0.6)
    if kind == "operation":
        return (archs[:, [0, 3]] == 1).any(axis=1)
    if kind == "pair":
        return archs[:, 0] == archs[:, 3]
    return np.random.default_rng(0).random(len(archs)) < 0.2


def search(
    problem: Problem, bad: Bools, seed: int, budget: int, *, foresight: bool
) -> tuple[int, float]:
    """Return the number of failures, and the place of the best found in percent."""
    data, strategy = problem.data, Guided()
    rows = {row.tobytes(): i for i, row in enumerate(data.archs)}
    found: list[int] = []
    while len(found) < budget:
        failed = bad[found]
        values = np.where(failed, np.nan, problem.labels[found])
        history = History(
            data.space,
            data.archs[found],
            values[:, None],
            np.zeros(len(found)),
            failed=failed if foresight else None,
        )
        rng = np.random.default_rng([seed, len(found)])
        picks = strategy.propose(history, strategy.batch(history), rng=rng)
        found += [rows[row.tobytes()] for row in picks]
    found = found[:budget]
    ok = [i for i in found if not bad[i]]
    best = max(ok, key=lambda i: problem.labels[i])
    return int(bad[found].sum()), 100 * float((problem.truth[~bad] > problem.truth[best]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("choose", "report"), required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--only", default="", help="tables whose names have this in them")
    args = parser.parse_args()
    print("| table | fails | share | failures without, with | best without, with (%) |")
    print("|---|---|---|---|---|")
    for problem in problems(args.data):
        if problem.half != args.half or not problem.searched or args.only not in problem.name:
            continue
        for kind in args.kinds:
            bad = fails(kind, problem.data.space, problem.data.archs)
            runs = np.array(
                [
                    [
                        search(problem, bad, seed, args.budget, foresight=foresight)
                        for foresight in (False, True)
                    ]
                    for seed in range(args.seeds)
                ]
            )
            print(
                f"| {problem.name} | {kind} | {bad.mean():.0%} | {cell(runs[..., 0])} |"
                f" {cell(runs[..., 1])} |",
                flush=True,
            )


def cell(values: Floats) -> str:
    """Write means without and with foresight, ``(seeds, 2)``, and how sure their difference is."""
    change = values[:, 1] - values[:, 0]
    error = change.std(ddof=1) / np.sqrt(len(change))
    before, after = values.mean(axis=0)
    return f"{before:.3g}, {after:.3g} (difference ± {error:.2g})"


if __name__ == "__main__":
    main()
