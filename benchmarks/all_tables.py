"""Ranking and search on every table at hand: the yardstick of rankers and of guided search.

    python benchmarks/all_tables.py rank RUN --data DIR --rankers default linear --draws 10
    python benchmarks/all_tables.py search RUN --data DIR --methods guided tpe --seeds 20
    python benchmarks/all_tables.py print RUN

Tables are split in tables_at_hand.py. RUN keeps every fit and every search, one line of JSON each,
and a stopped measurement goes on there; ``print`` makes the tables of means and standard
deviations in Markdown.

Ranking: labels of random rows, judged on all others; N@10 is the best true rank among the ten that
are predicted best, BR@1% the same of the predicted best percent, as a share of all rows. Search:
evaluations until the best label is seen, the share of searches that see it within 25, 50 and 110,
and the judging column's value of what has the best label by then.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from json_lines import read
from tables_at_hand import HALVES, Problem, problems

import archrank as ar
from archrank.criteria import best_ranking_at, kendall_tau, precision_at
from archrank.rankers import RANKERS
from archrank.types import Archs, Floats

LABELS, STOPS = (16, 32, 78, 200), (25, 50, 110)
NASBENCH101_LABELS = (72, 172, 424)  # of published comparisons
CRITERIA: dict[str, Callable[[Floats, Floats], float]] = {
    "tau": kendall_tau,
    "P@1%": lambda scores, truth: precision_at(scores, truth, 0.01),
    "P@5%": lambda scores, truth: precision_at(scores, truth, 0.05),
    "N@10": lambda scores, truth: best_ranking_at(scores, truth, 10, absolute=True),
    "BR@1%": lambda scores, truth: best_ranking_at(scores, truth, 0.01),
}


# ---- ranking -----------------------------------------------------------------------------------


def rank(problem: Problem, name: str, n: int, draw: int) -> dict[str, Any]:
    """Fit one ranker to the labels of random rows; judge it on the others."""
    space, archs = problem.data.space, problem.data.archs
    rows = np.random.default_rng([draw, n]).choice(len(archs), n, replace=False)
    others = np.ones(len(archs), dtype=bool)
    others[rows] = False
    ranker = RANKERS.get(name)(space, seed=draw)
    start = time.process_time()
    ranker.fit(archs[rows], problem.labels[rows])
    seconds = time.process_time() - start
    scores, truth = ranker.predict(archs[others]), problem.truth[others]
    found = {name: criterion(scores, truth) for name, criterion in CRITERIA.items()}
    return {**found, "seconds": seconds}


# ---- search ------------------------------------------------------------------------------------


def by_archrank(make: Callable[[], ar.strategies.Strategy]) -> Callable[..., Archs]:
    def search(problem: Problem, budget: int, seed: int) -> Archs:
        table = problem.data.table
        evaluator = ar.evaluators.Table(table, problem.label)
        study = ar.Study(problem.data.space, evaluator, make(), seed=seed).run(budget)
        return np.array([record.arch for record in study.records])

    return search


def by_optuna(make: Callable[[int], optuna.samplers.BaseSampler]) -> Callable[..., Archs]:
    def search(problem: Problem, budget: int, seed: int) -> Archs:
        choices, table = problem.data.space.choices, problem.data.table
        assert table is not None
        archs: list[list[int]] = []

        def objective(trial: optuna.Trial) -> float:
            picks = [trial.suggest_categorical(c.name, c.options) for c in choices]
            archs.append([c.options.index(p) for c, p in zip(choices, picks, strict=True)])
            row = table.rows(np.array(archs[-1:], dtype=np.uint8))[0]
            return float(problem.labels[row])

        study = optuna.create_study(direction="maximize", sampler=make(seed))
        study.optimize(objective, n_trials=budget)
        return np.array(archs, dtype=np.uint8)

    return search


METHODS: dict[str, Callable[..., Archs]] = {
    "guided": by_archrank(ar.strategies.Guided),
    "evolution": by_archrank(ar.strategies.RegularizedEvolution),
    "random": by_archrank(ar.strategies.Random),
    "tpe": by_optuna(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "optuna-gp": by_optuna(lambda seed: optuna.samplers.GPSampler(seed=seed)),
}


def search(problem: Problem, method: str, seed: int) -> dict[str, Any]:
    """Search once; tell when the best was seen, and what is recommended at each stop."""
    start = time.process_time()
    archs = METHODS[method](problem, STOPS[-1], seed)
    seconds = time.process_time() - start
    table = problem.data.table
    assert table is not None
    rows = table.rows(archs)
    labels, truth = problem.labels, problem.truth
    hits = np.flatnonzero(labels[rows] == labels.max())
    chosen = [rows[:k][labels[rows[:k]].argmax()] for k in STOPS]
    return {
        "first": int(hits[0]) + 1 if len(hits) else None,
        **{f"@{k}": float(truth[row]) for k, row in zip(STOPS, chosen, strict=True)},
        "seconds": seconds,
    }


# ---- one measurement after the other -----------------------------------------------------------


def asked(args: argparse.Namespace) -> Iterator[tuple[tuple[Any, ...], Callable[[], Any]]]:
    """Yield what is to be measured: key and measurement; all of one seed before the next."""
    chosen = [p for p in problems(args.data) if p.half in args.halves]
    if args.problems:
        chosen = [p for p in chosen if any(part in p.name for part in args.problems)]
    for seed in range(args.seeds):
        for problem in chosen:
            if args.what == "search" and problem.searched:
                for method in args.methods:
                    key = ("search", problem.name, method, seed)
                    yield key, lambda p=problem, m=method, s=seed: search(p, m, s)
            elif args.what == "rank":
                more = NASBENCH101_LABELS if problem.name.startswith("nb101") else ()
                for n in args.labels or (*LABELS, *more):
                    for name in args.rankers:
                        key = ("rank", problem.name, name, n, seed)
                        yield key, lambda p=problem, r=name, k=n, s=seed: rank(p, r, k, s)


def measure(args: argparse.Namespace) -> None:
    """Measure what RUN does not hold yet."""
    args.run.parent.mkdir(parents=True, exist_ok=True)
    known = {tuple(entry["key"]) for entry in read(args.run)}
    with args.run.open("a") as file:
        for key, make in asked(args):
            if key not in known:
                file.write(json.dumps({"key": key, **make()}) + "\n")
                file.flush()


def report(args: argparse.Namespace) -> None:
    """Print tables in Markdown, those for choices first."""
    halves = {p.name: p.half for p in problems(args.data)}
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for entry in read(args.run):
        groups[tuple(entry["key"][:-1])].append(entry)
    for half in HALVES:
        for what in ("rank", "search"):
            mine = {k: v for k, v in groups.items() if k[0] == what and halves.get(k[1]) == half}
            if not mine:
                continue
            names = [*CRITERIA] if what == "rank" else [f"@{k}" for k in STOPS]
            extra = ["labels"] if what == "rank" else ["median", *(f"<={k}" for k in STOPS)]
            head = ["table", "ranker" if what == "rank" else "method", *extra, *names, "s", "runs"]
            print(f"\n{what}, half: {half}\n")
            print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
            for key, entries in mine.items():
                cells = [key[1], key[2]]
                if what == "rank":
                    cells.append(str(key[3]))
                else:
                    first = np.array([e["first"] or np.inf for e in entries])
                    middle = np.sort(first)[(len(first) - 1) // 2]
                    cells.append(f"{middle:.0f}" if np.isfinite(middle) else f"> {STOPS[-1]}")
                    cells += [f"{np.mean(first <= k):.2f}" for k in STOPS]
                for name in names:
                    values = [e[name] for e in entries]
                    cells.append(f"{np.mean(values):.4g} ± {np.std(values):.2g}")
                cells += [f"{np.mean([e['seconds'] for e in entries]):.2f}", str(len(entries))]
                print("| " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["rank", "search", "print"])
    parser.add_argument("run", type=Path, help="file of JSON lines")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--halves", nargs="+", choices=HALVES, default=[*HALVES])
    parser.add_argument("--problems", nargs="+", default=[], metavar="PART", help="of their names")
    parser.add_argument("--rankers", nargs="+", default=["default", "linear", "random_forest"])
    parser.add_argument("--labels", nargs="+", type=int, default=[])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", "--draws", type=int, default=10, help="repetitions")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    if args.what == "print":
        report(args)
    else:
        measure(args)


if __name__ == "__main__":
    main()
