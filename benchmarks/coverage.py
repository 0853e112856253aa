"""Shares of architectures that lie within stated intervals, on every table at hand.

    python benchmarks/coverage.py measure RUN --data DIR --rankers default ensemble
    python benchmarks/coverage.py print RUN

Rankers are fitted to labels of random rows; up to 1,000 other rows judge. Two statements are
judged: intervals of ``Calibrated`` in the unit of the labels, and the rankers' own standard
deviations as they are, ``predict(archs, return_std=True)``. Rankers have a scale of their own, so
truths of the latter are brought to it: as normal scores of the labels, or standardised by the
labels, whichever form the predictions of the labelled architectures follow more closely; and a
normal distribution says what share is expected. RUN keeps every fit, one line of JSON each, and
a stopped measurement goes on there. Few labels have more draws, since the share that one fit
covers varies by them: with 32 labels and 50 % by .09 to .16 (standard deviation).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from json_lines import read
from scipy.special import ndtri
from tables_at_hand import HALVES, Problem, problems

from archrank.rankers import RANKERS, Calibrated, Ranker
from archrank.types import Floats, Ints

COVERAGES = (0.5, 0.8, 0.95)
DRAWS = {32: 16, 78: 8, 200: 4}
JUDGES = 1000
OFF = 0.05


def judge(problem: Problem, ranker: str, n: int, draw: int) -> dict[str, Any]:
    """Measure what one fit's intervals cover."""
    space, archs, labels = problem.data.space, problem.data.archs, problem.labels
    known = np.flatnonzero(np.isfinite(labels))
    order = np.random.default_rng([draw, n]).permutation(known)
    learnt, others = order[:n], order[n : n + JUDGES]
    start = time.process_time()
    model = RANKERS.get(ranker)(space, seed=draw)
    calibrated = Calibrated(model, seed=draw).fit(archs[learnt], labels[learnt])
    ends = calibrated.intervals(archs[others], COVERAGES)
    seconds = time.process_time() - start
    covered = [float(np.mean((low <= labels[others]) & (labels[others] <= high)))
               for low, high in ends]  # fmt: skip
    width = [float(np.mean(high - low) / np.std(labels[known])) for low, high in ends]
    own = None
    if model.has_std:
        fitted = calibrated._model.ranker  # the same fit to all labels
        own = own_coverage(fitted, problem, learnt, others)
    return {"covered": covered, "width": width, "own": own, "seconds": seconds}


def own_coverage(ranker: Ranker, problem: Problem, learnt: Ints, others: Ints) -> list[float]:
    """Measure what the ranker's own standard deviations cover, were they of normal errors."""
    archs, labels = problem.data.archs, problem.labels
    known = ranker.predict(archs[learnt])
    forms = [_ranks(labels[learnt]), _values(labels[learnt])]
    form = max(forms, key=lambda form: abs(np.corrcoef(known, form(labels[learnt]))[0, 1]))
    mean, sd = ranker.predict(archs[others], return_std=True)
    distance = np.abs(form(labels[others]) - mean)
    return [float(np.mean(distance <= ndtri((1 + share) / 2) * sd)) for share in COVERAGES]


def _ranks(labels: Floats) -> Any:
    """Return the function to normal scores of ranks among ``labels: (n,)``, joined by lines."""
    levels, counts = np.unique(labels, return_counts=True)
    scores = ndtri((np.cumsum(counts) - counts / 2) / len(labels))
    return lambda values: np.interp(values, levels, scores)


def _values(labels: Floats) -> Any:
    return lambda values: (values - labels.mean()) / labels.std()


# ---- the run -----------------------------------------------------------------------------------


def measure(options: argparse.Namespace) -> None:
    path = options.run / "coverage.jsonl"
    options.run.mkdir(parents=True, exist_ok=True)
    done = {tuple(line["key"]) for line in read(path)}
    with path.open("a") as file:
        for problem in problems(options.data):
            if options.half not in (None, problem.half):
                continue
            for key in keys(problem, options):
                if key not in done:
                    found = judge(problem, *key[1:])
                    file.write(json.dumps({"key": key, "half": problem.half, **found}) + "\n")
                    file.flush()


def keys(problem: Problem, options: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    for ranker in options.rankers:
        for n in options.labels:
            for draw in range(options.draws or DRAWS.get(n, 4)):
                yield problem.name, ranker, n, draw


def report(options: argparse.Namespace) -> None:
    lines = read(options.run / "coverage.jsonl")
    for ranker in dict.fromkeys(line["key"][1] for line in lines):
        for what in ("covered", "own"):
            part = [line for line in lines if line["key"][1] == ranker and line[what]]
            if part:
                print(f"\n{ranker}, {'calibrated' if what == 'covered' else 'as it is'}\n")
                table(part, what)


def table(lines: list[dict[str, Any]], what: str) -> None:
    """Print a row per problem; means that are more than 5 points off are bold."""
    sizes = sorted({line["key"][2] for line in lines})
    print(f"| half | table | {' | '.join(f'{n} labels' for n in sizes)} |")
    print("|---|---|" + "---|" * len(sizes))
    for half in HALVES:
        chosen = [line for line in lines if line["half"] == half]
        names = list(dict.fromkeys(line["key"][0] for line in chosen))
        for name in [*names, "all"]:
            cells = [
                _cell(
                    [x[what] for x in chosen if x["key"][2] == n and name in (x["key"][0], "all")]
                )
                for n in sizes
            ]
            print(f"| {half} | {name} | {' | '.join(cells)} |")


def _cell(found: list[list[float]]) -> str:
    if not found:
        return ""
    texts = []
    for share, values in zip(COVERAGES, np.transpose(found), strict=True):
        text = f"{100 * values.mean():.0f}"
        texts.append(f"**{text}**" if abs(values.mean() - share) > OFF else text)
    return ", ".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["measure", "print"])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rankers", nargs="+", default=["default", "ensemble"])
    parser.add_argument("--labels", type=int, nargs="+", default=list(DRAWS))
    parser.add_argument("--draws", type=int, help="for every number of labels")
    parser.add_argument("--half", choices=HALVES)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    measure(options) if options.task == "measure" else report(options)


if __name__ == "__main__":
    main()
