"""Guided search of spaces too large to be ranked as a whole, with and without local search.

    python benchmarks/large_spaces.py measure RUN --data DIR --seeds 8
    python benchmarks/large_spaces.py print RUN

No table holds such a space, so models of measured architectures stand for the truth: the released
forest of AttentiveNAS's accuracies, within 350 MFLOPs, and forests (extremely randomised trees, on
the space's features) fitted to HW-GPT-Bench's perplexities, of GPT-S, and to Once-for-All's
accuracies. The first two are of the half for choices, Once-for-All of the one that only reports
(``tables_at_hand.py``). Printed are the best true value after 25, 50 and 110 evaluations, and the
difference, in pairs by seed, from the search without local search, both with 20,000 candidates.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from json_lines import read
from sklearn.ensemble import ExtraTreesRegressor
from tables_at_hand import problems

import archrank as ar
from archrank.evaluators import StoredForest
from archrank.spaces import Space
from archrank.spaces.mobile.attentivenas import AttentiveNAS
from archrank.strategies.history import History
from archrank.strategies.region import Region
from archrank.types import Archs, Bools, Floats

STOPS = (25, 50, 110)
MFLOPS = 350
TREES = 200
HALVES = {"attentivenas": "choices", "gpt_s": "choices", "ofa": "reports"}
Model = tuple[Space, Callable[[Archs], Floats], Callable[[Archs], Bools]]


@lru_cache
def model(name: str, folder: Path) -> Model:
    """Return a space, what stands for the truth in it, and what may be proposed."""
    if name == "attentivenas":
        space = AttentiveNAS()
        forest = StoredForest(folder / "attentivenas_acc_predictor.npz").bind(space)
        return (
            space,
            lambda archs: forest.evaluate(archs)["accuracy"],
            lambda archs: space.mflops(archs) <= MFLOPS,
        )
    problem = next(p for p in problems(folder) if name in p.name)
    known = problem.data.space
    trees = ExtraTreesRegressor(TREES, min_samples_leaf=2, random_state=0)
    trees.fit(known.features(problem.data.archs), problem.labels)
    return (
        known,
        lambda archs: trees.predict(known.features(archs)),
        lambda archs: np.ones(len(archs), dtype=bool),
    )


def search(name: str, folder: Path, local_search: int, seed: int) -> dict[str, Any]:
    """Search once."""
    space, truth, allowed = model(name, folder)
    strategy = ar.strategies.Guided(local_search=local_search)
    region = Region.of(allowed)
    archs, values, rounds = np.zeros((0, space.d), dtype=np.uint8), np.zeros(0), 0
    start = time.process_time()
    while len(values) < STOPS[-1]:
        past = History(space, archs, values[:, None], np.zeros(len(values)), region)
        rng = np.random.default_rng([seed, rounds])
        new = strategy.propose(past, strategy.batch(past), rng=rng)
        archs = np.concatenate([archs, new])
        values, rounds = np.concatenate([values, truth(new)]), rounds + 1
    best = np.maximum.accumulate(values)
    return {
        **{f"@{k}": float(best[k - 1]) for k in STOPS},
        "seconds": time.process_time() - start,
    }


def measure(args: argparse.Namespace) -> None:
    """Measure what RUN does not hold yet."""
    known = {tuple(entry["key"]) for entry in read(args.run)}
    with args.run.open("a") as file:
        for seed in range(args.seeds):
            for name in args.problems:
                for steps in args.steps:
                    if (name, steps, seed) not in known:
                        found = search(name, args.data, steps, seed)
                        file.write(json.dumps({"key": (name, steps, seed), **found}) + "\n")
                        file.flush()


def report(args: argparse.Namespace) -> None:
    """Print a table in Markdown."""
    groups: dict[tuple[str, int], dict[int, list[float]]] = defaultdict(dict)
    for entry in read(args.run):
        name, steps, seed = entry["key"]
        groups[name, steps][seed] = [*(entry[f"@{k}"] for k in STOPS), entry["seconds"]]
    head = ["half", "truth", "steps", *(f"after {k}" for k in STOPS), "s", "runs"]
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for (name, steps), found in groups.items():
        plain = groups.get((name, 0), {})
        both = sorted(set(found) & set(plain))
        here = np.array([found[seed] for seed in both])
        gains = here - np.array([plain[seed] for seed in both])
        error = gains.std(axis=0, ddof=1) / len(both) ** 0.5
        cells = [
            f"{here[:, k].mean():.3f}"
            + (f" ({gains[:, k].mean():+.3f} ± {error[k]:.3f})" if steps else "")
            for k in range(len(STOPS))
        ]
        row = [HALVES[name], name, str(steps), *cells, f"{here[:, -1].mean():.1f}", str(len(both))]
        print("| " + " | ".join(row) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["measure", "print"])
    parser.add_argument("run", type=Path, help="file of JSON lines")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--problems", nargs="+", choices=list(HALVES), default=list(HALVES))
    parser.add_argument("--steps", nargs="+", type=int, default=[0, 10], help="of local search")
    parser.add_argument("--seeds", type=int, default=8)
    args = parser.parse_args()
    if args.what == "print":
        report(args)
    elif args.data is None:
        parser.error("measure needs --data")
    else:
        measure(args)


if __name__ == "__main__":
    main()
