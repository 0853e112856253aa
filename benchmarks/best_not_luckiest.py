"""Recommendations of a search that take noise into account, compared at equal budget.

    python benchmarks/best_not_luckiest.py search RUN --data DIR --seeds 16
    python benchmarks/best_not_luckiest.py train RUN --data DIR

``search`` stores guided searches of 110 evaluations that see one training per architecture.
``train`` trains, with other seeds, what rules may recommend or repeat.

Tables: of ``digits201``, ``glyphs201`` and ``characters201`` a search sees the validation accuracy
of one training (seed 0). A repetition is another training: seed 1 of the table, then trainings that
this script makes. Test accuracies of trainings that no rule has seen judge. Of NAS-Bench-201 a
search sees the validation accuracy of one run (``*_val_naslib``); other runs are not published one
by one, so a repetition is emulated: the mean over runs and normal noise of the size that the single
run has. The mean test accuracy judges.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import cho_solve

import archrank as ar
from archrank.rankers.kit.targets import normal_scores, standard_scores
from archrank.runs.named import make_task
from archrank.spaces import NASBench201
from archrank.strategies.guided import default_ranker
from archrank.tables import BenchTable, load_table
from archrank.types import Floats

BUDGET = 110
STOPS = (22, 25, 45, 50, 100, 110)


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


def read(run: Path) -> list[dict[str, Any]]:
    """Return all entries; a last line that was not written to its end is left out."""
    if not run.exists():
        return []
    lines = run.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


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


def held_out(ranker: Any, archs: Any, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Fit the default ranker; return its posterior means, sds and leave-one-out means, ``(n,)`` each."""
    ranker.fit(archs, scores)
    smooth, std = ranker.predict(archs, return_std=True)
    left_out = np.zeros(len(archs))
    for m in ranker.members_:
        y = {"ranks": normal_scores, "values": standard_scores}[m.form](scores)
        inverse = cho_solve((m.cholesky, True), np.eye(len(y)))
        left_out += m.weight * (y - m.alpha / np.diag(inverse))
    return smooth, std, left_out


def fit(args: argparse.Namespace) -> None:
    """Store predictions of what each search had evaluated by each stop."""
    out = args.run.with_suffix(".fits.jsonl")
    known = {(e["case"], e["seed"], e["n"]) for e in read(out) if "std" in e}
    tables = {name: CASES[name].read(args.data) for name in CASES}
    with out.open("a") as file:
        for entry in read(args.run):
            if entry["seed"] >= args.seeds or entry["case"] not in args.cases:
                continue
            table = tables[entry["case"]]
            case = CASES[entry["case"]]
            scores = case.trainings(table, entry["seed"])[0][entry["rows"]]
            archs = table.archs[entry["rows"]]
            for n in STOPS:
                if (entry["case"], entry["seed"], n) in known:
                    continue
                ranker = default_ranker(table.space)
                smooth, std, left_out = held_out(ranker, archs[:n], scores[:n])
                sample = table.space.sample(2000, rng=np.random.default_rng(0))
                mean, sd = ranker.predict(sample, return_std=True)
                draws = mean + sd * np.random.default_rng(1).normal(size=len(mean))
                found = {
                    "case": entry["case"], "seed": entry["seed"], "n": n,
                    "smooth": smooth.tolist(), "std": std.tolist(), "left_out": left_out.tolist(),
                    "top": float(np.quantile(draws, 0.99)), "top_mean": float(np.quantile(mean, 0.99)),
                }
                file.write(json.dumps(found) + "\n")
                file.flush()


# ---- trainings with other seeds ----------------------------------------------------------------


def train(args: argparse.Namespace) -> None:
    """Train what was among the ``--top`` best by a stop, with seeds 2 to ``--trainings`` + 1."""
    out = args.run.with_suffix(".trained.jsonl")
    known = {(e["case"], e["row"], e["run"]) for e in read(out)}
    wanted: dict[str, set[int]] = {}
    tables = {name: CASES[name].read(args.data) for name in REAL}
    for entry in read(args.run):
        if entry["case"] in REAL and entry["seed"] < args.seeds:
            name = entry["case"]
            seen = CASES[name].trainings(tables[name], entry["seed"])[0]
            scores = seen[entry["rows"]]
            for n in STOPS:
                best = np.argsort(-scores[:n], kind="stable")[: args.top]
                wanted.setdefault(name, set()).update(np.array(entry["rows"])[best].tolist())
    print({name: len(rows) for name, rows in wanted.items()}, flush=True)
    if args.count:
        return
    with out.open("a") as file:
        for run in range(2, args.trainings + 2):
            for name, rows in wanted.items():
                task = make_task(REAL[name], None)
                training = ar.evaluators.Training(task).bind(tables[name].space, seed=run)
                for row in sorted(rows):
                    if (name, row, run) in known:
                        continue
                    found = training.evaluate(tables[name].archs[row][None])
                    values = {k: float(found[f"{k}_accuracy"][0]) for k in ("valid", "test")}
                    entry = {"case": name, "row": row, "run": run, **values}
                    file.write(json.dumps(entry) + "\n")
                    file.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["search", "fit", "train"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=6)
    parser.add_argument("--count", action="store_true")
    args = parser.parse_args()
    {"search": search, "fit": fit, "train": train}[args.what](args)


if __name__ == "__main__":
    main()
