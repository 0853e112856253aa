"""Samplers of Optuna on discrete problems: archrank's `RankSampler` beside TPE and GPSampler.

    python benchmarks/optuna_samplers.py measure samplers.jsonl --data DIR --half report
    python benchmarks/optuna_samplers.py table samplers.jsonl --half report

Every problem, sampler and seed is one study of 60 trials; rows that the file has are skipped.
Settings of `RankSampler` were chosen on the half `choose` alone (`--samplers "rank kappa=2"` and
so on); the half `report` was run once they were. Studies of one seed are compared in pairs, by the
best value after 60 trials.

The problems, and which half they are in, are in `optuna_problems.py`. Values are shifted and scaled
so that the best known one is 0 and the median of 1,000 random configurations is 1.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import json_lines
import numpy as np
import optuna
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna_problems import HALVES, REPORT, Objective, objective
from scipy.stats import wilcoxon

from archrank.integrations.optuna import RankSampler

TRIALS, SEEDS = 60, 20
SAMPLERS = ("rank", "tpe", "tpe univariate", "gp", "random")


def sampler(text: str, seed: int) -> BaseSampler:
    """Make a sampler: a name, and settings as in ``rank kappa=2``."""
    name, *settings = text.split(" ")
    given = dict(one.split("=") for one in settings if "=" in one)
    options: dict[str, Any] = {key: _number(value) for key, value in given.items()}
    if name == "rank":
        return RankSampler(seed=seed, **options)
    if name == "gp":
        return GPSampler(seed=seed, warn_independent_sampling=False, **options)
    if name == "tpe":
        univariate = "univariate" in settings
        return TPESampler(seed=seed, **({"multivariate": False} if univariate else options))
    return RandomSampler(seed=seed)


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


# ---- measuring ---------------------------------------------------------------------------------


def run(problem: Objective, text: str, seed: int) -> dict[str, Any]:
    """Run a study: best values so far, repeated trials, seconds of CPU."""
    study = optuna.create_study(sampler=sampler(text, seed))
    began = time.process_time()
    study.optimize(problem, TRIALS)
    best = np.minimum.accumulate([t.value for t in study.trials if t.value is not None])
    different = {tuple(sorted(t.params.items())) for t in study.trials}
    return {
        "best": [round(float(v), 6) for v in best],
        "repeated": TRIALS - len(different),
        "cpu_s": round(time.process_time() - began, 2),
    }


def measure(file: Path, data: Path, names: list[str], samplers: list[str], seeds: range) -> None:
    done = {(r["problem"], r["sampler"], r["seed"]) for r in json_lines.read(file)}
    for seed in seeds:  # seeds outermost: what was stopped is a smaller measurement of everything
        for name in names:
            for text in samplers:
                if (name, text, seed) in done:
                    continue
                row = {"problem": name, "sampler": text, "seed": seed}
                row |= run(_problem(name, data), text, seed)
                with file.open("a") as out:
                    out.write(json.dumps(row) + "\n")


_problem = lru_cache(None)(objective)


def table(file: Path, data: Path, names: list[str], at: list[int]) -> None:
    rows = [r for r in json_lines.read(file) if r["problem"] in names]
    samplers = sorted({r["sampler"] for r in rows}, key=lambda s: (*map(s.__ne__, SAMPLERS), s))
    for name in names:
        here = {(r["sampler"], r["seed"]): r for r in rows if r["problem"] == name}
        if not here:
            continue
        low = min(min(r["best"]) for r in here.values())
        middle = _middle(name, data)
        print(f"\n{name}: best {low:g}, median of random ones {middle:g}")
        first = samplers[0]
        for text in samplers:
            mine = {seed: r for (s, seed), r in here.items() if s == text}
            if not mine:
                continue
            best = np.array([r["best"] for r in mine.values()])[:, np.array(at) - 1]
            scaled = (best - low) / (middle - low)  # (seeds, numbers of trials)
            error = scaled[:, -1].std(ddof=1) / len(mine) ** 0.5 if len(mine) > 1 else np.nan
            line = f"  {text:28s} n={len(mine):2d} "
            line += " ".join(f"{v:.4f}" for v in scaled.mean(axis=0)) + f" ± {error:.4f}"
            line += f"  repeated {np.mean([r['repeated'] for r in mine.values()]):.1f}"
            line += f"  cpu {np.mean([r['cpu_s'] for r in mine.values()]):.1f}s"
            pairs = [
                (here[first, s]["best"][-1], r["best"][-1])
                for s, r in mine.items()
                if (first, s) in here
            ]
            if text != first and pairs:
                a, b = np.array(pairs).T
                line += f"  {first} wins {int((a < b).sum())}, loses {int((a > b).sum())}"
                if (a != b).any():
                    line += f", p {wilcoxon(a, b).pvalue:.3g}"
            print(line)


@lru_cache(None)
def _middle(name: str, data: Path) -> float:
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    study.optimize(_problem(name, data), 1000)
    return float(np.median([t.value for t in study.trials]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["measure", "table"])
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--half", choices=HALVES, default=REPORT)
    parser.add_argument("--problems", help="some of the half, with commas")
    parser.add_argument("--samplers", default=",".join(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    names = args.problems.split(",") if args.problems else list(HALVES[args.half])
    if args.what == "table":
        table(args.file, args.data, names, [20, 40, TRIALS])
    else:
        measure(args.file, args.data, names, args.samplers.split(","), range(args.seeds))


if __name__ == "__main__":
    main()
