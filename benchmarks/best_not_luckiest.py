"""Recommendations of a search that take noise into account, compared at equal budget.

    python benchmarks/best_not_luckiest.py search RUN --data DIR --seeds 16
    python benchmarks/best_not_luckiest.py fit RUN --data DIR
    python benchmarks/best_not_luckiest.py train RUN --data DIR
    python benchmarks/best_not_luckiest.py rules RUN --data DIR

``search`` stores guided searches of 110 evaluations, each with noise of its own; ``fit`` what the
default ranker expects of what each had evaluated by 25, 50 and 110, and before the repetitions of
these budgets; ``train`` trains what the rules recommend with further seeds; ``rules`` compares
them: gain over the highest score, mean and standard error over searches, and how often what is
said of the recommended architecture is true.

A search of ``digits201``, ``glyphs201`` or ``characters201`` sees of each architecture the
validation accuracy of one of the two trainings of the table, drawn by lot; a repetition is the
other one. Test accuracies of further trainings judge, which no rule has seen: a training's luck is
in its test accuracy, too. Of NAS-Bench-201 single runs are not published one by one, so they are
emulated: the mean over runs and normal noise of the size that single runs have among the best
tenth. The mean test accuracy judges.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from json_lines import read
from scipy.special import ndtr

import archrank as ar
from archrank.runs.named import make_task
from archrank.spaces import NASBench201
from archrank.strategies.guided import default_ranker
from archrank.study.beliefs import Beliefs, believe
from archrank.study.recommending import WIDER
from archrank.tables import BenchTable, load_table
from archrank.types import Floats

BUDGET = 110
REPEATED = {25: 3, 50: 5, 110: 10}  # repetitions of each budget
STOPS = tuple(sorted({*REPEATED, *(n - k for n, k in REPEATED.items())}))


@dataclass(frozen=True)
class Case:
    """A table, and what its trainings are.

    Attributes:
        name: of the table; ``task`` of those whose trainings can be made here.
        epochs: of a training, where there is a column per seed.
        emulated: column of means over runs, and the noise of one run in it, where there is none.
    """

    name: str
    half: str
    task: str = ""
    epochs: int = 0
    emulated: str = ""
    noise: float = 0.0

    def read(self, data: Path) -> BenchTable:
        return load_table(self.name if self.task else data / "nb201.csv.gz", NASBench201())

    def trainings(self, table: BenchTable, seed: int) -> Floats:
        """Return validation accuracies of the trainings that a search finds, ``(k, n)``.

        The first is what a search sees, the next what a repetition would give.
        """
        rng = np.random.default_rng([NOISE, seed])
        if self.task:
            both = [table.column(f"valid_accuracy_ep{self.epochs}_seed{s}") for s in (0, 1)]
            pair = np.stack(both)
            return np.where(rng.random(pair.shape[1]) < 0.5, pair, pair[::-1])
        mean = table.column(self.emulated)
        return np.asarray(mean + rng.normal(0, self.noise, (3, len(mean))))


CASES = {
    case.name: case
    for case in (
        Case("digits201", "choose", "digits", 12),
        Case("nb201_c10", "choose", emulated="c10_val", noise=0.25),
        Case("nb201_c100", "choose", emulated="c100_val", noise=0.56),
        Case("glyphs201", "report", "glyphs", 6),
        Case("characters201", "report", "characters", 6),
    )
}
NOISE = 77  # a number that other seeds do not begin with
REAL = {name: case.task for name, case in CASES.items() if case.task}


def search(args: argparse.Namespace) -> None:
    known = {(e["case"], e["seed"]) for e in read(args.run)}
    tables = {name: CASES[name].read(args.data) for name in CASES}
    with args.run.open("a") as file:
        for seed in range(args.seeds):
            for name, case in CASES.items():
                if (name, seed) in known or name not in args.cases:
                    continue
                start = time.process_time()
                table = tables[name]
                seen = case.trainings(table, seed)[0]
                frame = pd.DataFrame({"arch": table.raw.text["arch"], "accuracy": seen})
                evaluator = ar.evaluators.Table(load_table(frame, table.space), "accuracy")
                study = ar.Study(table.space, evaluator, seed=seed).run(BUDGET)
                rows = table.rows(study.results.archs).tolist()
                seconds = time.process_time() - start
                entry = {"case": name, "seed": seed, "rows": rows, "seconds": seconds}
                file.write(json.dumps(entry) + "\n")
                file.flush()


# ---- predictions -------------------------------------------------------------------------------


def fit(args: argparse.Namespace) -> None:
    """Store what the default ranker expects of what each search had evaluated by each stop."""
    out = args.run.with_suffix(".fits.jsonl")
    known = {(e["case"], e["seed"], e["n"]) for e in read(out) if "std" in e}
    tables = {name: CASES[name].read(args.data) for name in args.cases}
    with out.open("a") as file:
        for entry in read(args.run):
            if entry["seed"] >= args.seeds or entry["case"] not in args.cases:
                continue
            table = tables[entry["case"]]
            scores = CASES[entry["case"]].trainings(table, entry["seed"])[0][entry["rows"]]
            archs = table.archs[entry["rows"]]
            for n in STOPS:
                if (entry["case"], entry["seed"], n) in known:
                    continue
                ranker = default_ranker(table.space).for_search().fit(archs[:n], scores[:n])
                smooth, std = ranker.predict(archs[:n], return_std=True)
                sample = table.space.sample(2000, rng=np.random.default_rng(0))
                mean, sd = ranker.predict(sample, return_std=True)
                draws = mean + sd * np.random.default_rng(1).normal(size=len(mean))
                found = {
                    "case": entry["case"],
                    "seed": entry["seed"],
                    "n": n,
                    "smooth": smooth.tolist(),
                    "std": std.tolist(),
                    "top": float(np.quantile(draws, 0.99)),
                }
                file.write(json.dumps(found) + "\n")
                file.flush()


# ---- rules -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A search as rules see it: scores and expectations, by the whole budget and before ``k``."""

    trainings: Floats  # (t, n): of what was evaluated, in order
    whole: Floats
    before: Floats
    k: int

    def repeated(self, choose: Callable[[Beliefs], Floats], *, batch: bool) -> list[list[float]]:
        """Spend ``k`` repetitions, of what is worth most; return scores of those of each."""
        n = len(self.before)
        again: list[list[float]] = [[] for _ in range(n)]
        left = self.k
        while left:
            worth = choose(believe(self.trainings[0, :n], self.before, again))
            order = np.argsort(-worth, kind="stable").tolist()
            may = [i for i in order if len(again[i]) + 1 < len(self.trainings)]
            for i in may[: (left + 1) // 2 if batch else left]:
                again[i].append(float(self.trainings[1 + len(again[i]), i]))
                left -= 1
        return again


def highest(seen: Seen) -> int:
    return int(seen.trainings[0].argmax())


def expected(seen: Seen) -> int:
    return int(seen.whole.argmax())


def believed(seen: Seen) -> int:
    scores = seen.trainings[0]
    return int(believe(scores, seen.whole, [()] * len(scores)).mean.argmax())


def confirmed(seen: Seen) -> int:
    again = seen.repeated(Beliefs.worth, batch=True)
    return int(believe(seen.trainings[0, : len(again)], seen.before, again).mean.argmax())


def top_again(seen: Seen) -> int:
    n = len(seen.before)
    first = seen.trainings[0, :n]
    again = seen.repeated(lambda beliefs: first, batch=False)
    means = [np.mean([y, *more]) if more else -np.inf for y, more in zip(first, again, strict=True)]
    return int(np.argmax(means))


RULES: dict[str, Callable[[Seen], int]] = {
    "highest": highest,
    "expected": expected,
    "believed": believed,
    "confirmed": confirmed,
    "top again": top_again,
}


def recommended(args: argparse.Namespace) -> Iterator[tuple[str, int, int, str, int]]:
    """Yield case, seed, budget, rule and the row of the table that it recommends."""
    fits = {(e["case"], e["seed"], e["n"]): e for e in read(args.run.with_suffix(".fits.jsonl"))}
    tables = {name: CASES[name].read(args.data) for name in args.cases}
    for entry in read(args.run):
        name, seed = entry["case"], entry["seed"]
        if name not in args.cases or (name, seed, BUDGET) not in fits:
            continue
        trainings = CASES[name].trainings(tables[name], seed)[:, entry["rows"]]
        for budget, k in REPEATED.items():
            whole, before = (np.array(fits[name, seed, n]["smooth"]) for n in (budget, budget - k))
            seen = Seen(trainings[:, :budget], whole, before, k)
            for rule, choose in RULES.items():
                yield name, seed, budget, rule, entry["rows"][choose(seen)]


def train(args: argparse.Namespace) -> None:
    """Train what rules recommend with seeds 2 and up, which no rule has seen."""
    out = args.run.with_suffix(".trained.jsonl")
    known = {(e["case"], e["row"], e["run"]) for e in read(out)}
    wanted = sorted({(name, row) for name, _, _, _, row in recommended(args) if name in REAL})
    tables = {name: CASES[name].read(args.data) for name in REAL}
    jobs = [(run, *each) for run in range(2, args.trainings + 2) for each in wanted]
    jobs = [(run, name, row) for run, name, row in jobs if (name, row, run) not in known]
    print(f"{len(wanted)} architectures, {len(jobs)} trainings", flush=True)
    with out.open("a") as file:
        for run, name, row in jobs:
            task = make_task(REAL[name], None)
            training = ar.evaluators.Training(task).bind(tables[name].space, seed=run)
            found = training.evaluate(tables[name].archs[row][None])
            values = {k: float(found[f"{k}_accuracy"][0]) for k in ("valid", "test")}
            file.write(json.dumps({"case": name, "row": row, "run": run, **values}) + "\n")
            file.flush()


def compare(args: argparse.Namespace) -> None:
    """Print the gain of every rule over the highest score, in points of test accuracy."""
    trained: dict[tuple[str, int], list[float]] = defaultdict(list)
    for e in read(args.run.with_suffix(".trained.jsonl")):
        if e["run"] < args.trainings + 2:
            trained[e["case"], e["row"]].append(100 * e["test"])
    tables = {name: CASES[name].read(args.data) for name in args.cases}

    def judged(name: str, row: int) -> float:
        if name in REAL:
            return float(np.mean(trained[name, row])) if trained[name, row] else np.nan
        return float(tables[name].column(CASES[name].emulated.replace("val", "test"))[row])

    found: dict[tuple[str, int, str], dict[int, float]] = defaultdict(dict)
    for name, seed, budget, rule, row in recommended(args):
        found[name, budget, rule][seed] = judged(name, row)
    print("| table | budget | highest |", " | ".join(list(RULES)[1:]), "| searches |")
    print("|---" * (len(RULES) + 3) + "|")
    for name in args.cases:
        for budget in REPEATED:
            base = found[name, budget, "highest"]
            seeds = [s for s in base if all(np.isfinite(found[name, budget, r][s]) for r in RULES)]
            cells = [name, str(budget), f"{np.mean([base[s] for s in seeds]):.2f}"]
            for rule in list(RULES)[1:]:
                gain = np.array([found[name, budget, rule][s] - base[s] for s in seeds])
                error = gain.std(ddof=1) / np.sqrt(len(gain))
                cells.append(f"{gain.mean():+.2f} ± {error:.2f}")
            print("|", " | ".join([*cells, str(len(seeds))]), "|")
    sure(args)


def sure(args: argparse.Namespace) -> None:
    """Print how often what is said of the recommended architecture is true, by half.

    Its expected accuracy, within one and two of the stated standard deviations of the mean over
    other trainings; and being among the best percent, by the probability that was stated. Of the
    built-in tables the best percent begins where it does by the means of two trainings, which is
    too high by some noise.
    """
    fits = {(e["case"], e["seed"], e["n"]): e for e in read(args.run.with_suffix(".fits.jsonl"))}
    others: dict[tuple[str, int], list[float]] = defaultdict(list)
    for e in read(args.run.with_suffix(".trained.jsonl")):
        others[e["case"], e["row"]].append(e["valid"])
    tables = {name: CASES[name].read(args.data) for name in args.cases}
    said: dict[str, list[tuple[float, bool, float]]] = defaultdict(list)
    for entry in read(args.run):
        name, case, table = entry["case"], CASES[entry["case"]], tables[entry["case"]]
        scores = case.trainings(table, entry["seed"])[0][entry["rows"]]
        for n in REPEATED:
            one = fits[name, entry["seed"], n]
            smooth = np.array(one["smooth"])
            beliefs = believe(scores[:n], smooth, [()] * n)
            i = int(beliefs.mean.argmax())
            value, slope = beliefs.line
            sd = WIDER * np.hypot(slope * one["std"][i], beliefs.sd[i])
            top = ndtr((beliefs.mean[i] - value - slope * one["top"]) / sd)
            if case.task:
                made = others[name, entry["rows"][i]]
                true = float(np.mean(made)) if made else np.nan
                sd = np.hypot(sd, beliefs.noise / np.sqrt(max(len(made), 1)))
                columns = [f"valid_accuracy_ep{case.epochs}_seed{s}" for s in (0, 1)]
                means = np.mean([table.column(c) for c in columns], axis=0)
            else:
                means = table.column(case.emulated)
                true = float(means[entry["rows"][i]])
            if np.isfinite(true):
                hit = bool(true >= np.quantile(means, 0.99))
                said[case.half].append((top, hit, abs(beliefs.mean[i] - true) / sd))
    for half, rows in said.items():
        tops, hits, off = (np.array(column) for column in zip(*rows, strict=True))
        near = [f"{np.mean(off <= k):.2f} within {k}" for k in (1, 2)]
        print(f"\n{half}: {len(rows)} searches; expected accuracy {', '.join(near)} sd")
        for low, high in ((0, 0.8), (0.8, 0.9), (0.9, 0.97), (0.97, 1.01)):
            inside = (tops >= low) & (tops < high)
            if inside.any():
                print(
                    f"best percent: said {tops[inside].mean():.2f}, true {hits[inside].mean():.2f} "
                    f"of {inside.sum()}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["search", "fit", "train", "rules"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--trainings", type=int, default=4)
    args = parser.parse_args()
    {"search": search, "fit": fit, "train": train, "rules": compare}[args.what](args)


if __name__ == "__main__":
    main()
