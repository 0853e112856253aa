"""Search on NAS-Bench-201 by look-up: evaluations until the best-validation cell is found.

    python benchmarks/search_nasbench201.py --table nb201.csv.gz --seeds 50 \
        --methods guided evolution random tpe optuna-gp
    python benchmarks/search_nasbench201.py --table digits201 --sets valid_accuracy:test_accuracy

Selects by validation, reports test accuracy. Prints one row per method and pair of columns.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import optuna

import archrank as ar
from archrank.strategies import Guided, Random, RegularizedEvolution

Curve = np.ndarray  # (budget,) rows of the table in the order they were evaluated


def by_archrank(strategy: Callable[[], ar.strategies.Strategy]) -> Callable[..., Curve]:
    def search(table, metric: str, budget: int, seed: int) -> Curve:
        evaluator = ar.evaluators.Table(table, metric)
        study = ar.Study(table.space, evaluator, strategy(), seed=seed).run(budget)
        return table.rows(np.array([r.arch for r in study.records]))

    return search


def by_optuna(make: Callable[[int], optuna.samplers.BaseSampler]) -> Callable[..., Curve]:
    def search(table, metric: str, budget: int, seed: int) -> Curve:
        values = table.column(metric)
        rows: list[int] = []

        def objective(trial: optuna.Trial) -> float:
            picks = [trial.suggest_categorical(c.name, c.options) for c in table.space.choices]
            arch = [c.options.index(p) for c, p in zip(table.space.choices, picks, strict=True)]
            rows.append(int(table.rows(np.array([arch], dtype=np.uint8))[0]))
            return float(values[rows[-1]])

        study = optuna.create_study(direction="maximize", sampler=make(seed))
        study.optimize(objective, n_trials=budget)
        return np.array(rows)

    return search


METHODS: dict[str, Callable[..., Curve]] = {
    "guided": by_archrank(Guided),
    "guided-ei": by_archrank(lambda: Guided(acquisition="ei")),
    "guided-thompson": by_archrank(lambda: Guided(acquisition="thompson")),
    "guided-greedy": by_archrank(lambda: Guided(acquisition="greedy")),
    "evolution": by_archrank(RegularizedEvolution),
    "random": by_archrank(Random),
    "tpe": by_optuna(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "optuna-gp": by_optuna(lambda seed: optuna.samplers.GPSampler(seed=seed)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--table", required=True)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=110)
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["guided", "random", "evolution", "tpe", "optuna-gp"],
        choices=list(METHODS),
    )
    parser.add_argument(
        "--sets", nargs="+", default=["c10_val:c10_test", "c100_val:c100_test"], help="VALID:TEST"
    )
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

    from archrank.tables import load_table

    table = load_table(args.table, ar.spaces.NASBench201())
    stops = [k for k in (25, 50, 110) if k <= args.budget]
    for pair in args.sets:
        name, _, tested = pair.partition(":")
        valid, test = table.objective(name), table.objective(tested)
        for method in args.methods:
            start = time.perf_counter()
            found, accuracy = [], []
            for seed in range(args.first_seed, args.first_seed + args.seeds):
                rows = METHODS[method](table, name, args.budget, seed)
                hits = np.flatnonzero(rows == valid.argmax())
                found.append(hits[0] + 1 if len(hits) else np.inf)
                accuracy.append([test[rows[:k][valid[rows[:k]].argmax()]] for k in stops])
            mean, sd = np.mean(accuracy, axis=0), np.std(accuracy, axis=0)
            at = "  ".join(f"@{k} {m:.3f}±{s:.3f}" for k, m, s in zip(stops, mean, sd, strict=True))
            within = "  ".join(f"<={k} {np.mean(np.array(found) <= k):.2f}" for k in stops)
            seconds = (time.perf_counter() - start) / args.seeds
            print(
                f"{name:14} {method:10} test {at}  found {within}  median {np.median(found):.0f} "
                f"worst {np.max(found):.0f}  {seconds:.1f} s/run",
                flush=True,
            )


if __name__ == "__main__":
    main()
