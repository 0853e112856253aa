"""Short trainings first: epochs that a search needs with and without promotion, on tables.

    python benchmarks/fidelities.py OUT.jsonl --data DIR --seeds 12 [--problems NAME,...]
    python benchmarks/fidelities.py OUT.jsonl --data DIR --show
    python benchmarks/fidelities.py REAL.jsonl --real digits --epochs 3 --seeds 6 --budget 30

Plain guided search trains everything in full. The other one is `archrank search --fidelity`: guided
search on short trainings, then the best of them in full (`archrank.strategies.Promoted`), half of
the epochs on each. A short training costs its epochs, and a promoted one all epochs of a full one,
since it starts anew. Costs are in full trainings. What is recommended is the best full evaluation
by validation; its regret is how far it is below the best of the table, in points of accuracy, and
`test` its test accuracy. Of ``digits201``, ``glyphs201`` and ``characters201`` short trainings are
early epochs of the full ones (means of both seeds); of NAS-Bench-201 a schedule of its own.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from json_lines import read

import archrank as ar
from archrank.strategies.guided import Guided
from archrank.strategies.promoted import Promoted, Shorts
from archrank.tables import BenchTable, load_table
from archrank.types import Floats, Ints

COSTS = (5, 7.5, 10, 15, 20, 30, 40, 60)
HALVES = {
    "digits201": "choose",
    "nb201": "choose",
    "glyphs201": "report",
    "characters201": "report",
}


@dataclass(frozen=True, eq=False)
class Problem:
    """A table with short and full trainings; ``share`` is the cost of a short one."""

    name: str
    table: BenchTable
    short: Floats
    valid: Floats
    test: Floats
    share: float


def problems(folder: Path) -> Iterator[Problem]:
    """Yield all problems, accuracies in percent."""
    space = ar.spaces.NASBench201()
    for name, last, early in (
        ("digits201", 12, (3, 6)),
        ("glyphs201", 6, (2,)),
        ("characters201", 6, (2,)),
    ):
        table = load_table(name, space)
        valid, test = (100 * table.column(f"{part}_accuracy") for part in ("valid", "test"))
        for epoch in early:
            columns = [table.column(f"valid_accuracy_ep{epoch}_seed{s}") for s in (0, 1)]
            short = 100 * np.mean(columns, axis=0)
            yield Problem(f"{name} ep{epoch}", table, short, valid, test, epoch / last)
    file = folder / "nb201.csv.gz"
    if file.is_file():
        table = load_table(file, space)
        for data in ("c10", "c100"):
            short, valid, test = (table.column(f"{data}_{c}") for c in ("val_e12", "val", "test"))
            yield Problem(f"nb201 {data}", table, short, valid, test, 12 / 200)


def study_of(
    problem: Problem, labels: Floats, strategy: ar.strategies.Strategy, seed: int
) -> ar.Study:
    """Return a study on ``labels: (n,)`` of the rows of a table."""
    space = problem.table.space
    frame = pd.DataFrame({"arch": space.format(problem.table.archs), "label": labels})
    table = load_table(frame, space, directions={"label": "maximize"})
    return ar.Study(space, ar.evaluators.Table(table, "label"), strategy, seed=seed)


def rows_of(problem: Problem, study: ar.Study) -> Ints:
    """Return the rows of the table that a study evaluated, in proposal order."""
    return problem.table.rows(np.array([r.arch for r in study.records]))


def plain(problem: Problem, seed: int, budget: int) -> list[tuple[float, int]]:
    """Search in full: costs and rows."""
    study = study_of(problem, problem.valid, Guided(), seed).run(budget)
    return [(k + 1.0, int(row)) for k, row in enumerate(rows_of(problem, study))]


def promoted(problem: Problem, seed: int, budget: int) -> list[tuple[float, int]]:
    """Search shortly, promote: costs and rows of the full trainings."""
    each = max(1, round(1 / problem.share))
    full = int(budget / (1 + each * problem.share))
    strategy = Promoted(each=each)
    first = study_of(problem, problem.short, Guided(), seed)
    first.run(min(strategy.shorts_for(full), len(problem.table)))
    history = first.history
    strategy.shorts = Shorts(history.archs, history.scores)
    study = study_of(problem, problem.valid, strategy, seed).run(full)
    cost = 1 + each * problem.share
    return [((k + 1) * cost, int(row)) for k, row in enumerate(rows_of(problem, study))]


WAYS = {"plain": plain, "promoted": promoted}


def at(trace: list[tuple[float, int]], problem: Problem, cost: float) -> tuple[float, float]:
    """Return regret and test accuracy of what is recommended at a cost; NaN before the first."""
    rows = np.array([row for spent, row in trace if spent <= cost + 1e-9], dtype=int)
    if not len(rows):
        return np.nan, np.nan
    best = rows[problem.valid[rows].argmax()]
    return float(problem.valid.max() - problem.valid[best]), float(problem.test[best])


def real(task: str, seed: int, budget: int, epochs: int) -> dict[str, list[list[float]]]:
    """Search by real training: cost, validation and test accuracy of full trainings, by way."""
    space = ar.spaces.NASBench201()
    long = ar.tasks.TASKS.get(task)()
    recipe = long.recipe
    short = replace(long, recipe=replace(recipe, epochs=epochs))
    share = epochs / recipe.epochs
    each = round(1 / share)
    full = int(budget / (1 + each * share))
    strategy = Promoted(each=each)
    first = ar.Study(space, ar.evaluators.Training(short), Guided(), seed=seed)
    history = first.run(strategy.shorts_for(full)).history
    strategy.shorts = Shorts(history.archs, history.scores)
    found = {}
    for way, chosen, n, cost in (
        ("plain", Guided(), budget, 1.0),
        ("promoted", strategy, full, 1 + each * share),
    ):
        study = ar.Study(space, ar.evaluators.Training(long), chosen, seed=seed).run(n)
        found[way] = [
            [(k + 1) * cost, 100 * r.values["valid_accuracy"], 100 * r.values["test_accuracy"]]
            for k, r in enumerate(study.records)
        ]
    return found


def main_real(args: argparse.Namespace) -> None:
    """Run what is missing of real searches, then print what they recommend at every cost."""
    known = read(args.out)
    have = {(k["task"], k["seed"]) for k in known}
    for seed in range(args.seeds):
        if (args.real, seed) not in have:
            found = real(args.real, seed, args.budget, args.epochs)
            known.append({"task": args.real, "seed": seed, "traces": found})
            with args.out.open("a") as file:
                file.write(json.dumps(known[-1]) + "\n")
    for way in WAYS:
        traces = [np.array(k["traces"][way]) for k in known if k["task"] == args.real]
        for j, what in ((1, "valid"), (2, "test")):
            values = []
            for cost in COSTS:
                parts = [t[t[:, 0] <= cost + 1e-9] for t in traces]
                best = [p[p[:, 1].argmax(), j] if len(p) else np.nan for p in parts]
                values.append(
                    f"{cost:g}: {np.mean(best):.2f}±{np.std(best) / len(best) ** 0.5:.2f}"
                )
            print(f"{args.real:12} {way:9} {len(traces):3} {what:6} {'  '.join(values)}")


def main() -> None:
    """Run what is missing in the file, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--problems", default="")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--real", default="", metavar="TASK")
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    if args.real:
        main_real(args)
        return
    known = read(args.out)
    have = {(k["problem"], k["way"], k["seed"]) for k in known}
    wanted = args.problems.split(",") if args.problems else None
    for problem in problems(args.data):
        if wanted is not None and problem.name not in wanted:
            continue
        for seed in () if args.show else range(args.seeds):
            for way in args.ways.split(","):
                if (problem.name, way, seed) in have:
                    continue
                trace = WAYS[way](problem, seed, args.budget)
                found = {"problem": problem.name, "way": way, "seed": seed, "trace": trace}
                known.append(found)
                with args.out.open("a") as file:
                    file.write(json.dumps(found) + "\n")
        for way in args.ways.split(","):
            traces = [k["trace"] for k in known if (k["problem"], k["way"]) == (problem.name, way)]
            if not traces:
                continue
            values = np.array([[at(t, problem, c) for c in COSTS] for t in traces])
            mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(len(traces))
            for j, what in enumerate(("regret", "test")):
                line = "  ".join(
                    f"{c:g}: {m:.2f}±{e:.2f}"
                    for c, m, e in zip(COSTS, mean[:, j], error[:, j], strict=True)
                )
                print(f"{problem.name:15} {way:9} {len(traces):3} {what:6} {line}", flush=True)


if __name__ == "__main__":
    main()
