"""Samplers of Optuna on discrete problems: archrank's `RankSampler` beside TPE and GPSampler.

    python benchmarks/optuna_samplers.py measure samplers.jsonl --data DIR --half report
    python benchmarks/optuna_samplers.py table samplers.jsonl --half report

Every problem, sampler and seed is one study of 60 trials; rows that the file has are skipped.
Settings of `RankSampler` were chosen on the half `choose` alone (`--samplers "rank kappa=2"` and
so on); the half `report` was run once they were. Studies of one seed are compared in pairs, by the
best value after 60 trials.

- `report`: `nb201`, NAS-Bench-201's CIFAR-100 after 12 epochs (6 operations of 5); `transnas`,
  TransNAS-Bench-101 jigsaw (6 of 4); `ofa`, ImageNet accuracy of Once-for-All sub-networks
  (5 depths, and kernel size and width of every layer that exists: conditional), by boosted trees
  fitted to the table; `pest`, pest control (25 stages of 5 options); `contamination` control
  (25 stages, yes or no; Hu, Hu, Xu, Wang & Cao 2010); `maxsat`, weighted, 28 variables.
- `choose`: `digits201`; `gpt`, perplexity of GPT-S (layers, heads and MLP ratios of those that
  exist, conditional), by boosted trees; `nk`, an NK landscape (20 bits, K=3); `steps`, a written
  function of integers, steps and logarithmic ranges.

The synthetic ones are written after their papers, with instances of their own. Values are to be
minimised, shifted and scaled so that the best known value is 0 and the median of 1,000 random
configurations 1.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import json_lines
import numpy as np
import optuna
import pandas as pd
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from scipy.stats import wilcoxon

from archrank.integrations.optuna import RankSampler
from archrank.spaces import NASBench201
from archrank.tables import load_table

TRIALS, SEEDS = 60, 20
CHOOSE, REPORT = "choose", "report"
HALVES = {
    CHOOSE: ("digits201", "gpt", "nk", "steps"),
    REPORT: ("nb201", "transnas", "ofa", "pest", "contamination", "maxsat"),
}
SAMPLERS = ("rank", "tpe", "tpe univariate", "gp", "random")

Objective = Callable[[optuna.Trial], float]


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


# ---- tables ------------------------------------------------------------------------------------


def cells(file: Path | str, column: str, options: int) -> Objective:
    """Look up a cell of six operations; ``file`` has every cell as six digits, or is built in."""
    if isinstance(file, str):
        table = load_table(file, NASBench201())
        every = table.space.enumerate()
        keys = ["".join(map(str, row)) for row in every.tolist()]
        values = table.column(column)[table.rows(every)]  # of the cell's isomorphism class
        known = dict(zip(keys, values.tolist(), strict=True))
    else:
        raw = pd.read_csv(file, dtype={"ops": str, "arch": str})
        keys = raw["ops"] if "ops" in raw else raw["arch"]
        known = dict(zip(keys, raw[column].astype(float), strict=True))

    def objective(trial: optuna.Trial) -> float:
        digits = [
            trial.suggest_categorical(f"edge{k}", [str(o) for o in range(options)])
            for k in range(6)
        ]
        return -known["".join(digits)]

    return objective


@lru_cache(1)
def once_for_all(file: Path) -> Objective:
    raw = pd.read_csv(file, dtype=dict.fromkeys(("depth", "ks", "expand"), str))
    depth, ks, expand = (
        np.array([s.split("-") for s in raw[n]], dtype=float) for n in ("depth", "ks", "expand")
    )
    exists = np.arange(4) < depth[:, :, None]
    layers = exists.reshape(len(raw), 20)
    x = np.hstack([depth, np.where(layers, ks, 0), np.where(layers, expand, 0)])
    predict = trees(x, raw["top1"].to_numpy(float))

    def objective(trial: optuna.Trial) -> float:
        row = np.zeros(45)
        for stage in range(5):
            row[stage] = trial.suggest_int(f"depth{stage}", 2, 4)
            for layer in range(int(row[stage])):
                at = 5 + 4 * stage + layer
                row[at] = trial.suggest_int(f"kernel{stage}{layer}", 3, 7, step=2)
                row[20 + at] = trial.suggest_categorical(f"expand{stage}{layer}", [3, 4, 6])
        return -predict(row)

    return objective


@lru_cache(1)
def gpt(file: Path) -> Objective:
    raw = pd.read_csv(file, dtype={"n_head": str, "mlp_ratio": str})
    x = np.zeros((len(raw), 27))
    x[:, 0], x[:, 1], x[:, 2] = raw["embed_dim"], raw["n_layer"], raw["bias"]
    for column, start in (("n_head", 3), ("mlp_ratio", 15)):
        for row, text in zip(x, raw[column], strict=True):
            values = [float(v) for v in text.split("-")][: int(row[1])]
            row[start : start + len(values)] = values
    predict = trees(x, raw["perplexity"].to_numpy(float))
    sizes = sorted(set(raw["embed_dim"].tolist()))
    layers = sorted(set(raw["n_layer"].tolist()))

    def objective(trial: optuna.Trial) -> float:
        row = np.zeros(27)
        row[0] = trial.suggest_categorical("embed_dim", sizes)
        row[1] = trial.suggest_int("n_layer", layers[0], layers[-1])
        row[2] = trial.suggest_categorical("bias", [0, 1])
        for k in range(int(row[1])):
            row[3 + k] = trial.suggest_int(f"heads{k}", 4, 12, step=4)
            row[15 + k] = trial.suggest_int(f"ratio{k}", 2, 4)
        return predict(row)

    return objective


def trees(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], float]:
    """Boosted trees fitted to a table, as a function of one row."""
    from lightgbm import LGBMRegressor

    model = LGBMRegressor(n_estimators=400, learning_rate=0.05, num_threads=1, verbosity=-1)
    booster = model.fit(x, y).booster_
    return lambda row: float(booster.predict(row[None], num_threads=1)[0])


# ---- written functions -------------------------------------------------------------------------


def pest(trial: optuna.Trial) -> float:
    """Four pesticides or none at 25 stations; what is used often gets cheaper, and works less."""
    rng = np.random.default_rng(11)
    spread, price = rng.beta(1.0, 17 / 3, 25), np.array([1.0, 0.8, 0.7, 0.5])
    control = np.array([rng.beta(1.0, b, 25) for b in (2 / 7, 3 / 7, 3 / 7, 5 / 7)])
    tolerance = np.array([1 / 7, 2.5 / 7, 2 / 7, 0.5 / 7])
    uses, below, cost = np.zeros(4), 0.5, 0.0
    for k in range(25):
        chosen = trial.suggest_categorical(f"station{k}", ["none", "a", "b", "c", "d"])
        grown = below + spread[k] * (1 - below)
        if chosen == "none":
            below = grown
        else:
            i = "abcd".index(chosen)
            below = grown * (1 - control[i, k] * (1 - tolerance[i]) ** uses[i])
            cost += price[i] * (1 - 0.05 * uses[i])
            uses[i] += 1
        cost += float(below > 0.1)
    return cost


def contamination(trial: optuna.Trial) -> float:
    """Clean a food chain at some of 25 stages, so that 95 % of the samples stay below a limit."""
    rng = np.random.default_rng(12)
    z, samples = rng.beta(1.0, 30.0, 100), 100
    spread, cleaned = rng.beta(1.0, 17 / 3, (25, samples)), rng.beta(1.0, 3 / 7, (25, samples))
    cost = 0.0
    for k in range(25):
        x = trial.suggest_categorical(f"stage{k}", [False, True])
        z = cleaned[k] * 0 + ((1 - cleaned[k]) * z if x else spread[k] * (1 - z) + z)
        cost += x + max(0.95 - float((z < 0.1).mean()), 0.0)
    return cost


@lru_cache(1)
def _clauses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(13)
    variables = np.array([rng.choice(28, 3, replace=False) for _ in range(150)])
    return variables, rng.integers(0, 2, (150, 3)), rng.lognormal(0, 1, 150)


def maxsat(trial: optuna.Trial) -> float:
    """Weight of the clauses of three literals that are false."""
    variables, signs, weights = _clauses()
    x = np.array([trial.suggest_int(f"v{k}", 0, 1) for k in range(28)])
    return float(weights @ ~(x[variables] == signs).any(axis=1))


@lru_cache(1)
def _nk() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(14)
    others = np.array(
        [rng.choice(np.delete(np.arange(20), k), 3, replace=False) for k in range(20)]
    )
    return others, rng.random((20, 16))


def nk(trial: optuna.Trial) -> float:
    others, values = _nk()
    x = np.array([trial.suggest_categorical(f"bit{k}", [0, 1]) for k in range(20)])
    index = x * 8 + x[others] @ np.array([4, 2, 1])
    return -float(values[np.arange(20), index].mean())


def steps(trial: optuna.Trial) -> float:
    layers = trial.suggest_int("layers", 1, 12)
    width = trial.suggest_int("width", 8, 128, log=True)
    rate = trial.suggest_float("rate", 0.0, 0.6, step=0.05)
    kind = trial.suggest_categorical("kind", ["relu", "gelu", "silu", "tanh"])
    batch = trial.suggest_categorical("batch", [16, 32, 64, 128, 256])
    bonus = {"relu": 0.0, "gelu": 0.12, "silu": 0.1, "tanh": -0.3}[kind]
    size = np.log2(layers) + 0.7 * np.log2(width)
    loss = (size - 6.5) ** 2 / 8 + (rate - 0.05 * size) ** 2 * 6 - bonus
    if kind in ("gelu", "silu"):
        loss += (trial.suggest_int("warmup", 0, 10) - layers / 2) ** 2 / 50
    return float(loss + (np.log2(batch) - 6 - 0.2 * layers / 6) ** 2 / 10)


def objective(name: str, data: Path) -> Objective:
    """Make a problem."""
    made: dict[str, Callable[[], Objective]] = {
        "nb201": lambda: cells(data / "nb201.csv.gz", "c100_val_e12", 5),
        "digits201": lambda: cells("digits201", "valid_accuracy", 5),
        "transnas": lambda: cells(data / "transnas101_micro.csv.gz", "jigsaw", 4),
        "ofa": lambda: once_for_all(data / "ofa_mbv3_supernet_imagenet.csv.gz"),
        "gpt": lambda: gpt(data / "hwgpt_s.csv.gz"),
    }
    written = {f.__name__: f for f in (pest, contamination, maxsat, nk, steps)}
    return made[name]() if name in made else written[name]


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
            scaled = [
                np.mean([(r["best"][n - 1] - low) / (middle - low) for r in mine.values()])
                for n in at
            ]
            line = f"  {text:28s} n={len(mine):2d} " + " ".join(f"{v:.4f}" for v in scaled)
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
