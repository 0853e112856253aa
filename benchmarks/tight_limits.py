"""Searches under limits on cheap costs that almost no architecture keeps: is the budget spent?

    OMP_NUM_THREADS=1 python benchmarks/tight_limits.py
    OMP_NUM_THREADS=1 python benchmarks/tight_limits.py --budget 200 --only sum12 --seeds 3

Architectures are sequences of d options 0 to 3. Their cost is the sum of the options, so how many
keep a limit is known exactly; ``band`` asks for one exact sum, ``two`` for few zeros as well, and
``nothing`` for what does not exist. Prints for every strategy how many evaluations of the budget
were made, how many architectures had their limits checked per evaluation, and the processor time
per evaluation. All evaluations differ and keep the limits, or the script fails.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import archrank as ar
from archrank.evaluators import Combined, Evaluations, Evaluator, Metric
from archrank.strategies import Guided, Random, RegularizedEvolution, Strategy
from archrank.types import Archs

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "random": Random,
    "evolution": RegularizedEvolution,
    "guided": Guided,
}
CASES: dict[str, tuple[int, list[str]]] = {  # decisions, limits
    "sum12 <= 6": (12, ["cost<=6"]),
    "sum12 <= 4": (12, ["cost<=4"]),
    "sum12 <= 3": (12, ["cost<=3"]),
    "sum12 < 3": (12, ["cost<3"]),
    "sum20 <= 16": (20, ["cost<=16"]),
    "sum20 <= 12": (20, ["cost<=12"]),
    "sum60 <= 20": (60, ["cost<=20"]),
    "sum12 band 5": (12, ["cost>=5", "cost<=5"]),
    "sum12 two": (12, ["cost<=12", "zeros<=2"]),
    "sum12 nothing": (12, ["cost<0"]),
}


class Costs(Evaluator):
    """Sum of the options and number of zeros; counts what it is asked."""

    metrics = (Metric("cost", "minimize"), Metric("zeros", "minimize"))
    cheap = True
    asked = 0

    def evaluate(self, archs: Archs) -> Evaluations:
        """Count ``archs: (n, d)``."""
        Costs.asked += len(archs)
        cost, zeros = archs.sum(axis=1, dtype=float), (archs == 0).sum(axis=1)
        return Evaluations({"cost": cost, "zeros": zeros.astype(float)})

    def describe(self) -> dict[str, Any]:
        """Return the kind."""
        return {"evaluator": "costs"}


class Score(Evaluator):
    """Weighted sum of the options; needs an evaluation."""

    metrics = (Metric("score"),)

    def evaluate(self, archs: Archs) -> Evaluations:
        """Score ``archs: (n, d)``."""
        weights = np.cos(np.arange(archs.shape[1]))
        return Evaluations({"score": archs @ weights})

    def describe(self) -> dict[str, Any]:
        """Return the kind."""
        return {"evaluator": "score"}


def space_of(d: int) -> ar.Space:
    """4 ** d architectures."""
    return ar.spaces.CustomSpace({f"k{i}": [0, 1, 2, 3] for i in range(d)}, _no_network, "sum")


def _no_network(config: dict[str, Any], task: object) -> Any:
    raise NotImplementedError("nothing is trained here")


def kept(d: int, limits: list[str]) -> int:
    """Count the architectures within the limits, by their sums and numbers of zeros."""
    ways = np.zeros((3 * d + 1, d + 1), dtype=object)  # [sum, zeros]
    ways[0, 0] = 1
    for _ in range(d):
        more = np.zeros_like(ways)
        more[:, 1:] += ways[:, :-1]
        for option in (1, 2, 3):
            more[option:] += ways[:-option]
        ways = more
    total, zeros = np.indices(ways.shape)
    inside = np.ones(ways.shape, dtype=bool)
    for limit in limits:
        inside &= eval(limit, {"cost": total, "zeros": zeros})  # typed above
    return int(ways[inside].sum())


def search(name: str, strategy: str, budget: int, seed: int) -> str:
    """Run one search and describe it."""
    d, limits = CASES[name]
    Costs.asked = 0
    evaluator = Combined(Score(), Costs())
    study = ar.Study(space_of(d), evaluator, STRATEGIES[strategy](), constraints=limits, seed=seed)
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ar.errors.BudgetWarning)
            study.run(budget)
    except ar.errors.InfeasibleError as error:
        return f"{error} ({time.process_time() - start:.1f} CPU-seconds)"
    n = len(study.records)
    assert len({r.string for r in study.records}) == n
    assert all(study.feasible(r) for r in study.records)
    each = 1000 * (time.process_time() - start) / n
    said = (
        f"{n} of {budget} | {Costs.asked / n:,.0f} | {each:.0f} | {study.best.values['score']:.2f}"
    )
    return said if study.shortfall is None else f"{said} ({study.shortfall})"


def main() -> None:
    """Run all cases, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", default="", help="cases whose names begin like this")
    args = parser.parse_args()
    print("| case | keep it | strategy | evaluations | limits checked per evaluation | ms | best |")
    print("|---|---|---|---|---|---|---|")
    for name, (d, limits) in CASES.items():
        if not name.startswith(args.only):
            continue
        share = f"{kept(d, limits):.2g} of {4.0**d:.2g}"
        for strategy in STRATEGIES:
            for seed in range(args.seeds):
                said = search(name, strategy, args.budget, seed)
                print(f"| {name} | {share} | {strategy} | {said} |", flush=True)


if __name__ == "__main__":
    main()
